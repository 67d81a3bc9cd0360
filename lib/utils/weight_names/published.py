"""Weights in files of others: where they are, which scheme names them, and the same under our names."""

from collections.abc import Iterable, Mapping
from typing import Any

from torch import Tensor

from lib.utils.weight_names.describe import is_classifier, wide_fusion_prefix
from lib.utils.weight_names.hrformer import is_joined, is_split, split_projections
from lib.utils.weight_names.rsn import is_mmpose_rsn, rsn_from_mmpose

# Where training programs put the weights in their checkpoints, in order of preference.
CONTAINERS = ("state_dict", "best_state_dict", "model")
# Put before every name by DistributedDataParallel, by torch.compile and by HigherHRNet's training in half precision
# (lib/fp16_utils/fp16util.py, network_to_half: the network is the second of two modules), in any order.
WRAPPERS = ("module.", "_orig_mod.", "1.")
# mmpose splits a network in two; the second part's name tells the version.
MMPOSE_PARTS = {"keypoint_head.": "mmpose 0.x", "head.": "mmpose 1.x", "backbone.": "mmpose backbone"}


def find_weights(content: Any) -> dict[str, Tensor] | None:
    """The names and tensors in what a checkpoint file holds; None where there are none."""
    if not isinstance(content, Mapping):
        return None
    # A training checkpoint may keep tensors beside its weights, such as the best accuracy.
    for key in CONTAINERS:
        if weights := find_weights(content.get(key)):
            return weights
    weights = {name: value.detach() for name, value in content.items() if isinstance(value, Tensor)}
    return weights if weights and all(isinstance(name, str) for name in weights) else None


def to_own_names(weights: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], str]:
    """Rename weights of any known scheme to our names, which are those of the original publications.

    Args:
        weights: names and tensors as a file has them.

    Returns:
        The same tensors under our names, mmpose's joined attention layers split, and the scheme: "official",
        "UDP-Pose", "HRFormer" (its own pose files, which have mmpose's prefixes), "mmpose 0.x", "mmpose 1.x", "mmpose
        backbone" or "ImageNet". Names of no known scheme come back unchanged as "official".
    """
    renamed = _strip_wrappers(weights)
    scheme = next((name for part, name in MMPOSE_PARTS.items() if _any_starts(renamed, part)), "")
    if not _any_starts(renamed, "backbone."):
        scheme = ""
    if scheme:
        renamed = {_strip_part(name): value for name, value in renamed.items()}
    if is_joined(renamed):
        renamed, scheme = split_projections(renamed), scheme or "mmpose backbone"
    elif is_split(renamed) and scheme:
        scheme = "HRFormer"
    if is_mmpose_rsn(renamed):
        renamed = {rsn_from_mmpose(name): value for name, value in renamed.items()}
    if is_classifier(renamed):
        return renamed, "ImageNet"
    if not scheme:
        scheme = "UDP-Pose" if wide_fusion_prefix(renamed) else "official"
    return renamed, scheme


def _strip_wrappers(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    names = list(weights)
    while prefix := next((wrapper for wrapper in WRAPPERS if all(name.startswith(wrapper) for name in names)), ""):
        names = [name.removeprefix(prefix) for name in names]
    return dict(zip(names, weights.values(), strict=True))


def _strip_part(name: str) -> str:
    part = next((part for part in MMPOSE_PARTS if name.startswith(part)), "")
    return name.removeprefix(part)


def _any_starts(names: Iterable[str], prefix: str) -> bool:
    return any(name.startswith(prefix) for name in names)

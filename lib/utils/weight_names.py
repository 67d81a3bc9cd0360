"""Naming schemes of published weights, and what kind of network a set of names belongs to."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from torch import Tensor

# Where training programs put the weights in their checkpoints, in order of preference.
CONTAINERS = ("state_dict", "best_state_dict", "model")
# Put before every name by DistributedDataParallel and torch.compile, in any order.
WRAPPERS = ("module.", "_orig_mod.")
# mmpose splits a network in two; the second part's name tells the version.
MMPOSE_PARTS = {"keypoint_head.": "mmpose 0.x", "head.": "mmpose 1.x", "backbone.": "mmpose backbone"}
CLASSIFIER = re.compile(r"(fc|classifier|incre_modules)\.")
WIDE_FUSION = re.compile(r"(stage4\.\d+\.fuse_layers\.)0\.0\.0\.weight")
# Blocks in layer1 .. layer4, and whether they are bottlenecks -> depth of the ResNet.
RESNET_DEPTHS: dict[tuple[tuple[int, ...], bool], int] = {
    ((2, 2, 2, 2), False): 18,
    ((3, 4, 6, 3), False): 34,
    ((3, 4, 6, 3), True): 50,
    ((3, 4, 23, 3), True): 101,
    ((3, 8, 36, 3), True): 152,
}


def find_weights(content: Any) -> dict[str, Tensor] | None:
    """The names and tensors in what a checkpoint file holds; None where there are none."""
    if not isinstance(content, Mapping):
        return None
    weights = {name: value.detach() for name, value in content.items() if isinstance(value, Tensor)}
    if weights and all(isinstance(name, str) for name in weights):
        return weights
    for key in CONTAINERS:
        weights = find_weights(content.get(key)) or {}
        if weights:
            return weights
    return None


def to_own_names(weights: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], str]:
    """Rename weights of any known scheme to our names, which are those of the original publications.

    Args:
        weights: names and tensors as a file has them.

    Returns:
        The same tensors under our names, and the scheme: "official", "UDP-Pose", "mmpose 0.x", "mmpose 1.x",
        "mmpose backbone" or "ImageNet". Names of no known scheme come back unchanged as "official".
    """
    renamed = _strip_wrappers(weights)
    scheme = next((name for part, name in MMPOSE_PARTS.items() if _any_starts(renamed, part)), "")
    if not _any_starts(renamed, "backbone."):
        scheme = ""
    if scheme:
        renamed = {_strip_part(name): value for name, value in renamed.items()}
    if any(CLASSIFIER.match(name) for name in renamed):
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


def wide_fusion_prefix(names: Iterable[str]) -> str:
    """What the names of UDP-Pose's widened last fusion start with, '' where the network has none."""
    return next((match[1] for match in map(WIDE_FUSION.fullmatch, names) if match), "")


def describe_network(weights: Mapping[str, Tensor]) -> str:
    """What network the weights belong to, in words, for example "HRNet-W32" or "ResNet-50"."""
    if "transition1.0.0.weight" in weights:
        width = weights["transition1.0.0.weight"].shape[0]
        return f"HRNet-W{width}" + (" with UDP-Pose's wide fusion" if wide_fusion_prefix(weights) else "")
    blocks = tuple(_count_blocks(weights, f"layer{index}") for index in range(1, 5))
    depth = RESNET_DEPTHS.get((blocks, "layer1.0.conv3.weight" in weights))
    return f"ResNet-{depth}" if depth else "a network of another kind"


def _count_blocks(names: Iterable[str], layer: str) -> int:
    return len({name.split(".")[1] for name in names if name.startswith(f"{layer}.")})

"""Our names back to those of the published schemes."""

from collections.abc import Collection, Mapping

from torch import Tensor

from lib.utils.errors import PoseError
from lib.utils.weight_names.describe import is_classifier, wide_fusion_prefix
from lib.utils.weight_names.hrformer import is_split, join_projections
from lib.utils.weight_names.rsn import has_steps, is_rsn, rsn_to_mmpose

ORIGINAL = "original"
# mmpose's schemes -> how they call the head.
HEADS = {"mmpose0": "keypoint_head.", "mmpose1": "head."}
TARGETS = (ORIGINAL, *HEADS)
HEAD_MODULES = ("final_layer", "final_layers", "deconv_layers")
HIGHER_HRNET = "final_layers.0.weight"


def to_scheme(weights: Mapping[str, Tensor], target: str) -> dict[str, Tensor]:
    """Rename weights from our names to a published scheme's.

    Args:
        weights: entries under our names. For mmpose, an RSN's convolutions have no biases (see `fold_biases`).
        target: one of TARGETS.

    Returns:
        The same tensors; HRFormer's attention layers are joined for mmpose. Without a pose head there are no prefixes,
        as in the published ImageNet files.

    Raises:
        PoseError: mmpose has no such network, so there are no names for it.
    """
    if target == ORIGINAL:
        # HRFormer was published in a copy of mmpose, with its prefixes but its own attention.
        return _with_parts(weights, HEADS["mmpose0"]) if is_split(weights) else dict(weights)
    _check_known(weights, target)
    if is_rsn(weights):
        return _rsn_names(weights, HEADS[target])
    return _with_parts(join_projections(weights) if is_split(weights) else weights, HEADS[target])


def _check_known(weights: Collection[str], target: str) -> None:
    if wide_fusion_prefix(weights):
        raise PoseError(
            "mmpose's HRNet has no wide last fusion as UDP-Pose's, so there are no names for these weights; use them "
            "here or with --to original."
        )
    if is_rsn(weights) and not has_steps(weights):
        raise PoseError(
            "mmpose has no names for the baseline of the RSN repository; use these weights here or with --to original."
        )
    if HIGHER_HRNET in weights and target == "mmpose1":
        raise PoseError("mmpose 1.x has no HigherHRNet, so there are no names for these weights; use --to mmpose0.")


def _with_parts(weights: Mapping[str, Tensor], head: str) -> dict[str, Tensor]:
    heads = {name for name in weights if name.split(".")[0] in HEAD_MODULES}
    if not heads or is_classifier(weights):
        return dict(weights)
    return {(head if name in heads else "backbone.") + name: value for name, value in weights.items()}


def _rsn_names(weights: Mapping[str, Tensor], head: str) -> dict[str, Tensor]:
    theirs, unknown = {}, []
    for name, value in weights.items():
        renamed, in_head = rsn_to_mmpose(name)
        if not renamed:
            unknown.append(name)
        theirs[(head if in_head else "backbone.") + renamed] = value
    if unknown:
        raise PoseError(
            f"mmpose's RSN has no names for {len(unknown)} entries, such as {unknown[0]}; use them here or with --to "
            "original."
        )
    return theirs

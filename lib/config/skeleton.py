"""The keypoint set of a configuration."""

from dataclasses import replace

from yacs.config import CfgNode

from lib.skeletons.skeleton import Skeleton, load_skeleton, skeleton_from_dict
from lib.utils.errors import PoseError


def resolve_skeleton(config: CfgNode) -> Skeleton:
    """The keypoint set: the SKELETON section when it has NAMES, else DATASET.SKELETON; DATASET.UPPER_BODY goes first.

    Raises:
        PoseError: no such set, or a definition with faults.
    """
    skeleton, upper_body = _defined_skeleton(config), tuple(config.DATASET.UPPER_BODY)
    if not upper_body:
        return skeleton
    if not set(upper_body) <= set(range(skeleton.num_keypoints)):
        raise PoseError(
            f"DATASET.UPPER_BODY is {list(upper_body)}, but it must be a list of indices from 0 to "
            f"{skeleton.num_keypoints - 1}."
        )
    return replace(skeleton, upper_body=upper_body)


def _defined_skeleton(config: CfgNode) -> Skeleton:
    inline = config.SKELETON
    if not inline.NAMES:
        return load_skeleton(config.DATASET.SKELETON)
    # An empty list means "not given" here, and None says so to the definition's own defaults.
    definition = {key.lower(): value or None for key, value in inline.items()}
    return skeleton_from_dict(definition | {"name": inline.NAME or "inline"}, "SKELETON")

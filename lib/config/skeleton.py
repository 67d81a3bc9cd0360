"""The keypoint set of a configuration."""

from yacs.config import CfgNode

from lib.skeletons.skeleton import Skeleton, load_skeleton, skeleton_from_dict


def resolve_skeleton(config: CfgNode) -> Skeleton:
    """The keypoint set: the SKELETON section when it has NAMES, else DATASET.SKELETON.

    Raises:
        PoseError: no such set, or a definition with faults.
    """
    inline = config.SKELETON
    if not inline.NAMES:
        return load_skeleton(config.DATASET.SKELETON)
    # An empty list means "not given" here, and None says so to the definition's own defaults.
    definition = {key.lower(): value or None for key, value in inline.items()}
    return skeleton_from_dict(definition | {"name": inline.NAME or "inline"}, "SKELETON")

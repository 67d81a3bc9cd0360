"""Some of the keypoints of a set, chosen by words."""

from fnmatch import fnmatchcase

import numpy as np
from numpy.typing import NDArray

from lib.skeletons.skeleton import Skeleton
from lib.utils.annotation_form import KEYPOINTS
from lib.utils.errors import PoseError

# Longer lists of names are no help in a message.
SHOWN_NAMES = 24


def keypoint_subset(skeleton: Skeleton, text: str) -> NDArray[np.bool_]:
    """The keypoints that a comma-separated list of words means.

    Args:
        skeleton: the keypoint set.
        text: names of keypoints; shell patterns such as `left_*`; where the set has them, `upper` and `lower`, the two
            sides of half-body augmentation, and its parts: body, foot, face, lefthand and righthand of COCO-WholeBody.
            Upper and lower case are equal.

    Returns:
        (K,), true for keypoints that any of the words means.

    Raises:
        PoseError: a word means no keypoint, or there is no word.
    """
    words = [word for word in (part.strip().lower() for part in text.split(",")) if word]
    names, groups = [name.lower() for name in skeleton.names], _groups(skeleton)
    chosen = np.zeros(skeleton.num_keypoints, dtype=np.bool_)
    for word in words:
        if word in groups and word not in names:
            chosen |= groups[word]
            continue
        own = np.array([name == word or fnmatchcase(name, word) for name in names])
        if not own.any():
            raise PoseError(
                f"{word!r} is no keypoint of {skeleton.name}; give words of {_possibilities(skeleton, list(groups))}."
            )
        chosen |= own
    if not words:
        raise PoseError(
            f"no keypoint of {skeleton.name} is named; give words of {_possibilities(skeleton, list(groups))}."
        )
    return chosen


def _groups(skeleton: Skeleton) -> dict[str, NDArray[np.bool_]]:
    """Masks of the parts of the set, by the words for them."""
    groups = {}
    if skeleton.upper_body:
        upper = np.isin(np.arange(skeleton.num_keypoints), skeleton.upper_body)
        groups = {"upper": upper, "lower": ~upper}
    start = 0
    for field, count in skeleton.fields:
        word = "body" if field == KEYPOINTS else field.removesuffix("_kpts").lower()
        mask = np.zeros(skeleton.num_keypoints, dtype=np.bool_)
        mask[start : start + count] = True
        groups[word], start = mask, start + count
    return groups


def _possibilities(skeleton: Skeleton, groups: list[str]) -> str:
    names = list(skeleton.names)
    if len(names) > SHOWN_NAMES:
        names = [*names[:SHOWN_NAMES], f"... ({len(names)} names)"]
    return ", ".join(["patterns such as *left*", *groups, *names])

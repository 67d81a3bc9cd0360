"""Boxes around poses, and how much boxes overlap."""

import numpy as np
from numpy.typing import NDArray

from lib.utils.people import Boxes, FloatArray, People, pose_extents

# Below it a keypoint is a guess about something that is not in sight.
KEYPOINT_SCORE = 0.2
# Share of the pose's longer side that is added on every side: a person reaches beyond the keypoints, in COCO by a
# median of 0.05 to 0.12 of it (55 people of train2017 and val2017 with 12 labelled keypoints), and moves meanwhile.
POSE_MARGIN = 0.1
# With fewer keypoints the box of the pose says too little about the person.
LEAST_KEYPOINTS = 3
# Less than this share of the box in the picture, and the network would look at padding.
LEAST_INSIDE = 0.2


def seen_keypoints(keypoints: FloatArray, min_score: float) -> NDArray[np.bool_]:
    """Which keypoints (..., K, 3) have finite numbers and at least this score, (..., K)."""
    return np.isfinite(keypoints).all(axis=-1) & (keypoints[..., 2] >= min_score)


def boxes_from_poses(
    people: People,
    size_wh: tuple[int, int],
    *,
    margin: float = POSE_MARGIN,
    min_score: float = 0.1,
    keypoint_score: float = KEYPOINT_SCORE,
) -> Boxes:
    """Where to look for the same people in the next frame of a video, between two detections.

    Args:
        people: of this frame.
        size_wh: of the picture.
        margin: share of the pose's longer side added on every side.
        min_score: people below this pose score are dropped.
        keypoint_score: keypoints below it do not count.

    Returns:
        Boxes of at most P people, clipped to the picture. Dropped are poses that are too weak, have fewer than three
        keypoints that count (all of them where the set has fewer), or lie with less than a fifth of their box in the
        picture. A box keeps the score of the box that the pose was found in: pose scores are a product with it and
        would shrink from frame to frame.
    """
    seen = seen_keypoints(people.keypoints, keypoint_score)
    extents = pose_extents(people.keypoints[..., :2], seen)
    around = margin * extents[:, 2:].max(axis=1, initial=0.0, keepdims=True)
    low, size = extents[:, :2] - around, extents[:, 2:] + 2.0 * around
    inside_low, inside_high = np.clip(low, 0.0, size_wh), np.clip(low + size, 0.0, size_wh)
    inside = inside_high - inside_low
    enough = seen.sum(axis=1) >= min(LEAST_KEYPOINTS, seen.shape[1])
    within = (inside.prod(axis=1) >= LEAST_INSIDE * size.prod(axis=1)) & (inside > 0).all(axis=1)
    kept = enough & within & (people.scores >= min_score)
    return Boxes(np.concatenate([inside_low, inside], axis=1)[kept], people.boxes.scores[kept])


def widened(xywh: FloatArray, around: FloatArray) -> FloatArray:
    """Boxes (..., 4) that reach further by `around` pixels, (...), on every side."""
    return np.concatenate([xywh[..., :2] - around[..., None], xywh[..., 2:] + 2.0 * around[..., None]], axis=-1)


def box_overlap(first: FloatArray, second: FloatArray) -> FloatArray:
    """Intersection over union of boxes (..., 4), whose leading axes broadcast; 0 for two boxes without area."""
    low = np.maximum(first[..., :2], second[..., :2])
    high = np.minimum(first[..., :2] + first[..., 2:], second[..., :2] + second[..., 2:])
    shared = np.maximum(high - low, 0.0).prod(axis=-1)
    union = first[..., 2:].prod(axis=-1) + second[..., 2:].prod(axis=-1) - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)

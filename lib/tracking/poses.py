"""Poses as the tracker compares them: columns of finite numbers, whatever the frame held."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lib.tracking.boxes import seen_keypoints
from lib.utils.errors import PoseError
from lib.utils.people import FloatArray, People, pose_extents


@dataclass(frozen=True)
class Poses:
    """P poses.

    Attributes:
        points: image_ (x, y), (P, K, 2); 0 where not seen.
        seen: which keypoints count, (P, K).
        boxes: image_ left, top, width, height, (P, 4); the keypoints' extents where the frame's box is unusable.
        scores: (P,); 0 for poses that nothing can be compared of.
        appearance: (P, D); zeros where unknown.
    """

    points: FloatArray
    seen: NDArray[np.bool_]
    boxes: FloatArray
    scores: FloatArray
    appearance: FloatArray

    @classmethod
    def none(cls, num_keypoints: int) -> "Poses":
        """No pose, of an appearance not yet known."""
        points, seen = np.empty((0, num_keypoints, 2)), np.empty((0, num_keypoints), dtype=bool)
        return cls(points, seen, np.empty((0, 4)), np.empty(0), np.empty((0, 0)))

    def __len__(self) -> int:
        return len(self.scores)

    def moved(self, shift: FloatArray) -> "Poses":
        """The same poses elsewhere, by (P, 2) pixels."""
        boxes = np.concatenate([self.boxes[:, :2] + shift, self.boxes[:, 2:]], axis=1)
        return replace(self, points=self.points + shift[:, None], boxes=boxes)

    def with_appearance(self, size: int) -> "Poses":
        """Unknown appearance of D = `size` in place of none at all."""
        if self.appearance.shape[1] == size:
            return self
        return replace(self, appearance=np.zeros((len(self), size)))

    @property
    def centers(self) -> FloatArray:
        """Middles of the boxes, (P, 2)."""
        return self.boxes[:, :2] + self.boxes[:, 2:] / 2.0

    @property
    def sizes(self) -> FloatArray:
        """Square roots of the boxes' areas, (P,), pixels."""
        return np.sqrt(self.boxes[:, 2:].prod(axis=1))


def observed(people: People, keypoint_score: float, appearance: FloatArray | None = None) -> Poses:
    """The people of a frame, with what is not finite or not seen taken out.

    Args:
        people: of one frame.
        keypoint_score: keypoints below it are not seen.
        appearance: (P, D), zeros where unknown.

    Raises:
        PoseError: an appearance of another shape, or one that is negative or not finite.
    """
    seen = seen_keypoints(people.keypoints, keypoint_score)
    points = np.where(seen[..., None], people.keypoints[..., :2], 0.0)
    boxes = usable_boxes(people, seen)
    usable = np.isfinite(people.scores) & (boxes[:, 2:] > 0).all(axis=1)
    scores = np.where(usable, people.scores, 0.0)
    looks = np.zeros((len(people), 0)) if appearance is None else np.asarray(appearance, dtype=np.float64)
    if looks.ndim != 2 or len(looks) != len(people) or not (np.isfinite(looks) & (looks >= 0)).all():
        raise PoseError(
            f"an appearance of shape {looks.shape} for {len(people)} people cannot be used; give finite numbers from "
            "0, one row per person."
        )
    return Poses(points, seen, boxes, scores, looks)


def usable_boxes(people: People, seen: NDArray[np.bool_]) -> FloatArray:
    """The people's boxes, (P, 4), or the extents of their seen keypoints where a box has no area or is not finite."""
    xywh = people.boxes.xywh
    finite = np.isfinite(xywh).all(axis=1, keepdims=True)
    usable = finite & (np.where(finite, xywh, 0.0)[:, 2:] > 0).all(axis=1, keepdims=True)
    return np.where(usable, xywh, pose_extents(people.keypoints[..., :2], seen))

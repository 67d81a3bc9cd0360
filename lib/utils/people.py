"""The people found in one picture, as columns."""

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from lib.utils.errors import PoseError

FloatArray = NDArray[np.float64]
NO_TRACK = -1


@dataclass(frozen=True)
class Boxes:
    """Boxes of N people in one picture.

    Attributes:
        xywh: image_ left, top, width, height, (N, 4), float64.
        scores: 0..1, (N,), float64; 1 where nobody measured them.
    """

    xywh: FloatArray
    scores: FloatArray

    @classmethod
    def none(cls) -> "Boxes":
        """No box."""
        return cls(np.empty((0, 4)), np.empty(0))

    @classmethod
    def of(cls, xywh: object, scores: object = None) -> "Boxes":
        """Boxes from anything that NumPy reads.

        Args:
            xywh: (N, 4).
            scores: (N,); all 1 when None.

        Raises:
            PoseError: other shapes, or numbers that are not finite.
        """
        try:
            rows = np.asarray(xywh, dtype=np.float64)
            values = np.ones(rows.shape[:1]) if scores is None else np.asarray(scores, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise PoseError(
                f"boxes cannot be used ({error}); give (x, y, width, height) per person, (N, 4)."
            ) from error
        rows = rows.reshape(0, 4) if rows.size == 0 else rows
        if rows.ndim != 2 or rows.shape[1] != 4 or values.shape != (len(rows),):
            raise PoseError(
                f"boxes of shape {rows.shape} with scores of shape {values.shape} cannot be used; give (x, y, width, "
                "height) per person, (N, 4), and one score each."
            )
        if not (np.isfinite(rows).all() and np.isfinite(values).all()):
            raise PoseError("a box or its score is not a finite number; correct it.")
        return cls(rows, values)

    def __len__(self) -> int:
        return len(self.xywh)


@dataclass(frozen=True)
class People:
    """P people of one picture, all with the same K keypoints.

    Attributes:
        boxes: where each was looked for; (P,) of them.
        keypoints: image_ (x, y, score), (P, K, 3), float64.
        scores: of the poses, (P,), float64.
        track_ids: (P,), int64; NO_TRACK for people who are not followed.
    """

    boxes: Boxes
    keypoints: FloatArray
    scores: FloatArray
    track_ids: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))

    def __post_init__(self) -> None:
        if len(self.track_ids) != len(self.scores):
            object.__setattr__(self, "track_ids", np.full(len(self.scores), NO_TRACK, np.int64))

    @classmethod
    def none(cls, num_keypoints: int) -> "People":
        """Nobody."""
        return cls(Boxes.none(), np.empty((0, num_keypoints, 3)), np.empty(0))

    def __len__(self) -> int:
        return len(self.scores)

    def take(self, chosen: NDArray[np.bool_] | NDArray[np.intp]) -> "People":
        """Some of the people: a mask (P,) or indices."""
        return People(
            Boxes(self.boxes.xywh[chosen], self.boxes.scores[chosen]),
            self.keypoints[chosen],
            self.scores[chosen],
            self.track_ids[chosen],
        )

    def tracked(self, track_ids: NDArray[np.int64]) -> "People":
        """The same people with other track ids, (P,)."""
        return replace(self, track_ids=track_ids)

    def moved(self, keypoints: FloatArray) -> "People":
        """The same people with other keypoints, (P, K, 3)."""
        return replace(self, keypoints=keypoints)


def pose_extents(points: FloatArray, seen: NDArray[np.bool_]) -> FloatArray:
    """The smallest boxes around the seen keypoints.

    Args:
        points: image_ (x, y), (P, K, 2).
        seen: (P, K).

    Returns:
        image_ left, top, width, height, (P, 4); zeros where no keypoint is seen.
    """
    low = np.where(seen[..., None], points, np.inf).min(axis=1, initial=np.inf)
    high = np.where(seen[..., None], points, -np.inf).max(axis=1, initial=-np.inf)
    anything = seen.any(axis=1, keepdims=True)
    low, high = np.where(anything, low, 0.0), np.where(anything, high, 0.0)
    return np.concatenate([low, high - low], axis=1)

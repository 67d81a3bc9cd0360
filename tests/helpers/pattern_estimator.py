"""An estimator without a network: every box holds the same pose."""

from collections.abc import Callable, Sequence

import numpy as np

from lib.estimator import Estimate, Heat
from lib.utils.people import Boxes, People

# A standing person in COCO's order, as shares of the box.
STANDING = np.array(
    [
        *[(0.5, 0.1), (0.55, 0.07), (0.45, 0.07), (0.6, 0.1), (0.4, 0.1)],
        *[(0.7, 0.25), (0.3, 0.25), (0.8, 0.4), (0.2, 0.4), (0.85, 0.55), (0.15, 0.55)],
        *[(0.63, 0.55), (0.37, 0.55), (0.64, 0.75), (0.36, 0.75), (0.65, 0.95), (0.35, 0.95)],
    ]
)


class PatternEstimator:
    """Finds the standing pose in every box, with score `score` of each keypoint.

    Args:
        score: of the keypoints.
        before: called with the pictures of each call.
    """

    needs_boxes = True

    def __init__(self, score: float = 0.9, before: Callable[[Sequence[np.ndarray]], None] | None = None) -> None:
        self.calls: list[int] = []
        self._score, self._before = score, before

    def check_size(self, size_wh: tuple[int, int]) -> None:
        """See `Estimator`."""

    def __call__(
        self,
        pictures: Sequence[np.ndarray],
        boxes: Sequence[Boxes] | None = None,
        *,
        suppress: bool = True,  # noqa: ARG002 - part of the contract
        with_heat: bool = False,
    ) -> list[Estimate]:
        """One pose per box."""
        assert boxes is not None
        self.calls.append(len(pictures))
        if self._before is not None:
            self._before(pictures)
        return [self._estimate(own, with_heat) for own in boxes]

    def _estimate(self, boxes: Boxes, with_heat: bool) -> Estimate:
        points = boxes.xywh[:, None, :2] + STANDING * boxes.xywh[:, None, 2:]
        scores = np.full((*points.shape[:2], 1), self._score)
        people = People(boxes, np.concatenate([points, scores], axis=2), boxes.scores * self._score)
        maps = np.ones((len(boxes), 4, 4), np.float32)
        return Estimate(people, Heat(maps, np.tile(np.eye(2, 3), (len(boxes), 1, 1))) if with_heat else None)

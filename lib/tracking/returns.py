"""Who of the people that were lost has come back."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lib.tracking.poses import Poses
from lib.tracking.similarity import appearance_similarity
from lib.tracking.tracks import Tracks
from lib.utils.people import FloatArray

# Longer sides of the boxes may differ by this factor: people who leave are cut off, and come back nearer or farther.
SIZE_FACTOR = 1.6
# How far from where they are expected people may come back, in units of their size: at once, more per second, at most.
REACH, REACH_PER_SECOND, LARGEST_REACH = 1.0, 0.5, 2.5
# A box this near the border, as a share of the person's size, belongs to somebody who goes or comes there.
BORDER_SHARE = 0.25
# Bhattacharyya coefficient of the looks that a return needs. Of 93 people of COCO it lets 99 % pass under other light,
# noise and a shifted box, and 11 % of the pairs of different people.
LEAST_ALIKE = 0.8
# By how much a pair must be better than every other one that either of the two could make.
CLEARLY_BETTER = 0.1


@dataclass(frozen=True)
class ReturnRule:
    """When a person seen anew is taken for one who was lost.

    Attributes:
        size_wh: of the picture; None where it is not known, and then nothing is asked about its borders.
    """

    size_wh: tuple[int, int] | None

    def returned(self, lost: Tracks, first: Poses, time: float) -> NDArray[np.intp]:
        """Which lost person each newly seen one is.

        Args:
            lost: T people who are not in the frame.
            first: N poses of the newly seen, from when they were first seen.
            time: seconds, of that.

        Returns:
            Rows of `lost`, (N,), each once at most; -1 where nobody fits, or more than one could be meant.
        """
        likely = self._likelihood(lost, first, time)
        rivals = np.maximum(_best_other(likely, axis=0), _best_other(likely, axis=1))
        clear = (likely > 0) & (likely >= rivals + CLEARLY_BETTER)
        return np.where(clear.any(axis=0), clear.argmax(axis=0) if len(lost) else 0, -1)

    def _likelihood(self, lost: Tracks, first: Poses, time: float) -> FloatArray:
        """(T, N): 0 where it cannot be, else how alike they look, and 1 where the looks are not known."""
        sizes = lost.poses.sizes[:, None]
        places = lost.expected(time).centers
        if self.size_wh is not None:
            places = np.clip(places, 0.0, self.size_wh)
        distance = np.linalg.norm(places[:, None] - first.centers[None], axis=-1)
        reach = np.minimum(REACH + REACH_PER_SECOND * (time - lost.times), LARGEST_REACH)[:, None]
        lengths = lost.poses.boxes[:, None, 2:].max(axis=-1), first.boxes[None, :, 2:].max(axis=-1)
        alike_in_size = np.maximum(*lengths) <= SIZE_FACTOR * np.minimum(*lengths)
        # Who was in one frame with somebody is not that person.
        apart = (lost.times < time)[:, None]
        possible = apart & (distance <= reach * sizes) & alike_in_size & self._same_side(lost.poses, first)
        alike = appearance_similarity(lost.poses.appearance, first.appearance)
        likely = np.where(np.isnan(alike), 1.0, np.where(alike >= LEAST_ALIKE, alike, 0.0))
        return np.where(possible, likely, 0.0)

    def _same_side(self, lost: Poses, first: Poses) -> NDArray[np.bool_]:
        """Who went over a border comes back over it, (T, N)."""
        if self.size_wh is None:
            return np.ones((len(lost), len(first)), dtype=bool)
        before, now = _sides(lost, self.size_wh), _sides(first, self.size_wh)
        shared = (before[:, None] & now[None]).any(axis=-1)
        return np.asarray(shared | ~before.any(axis=1, keepdims=True))


def _sides(poses: Poses, size_wh: tuple[int, int]) -> NDArray[np.bool_]:
    """Which borders each box is at: left, top, right, bottom, (P, 4)."""
    low, high = poses.boxes[:, :2], poses.boxes[:, :2] + poses.boxes[:, 2:]
    gaps = np.concatenate([low, np.array(size_wh, dtype=np.float64) - high], axis=1)
    return gaps <= BORDER_SHARE * poses.sizes[:, None]


def _best_other(values: FloatArray, axis: int) -> FloatArray:
    """For each entry the largest of the others along an axis, 0 where there is none; values from 0."""
    if values.shape[axis] < 2:
        return np.zeros_like(values)
    ordered = np.sort(values, axis=axis)
    largest, second = np.take(ordered, [-1], axis=axis), np.take(ordered, [-2], axis=axis)
    at_largest = np.argmax(values, axis=axis, keepdims=True) == np.expand_dims(np.arange(values.shape[axis]), 1 - axis)
    return np.where(at_largest, second, largest)

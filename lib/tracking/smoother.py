"""Less jitter: the One-Euro filter on the keypoints of followed people.

Ours, because the filter of its authors' package (OneEuroFilter) takes one number at a time: a frame with five people
of 17 keypoints is 170 calls. The tests hold it against theirs.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lib.tracking.boxes import KEYPOINT_SCORE, seen_keypoints
from lib.tracking.columns import joined, taken
from lib.tracking.poses import usable_boxes
from lib.utils.errors import PoseError
from lib.utils.people import NO_TRACK, FloatArray, People

# Cut-off of the speeds' own low-pass filter, Hz, as published.
SPEED_CUTOFF = 1.0
# Frames are never closer than this, so that two with the same time stamp do not make an infinite speed.
LEAST_STEP_SECONDS = 1e-3


@dataclass(frozen=True)
class _State:
    """ids (T,); image_ values and speeds per second, filtered, (T, K, 2); last sighting per keypoint, (T, K)."""

    ids: NDArray[np.int64]
    values: FloatArray
    speeds: FloatArray
    times: FloatArray

    @classmethod
    def unseen(cls, ids: NDArray[np.int64], num_keypoints: int) -> "_State":
        shape = (len(ids), num_keypoints)
        return cls(ids, np.zeros((*shape, 2)), np.zeros((*shape, 2)), np.full(shape, -np.inf))


class PoseSmoother:
    """One-Euro filter per track, keypoint and axis: strong at rest, quick in motion.

    The cut-off frequency is min_cutoff + beta · |speed|, with the filtered speed in sizes of the person per second (the
    square root of the box's area), so that one setting serves large and small people. For a box that keeps its area
    A the filter is the published one with beta / sqrt(A) per pixel.

    Keypoints below `keypoint_score`, or not finite, and people without a track id are passed through and change
    nothing. A keypoint that was not seen for more than `gap_seconds`, its person absent or not, starts anew where it is
    seen; so does all where time goes back. Scores stay as they are.

    Args:
        min_cutoff: Hz, above 0; lower is smoother at rest.
        beta: Hz per (size per second), from 0; higher lags less in motion.
        keypoint_score: see above.
        gap_seconds: see above.

    Raises:
        PoseError: settings out of range.

    Source: Casiez, Roussel, Vogel: 1 € Filter, CHI 2012; the package differs in beta's unit only.
    """

    def __init__(
        self,
        min_cutoff: float = 1.0,
        beta: float = 10.0,
        *,
        keypoint_score: float = KEYPOINT_SCORE,
        gap_seconds: float = 0.25,
    ) -> None:
        if not (0 < min_cutoff < math.inf and 0 <= beta < math.inf and 0 < gap_seconds < math.inf):
            raise PoseError(
                f"min_cutoff {min_cutoff}, beta {beta} and gap_seconds {gap_seconds} cannot smooth; give numbers above "
                "0 (beta: from 0)."
            )
        self._min_cutoff, self._beta = min_cutoff, beta
        self._keypoint_score, self._gap_seconds = keypoint_score, gap_seconds
        self._state: _State | None = None
        self._time = -math.inf

    def update(self, people: People, time: float) -> People:
        """Smooth the next frame.

        Args:
            people: P people with K keypoints and track ids, each id once.
            time: of the frame, seconds.

        Returns:
            The same people with smoothed keypoints; the input is not modified.

        Raises:
            PoseError: an id twice, a time that is not finite, or another number of keypoints than before.
        """
        followed = np.flatnonzero(people.track_ids != NO_TRACK)
        ids, num_keypoints = people.track_ids[followed], people.keypoints.shape[1]
        if len(np.unique(ids)) != len(ids):
            raise PoseError("a track id occurs twice in one frame; smooth each person once.")
        if not math.isfinite(time):
            raise PoseError(f"the time {time} of a frame is not finite; give seconds.")
        if self._state is None or time < self._time:
            self._state = _State.unseen(ids[:0], num_keypoints)
        if self._state.times.shape[1] != num_keypoints:
            raise PoseError(
                f"people have {num_keypoints} keypoints instead of {self._state.times.shape[1]} as before; "
                "take a smoother of their own for each keypoint set."
            )
        self._time = time
        return self._smoothed(people, followed, self._state)

    def _smoothed(self, people: People, followed: NDArray[np.intp], state: _State) -> People:
        keypoints, ids = people.keypoints[followed], people.track_ids[followed]
        seen = seen_keypoints(people.keypoints, self._keypoint_score)
        sizes = np.sqrt(usable_boxes(people, seen)[followed, 2:].prod(axis=1))
        before, now = _of_ids(state, ids), seen[followed]
        # At least a pixel: a person without extent has no speed that could be judged.
        after = self._filtered(before, np.where(now[..., None], keypoints[..., :2], 0.0), now, np.maximum(sizes, 1.0))
        others = taken(state, ~np.isin(state.ids, ids))
        recent = self._time - others.times.max(axis=1, initial=-np.inf) <= self._gap_seconds
        self._state = joined([after, taken(others, recent)])
        smoothed = people.keypoints.copy()
        smoothed[followed, :, :2] = np.where(now[..., None], after.values, keypoints[..., :2])
        return people.moved(smoothed)

    def _filtered(self, before: _State, points: FloatArray, seen: NDArray[np.bool_], sizes: FloatArray) -> _State:
        """The state after one more frame: points (T, K, 2), seen (T, K), sizes (T,)."""
        elapsed = self._time - before.times
        anew = (elapsed > self._gap_seconds)[..., None]
        step = np.maximum(np.where(anew, 1.0, elapsed[..., None]), LEAST_STEP_SECONDS)
        change = points - before.values
        speeds = before.speeds + _weight(SPEED_CUTOFF, step) * (change / step - before.speeds)
        cutoff = self._min_cutoff + self._beta * np.abs(speeds) / sizes[:, None, None]
        values = before.values + _weight(cutoff, step) * change
        now = seen[..., None]
        return _State(
            before.ids,
            np.where(now, np.where(anew, points, values), before.values),
            np.where(now, np.where(anew, 0.0, speeds), before.speeds),
            np.where(seen, self._time, before.times),
        )


def _of_ids(state: _State, ids: NDArray[np.int64]) -> _State:
    """The rows of these ids, in their order, unseen ones for ids that are new."""
    full = joined([state, _State.unseen(np.setdiff1d(ids, state.ids), state.times.shape[1])])
    order = np.argsort(full.ids)
    return taken(full, order[np.searchsorted(full.ids, ids, sorter=order)])


def _weight(cutoff: FloatArray | float, step: FloatArray) -> FloatArray:
    """Share of the new value in a low-pass filter of `cutoff` Hz after `step` seconds."""
    turn = 2.0 * math.pi * cutoff * step
    return turn / (turn + 1.0)

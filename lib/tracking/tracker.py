"""Identities of people from frame to frame, by their poses.

Ours, because norfair pins NumPy below 2, and trackers brings a second OpenCV that overwrites the headless one and
follows boxes only. The assignment is SciPy's (linear_sum_assignment); confident poses first, then weak ones as in
ByteTrack (Zhang et al., ECCV 2022), with OKS and a constant velocity in place of box overlap and a Kalman filter.
"""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lib.tracking.boxes import KEYPOINT_SCORE
from lib.tracking.columns import joined, taken
from lib.tracking.poses import Poses, observed
from lib.tracking.returns import ReturnRule
from lib.tracking.similarity import IndexArray, appearance_similarity, best_pairs, pose_similarity
from lib.tracking.tracks import Tracks, crowded
from lib.utils.errors import PoseError
from lib.utils.people import NO_TRACK, FloatArray, People

# Least similarity of a pose with the place where its track is expected; weak poses need more.
CONFIDENT_GATE, WEAK_GATE = 0.3, 0.5
# How uncertain a place is, in units of the person's size: from the noise of two poses, per second since, and at most.
NOISE, DRIFT_PER_SECOND, LARGEST_DRIFT = 0.03, 0.5, 0.5
# Above this similarity two poses of one frame are one person found twice, unless both are followed already.
SAME_PERSON = 0.8
# How much the looks count beside the places when several people could be meant.
APPEARANCE_SHARE = 0.3


class PoseTracker:
    """Gives the people of each frame of a video the ids they had before.

    Ids count from 1 and are never used for somebody else. In the first frame every confident pose gets one; later a
    new person gets one when seen in a second frame running, so that a false detection of one frame takes none.
    Weak poses continue tracks but start none. A second pose of somebody who has one already gets no id.

    A person who is not seen is looked for during `keep_seconds` where the velocity leads, in a gate that widens with
    time. Up to `return_seconds` the id goes to a new person of that size, and of those looks where they are given, who
    appears near the place of the loss, and over the same border if it was at one. Where two could be meant, a new id is
    given.

    All times are seconds, so that any frame rate, also a varying one, gives the same behaviour. A time that goes back,
    or on by more than `return_seconds`, starts anew with a first frame; ids go on counting.

    Args:
        sigmas: OKS constants of the keypoint set, (K,).
        size_wh: of the pictures; without it borders play no part.
        confident_score: poses from this score on start tracks; those from `weak_score` on continue them, and weaker
            ones are not followed.
        weak_score: see `confident_score`.
        keypoint_score: keypoints below it are not compared.
        keep_seconds: how long a person may be hidden.
        return_seconds: how long a person may be away, at least `keep_seconds`.

    Raises:
        PoseError: settings that contradict each other.
    """

    def __init__(
        self,
        sigmas: ArrayLike,
        *,
        size_wh: tuple[int, int] | None = None,
        confident_score: float = 0.3,
        weak_score: float = 0.1,
        keypoint_score: float = KEYPOINT_SCORE,
        keep_seconds: float = 1.0,
        return_seconds: float = 5.0,
    ) -> None:
        if not 0 < weak_score <= confident_score:
            raise PoseError(
                f"weak_score {weak_score} is not between 0 and confident_score {confident_score}; lower it."
            )
        if not 0 < keep_seconds <= return_seconds < math.inf:
            raise PoseError(
                f"keep_seconds {keep_seconds} is not between 0 and return_seconds {return_seconds}; lower it."
            )
        self._sigmas = np.asarray(sigmas, dtype=np.float64)
        self._confident_score, self._weak_score = confident_score, weak_score
        self._keypoint_score = keypoint_score
        self._keep_seconds, self._return_seconds = keep_seconds, return_seconds
        self._returns = ReturnRule(size_wh)
        self._tracks = self._nobody()
        self._time: float | None = None
        self._next_id = 1

    def update(self, people: People, time: float, appearance: FloatArray | None = None) -> People:
        """Follow everybody into the next frame.

        Args:
            people: P people with K keypoints; numbers that are not finite count as not seen. Their order plays no part.
            time: of the frame, seconds.
            appearance: (P, D), histograms that sum to 1, or zeros where unknown, as `lib.tracking.appearance` makes
                them; decides between people who cross, and who may be taken for somebody that returns.

        Returns:
            The same people in the same order with track ids, NO_TRACK for those who are not followed.

        Raises:
            PoseError: another number of keypoints, a time that is not finite, or an appearance of another shape.
        """
        if people.keypoints.shape[1] != len(self._sigmas):
            raise PoseError(
                f"people with {people.keypoints.shape[1]} keypoints cannot be followed with {len(self._sigmas)} "
                "sigmas; give the tracker the sigmas of the same keypoint set."
            )
        if not math.isfinite(time):
            raise PoseError(f"the time {time} of a frame is not finite; give seconds.")
        poses = observed(people, self._keypoint_score, appearance)
        first_frame = self._time is None or not 0 <= time - self._time <= self._return_seconds
        if first_frame:
            self._tracks = self._nobody()
        poses = self._with_looks(poses)
        order = _canonical_order(poses)
        ids = np.full(len(people), NO_TRACK, np.int64)
        ids[order] = self._follow(taken(poses, order), time, first_frame)
        self._time = time
        return people.tracked(ids)

    def _follow(self, poses: Poses, time: float, first_frame: bool) -> NDArray[np.int64]:
        before = self._tracks
        rows, found = self._matched(before, poses, time)
        again = before.take(rows).seen_again(taken(poses, found), time, crowded(poses)[found])
        gone = np.setdiff1d(np.flatnonzero(before.ids != NO_TRACK), rows)
        again, gone = self._recognised(again, before, rows, gone)
        fresh = self._fresh(poses, found)
        new = Tracks.begun(taken(poses, fresh), time)
        if first_frame:
            new = new.named(self._new_ids(len(new)))
        ids = np.full(len(poses), NO_TRACK, np.int64)
        ids[found], ids[fresh] = again.ids, new.ids
        remembered = gone[time - before.times[gone] <= self._return_seconds]
        self._tracks = joined([again, before.take(remembered), new])
        return ids

    def _matched(self, tracks: Tracks, poses: Poses, time: float) -> tuple[IndexArray, IndexArray]:
        """Rows of tracks and of poses that belong together, both (M,)."""
        elapsed = time - tracks.times
        drift = np.minimum(NOISE + DRIFT_PER_SECOND * elapsed, LARGEST_DRIFT)
        similarity = pose_similarity(tracks.expected(time), poses, self._sigmas, drift)
        looks = appearance_similarity(tracks.poses.appearance, poses.appearance)
        worth = np.where(np.isnan(looks), similarity, similarity + APPEARANCE_SHARE * (looks - similarity))
        # The longer ago, the wider the gate; without this a lost person would take the pose of one who is in sight.
        worth = worth / (1.0 + elapsed / self._keep_seconds)[:, None]
        # However slow the frames are, the last one counts.
        kept = (elapsed <= self._keep_seconds) | (tracks.times == self._time)
        known, confident = tracks.ids != NO_TRACK, poses.scores >= self._confident_score
        weak = ~confident & (poses.scores >= self._weak_score)
        track_free, pose_free = np.ones(len(tracks), dtype=bool), np.ones(len(poses), dtype=bool)
        pairs = []
        for among_tracks, among_poses, gate in (
            (kept & known, confident, CONFIDENT_GATE),
            (kept & known, weak, WEAK_GATE),
            (~known, confident, CONFIDENT_GATE),
        ):
            rows, columns = np.flatnonzero(among_tracks & track_free), np.flatnonzero(among_poses & pose_free)
            pairs.append(best_pairs(np.where(similarity >= gate, worth, 0.0), rows, columns))
            track_free[pairs[-1][0]] = pose_free[pairs[-1][1]] = False
        return np.concatenate([pair[0] for pair in pairs]), np.concatenate([pair[1] for pair in pairs])

    def _recognised(
        self, again: Tracks, before: Tracks, rows: IndexArray, gone: IndexArray
    ) -> tuple[Tracks, IndexArray]:
        """Ids for those seen a second time, of somebody who is gone or new ones; and who is gone still."""
        waiting = np.flatnonzero(again.ids == NO_TRACK)
        first = before.take(rows[waiting])
        # All of them were first seen in the frame before: nobody waits longer.
        since = float(first.times[0]) if len(first) else 0.0
        who = self._returns.returned(before.take(gone), first.poses, since)
        known = who >= 0
        ids = again.ids.copy()
        ids[waiting[known]] = before.ids[gone[who[known]]]
        ids[waiting[~known]] = self._new_ids(int((~known).sum()))
        return again.named(ids), np.delete(gone, who[known])

    def _fresh(self, poses: Poses, found: IndexArray) -> IndexArray:
        """Confident poses that start a track, none of them a second pose of somebody better or followed already."""
        followed = np.zeros(len(poses), dtype=bool)
        followed[found] = True
        fresh = np.flatnonzero((poses.scores >= self._confident_score) & ~followed)
        same = pose_similarity(taken(poses, fresh), poses, self._sigmas, np.full(len(fresh), NOISE)) >= SAME_PERSON
        # Poses come best first, and the confident ones before all others.
        better = np.arange(len(poses)) < fresh[:, None]
        return fresh[~(same & (better | followed)).any(axis=1)]

    def _new_ids(self, count: int) -> NDArray[np.int64]:
        ids = np.arange(self._next_id, self._next_id + count, dtype=np.int64)
        self._next_id += count
        return ids

    def _with_looks(self, poses: Poses) -> Poses:
        """Poses and tracks with equally long appearances, where one of them has none yet."""
        size, known = poses.appearance.shape[1], self._tracks.poses.appearance.shape[1]
        if size and known and size != known:
            raise PoseError(
                f"an appearance has {size} columns instead of {known}; make it the same way in every frame."
            )
        self._tracks = self._tracks.with_appearance(max(size, known))
        return poses.with_appearance(max(size, known))

    def _nobody(self) -> Tracks:
        return Tracks.begun(Poses.none(len(self._sigmas)), 0.0)


def _canonical_order(poses: Poses) -> IndexArray:
    """Best first; equal scores by place, so that the order in which people are given plays no part."""
    sums = poses.points.sum(axis=1)
    return np.lexsort([*sums.T, *poses.boxes.T, -poses.scores])

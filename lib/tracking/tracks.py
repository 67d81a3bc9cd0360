"""The state of the tracker: what is known of each person who is, or was a moment ago, in the picture."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lib.tracking.boxes import box_overlap
from lib.tracking.columns import taken
from lib.tracking.motion import expected_shift, updated_velocities
from lib.tracking.poses import Poses
from lib.utils.people import NO_TRACK, FloatArray

# Looks are averaged over about this time.
APPEARANCE_SECONDS = 1.0
# Whose box overlaps another's by more shows that person's clothes too; the looks then stay as they were.
CROWDED_OVERLAP = 0.2


@dataclass(frozen=True)
class Tracks:
    """T people.

    Attributes:
        ids: (T,); NO_TRACK for those who were seen once and wait for a second time.
        poses: the last of each, with an appearance averaged over time.
        velocities: image_ pixels per second, (T, 2).
        times: of the last sighting, (T,), seconds.
        sightings: how often, (T,).
    """

    ids: NDArray[np.int64]
    poses: Poses
    velocities: FloatArray
    times: FloatArray
    sightings: NDArray[np.int64]

    @classmethod
    def begun(cls, poses: Poses, time: float) -> "Tracks":
        """People seen for the first time, still without ids."""
        count = len(poses)
        ids, sightings = np.full(count, NO_TRACK, np.int64), np.ones(count, np.int64)
        return cls(ids, poses, np.zeros((count, 2)), np.full(count, time), sightings)

    def __len__(self) -> int:
        return len(self.ids)

    def expected(self, time: float) -> Poses:
        """Where everybody should be at `time`."""
        return self.poses.moved(expected_shift(self.velocities, time - self.times))

    def seen_again(self, poses: Poses, time: float, crowded: NDArray[np.bool_]) -> "Tracks":
        """The same people with their poses of now, (T,) of them; `crowded` (T,) ones keep their looks."""
        elapsed = time - self.times
        return replace(
            self,
            poses=replace(poses, appearance=_blended(self.poses.appearance, poses.appearance, elapsed, crowded)),
            velocities=updated_velocities(self.velocities, self.poses, poses, elapsed, self.sightings),
            times=np.full(len(self), time),
            sightings=self.sightings + 1,
        )

    def named(self, ids: NDArray[np.int64]) -> "Tracks":
        """The same people under these ids, (T,)."""
        return replace(self, ids=ids)

    def with_appearance(self, size: int) -> "Tracks":
        """Unknown appearance of D = `size` in place of none at all."""
        return replace(self, poses=self.poses.with_appearance(size))

    def take(self, chosen: NDArray[np.bool_] | NDArray[np.intp]) -> "Tracks":
        """Some of them: a mask (T,) or indices."""
        return taken(self, chosen)


def crowded(poses: Poses) -> NDArray[np.bool_]:
    """Whose box overlaps somebody else's, (P,)."""
    overlap = box_overlap(poses.boxes[:, None], poses.boxes[None])
    np.fill_diagonal(overlap, 0.0)
    return overlap.max(axis=1, initial=0.0) > CROWDED_OVERLAP


def _blended(before: FloatArray, now: FloatArray, elapsed: FloatArray, crowded: NDArray[np.bool_]) -> FloatArray:
    kept = crowded | ~now.any(axis=1)
    weight = np.where(kept, 0.0, -np.expm1(-elapsed / APPEARANCE_SECONDS))
    weight = np.where(before.any(axis=1), weight, 1.0)
    return before + weight[:, None] * (now - before)

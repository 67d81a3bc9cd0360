"""Where a person is now, from where they were."""

import numpy as np
from numpy.typing import NDArray

from lib.tracking.boxes import LEAST_KEYPOINTS
from lib.tracking.poses import Poses
from lib.utils.people import FloatArray

# Velocities are averaged over about this time: shorter follows noise, longer a turn too late.
VELOCITY_SECONDS = 0.3
# A velocity fades with this time constant when nobody confirms it: people stop, turn, or are held back.
DAMPING_SECONDS = 1.0


def expected_shift(velocities: FloatArray, elapsed: FloatArray) -> FloatArray:
    """How far people have come, (T, 2) pixels, `elapsed` (T,) seconds after they had these velocities (T, 2).

    The velocity fades as exp(-t / DAMPING_SECONDS), so nobody goes further than DAMPING_SECONDS times it.
    """
    return velocities * (DAMPING_SECONDS * -np.expm1(-elapsed / DAMPING_SECONDS))[:, None]


def updated_velocities(
    velocities: FloatArray, before: Poses, after: Poses, elapsed: FloatArray, sightings: NDArray[np.int64]
) -> FloatArray:
    """Velocities with the step from one pose to the next blended in.

    Args:
        velocities: image_ pixels per second, (T, 2).
        before, after: T poses each.
        elapsed: seconds between them, (T,); where it is 0 the velocity stays.
        sightings: how often each person has been seen before `after`, (T,), at least 1.

    Returns:
        (T, 2). The first steps are averaged evenly with a velocity of 0, later ones with weights that fade over time.
    """
    weight = np.maximum(-np.expm1(-elapsed / VELOCITY_SECONDS), 1.0 / (sightings + 1.0))
    moving = elapsed > 0
    step = _step(before, after) / np.where(moving, elapsed, 1.0)[:, None]
    return velocities + np.where(moving, weight, 0.0)[:, None] * (step - velocities)


def _step(before: Poses, after: Poses) -> FloatArray:
    """The middle of the keypoints' shifts, (T, 2): one that jumps to the other leg does not count. Else the boxes'."""
    both = before.seen & after.seen
    count = both.sum(axis=1)
    shifts = np.sort(np.where(both[..., None], after.points - before.points, np.inf), axis=1)
    people = np.arange(len(both))
    lower, upper = shifts[people, np.maximum(count - 1, 0) // 2], shifts[people, count // 2]
    enough = (count >= min(LEAST_KEYPOINTS, both.shape[1]))[:, None]
    return np.where(enough, (lower + upper) / 2.0, after.centers - before.centers)

"""People with random numbers, as pose estimators give them."""

import numpy as np

from lib.utils.people import NO_TRACK, Boxes, People


def made_people(
    rng: np.random.Generator, count: int, num_keypoints: int = 17, *, tracked: bool = False, far: float = 1000.0
) -> People:
    """Some people; every second one followed on demand, with coordinates up to `far`."""
    points = np.concatenate(
        [rng.uniform(-50, far, (count, num_keypoints, 2)), rng.uniform(0, 1.2, (count, num_keypoints, 1))], axis=-1
    )
    ids = np.where(np.arange(count) % 2 == 0, 7 + np.arange(count), NO_TRACK) if tracked else np.full(count, NO_TRACK)
    return People(
        Boxes.of(rng.uniform(0, far, (count, 4)), rng.uniform(0, 1, count)),
        points,
        rng.uniform(0, 1, count),
        ids.astype(np.int64),
    )

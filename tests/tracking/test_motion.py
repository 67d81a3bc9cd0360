"""Velocities and where they lead, one number at a time."""

import math
import statistics

import numpy as np

from lib.tracking.motion import DAMPING_SECONDS, VELOCITY_SECONDS, expected_shift, updated_velocities
from lib.tracking.poses import Poses


def _poses(points: np.ndarray, seen: np.ndarray, boxes: np.ndarray) -> Poses:
    return Poses(np.where(seen[..., None], points, 0.0), seen, boxes, np.ones(len(points)), np.zeros((len(points), 0)))


def test_velocities_against_the_scalar_form(rng: np.random.Generator) -> None:
    people, num_keypoints = 12, 7
    points, boxes = rng.normal(100, 30, (2, people, num_keypoints, 2)), rng.uniform(10, 90, (2, people, 4))
    seen = rng.uniform(size=(2, people, num_keypoints)) < np.linspace(0, 1, people)[:, None]
    velocities, elapsed = rng.normal(0, 50, (people, 2)), rng.uniform(0.01, 1, people)
    elapsed[3] = 0.0
    sightings = rng.integers(1, 30, people)
    before, after = (_poses(points[k], seen[k], boxes[k]) for k in (0, 1))
    ours = updated_velocities(velocities, before, after, elapsed, sightings)
    for person in range(people):
        both = [k for k in range(num_keypoints) if seen[0, person, k] and seen[1, person, k]]
        for axis in (0, 1):
            if len(both) >= 3:
                step = statistics.median(points[1, person, k, axis] - points[0, person, k, axis] for k in both)
            else:
                middles = [box[person, axis] + box[person, axis + 2] / 2 for box in boxes]
                step = middles[1] - middles[0]
            weight = max(1 - math.exp(-elapsed[person] / VELOCITY_SECONDS), 1 / (sightings[person] + 1))
            expected = velocities[person, axis]
            if elapsed[person] > 0:
                expected += weight * (step / elapsed[person] - expected)
            assert math.isclose(ours[person, axis], expected, rel_tol=1e-12, abs_tol=1e-12)


def test_velocities_fade() -> None:
    velocities = np.array([[100.0, -50.0]] * 3)
    shift = expected_shift(velocities, np.array([0.0, 1e-3, 1e3]))
    np.testing.assert_allclose(shift[0], 0.0)
    np.testing.assert_allclose(shift[1], velocities[1] * 1e-3, rtol=1e-3)
    np.testing.assert_allclose(shift[2], velocities[2] * DAMPING_SECONDS)

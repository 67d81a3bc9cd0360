"""What is remembered of people's looks."""

import numpy as np

from lib.tracking.poses import Poses
from lib.tracking.tracks import APPEARANCE_SECONDS, Tracks, crowded


def _poses(looks: object) -> Poses:
    boxes = np.array([[0.0, 0.0, 50.0, 100.0], [20.0, 0.0, 50.0, 100.0], [300.0, 0.0, 50.0, 100.0]])
    return Poses(np.zeros((3, 5, 2)), np.ones((3, 5), dtype=bool), boxes, np.ones(3), np.array(looks, dtype=float))


def test_looks_are_averaged_over_time_but_not_in_a_crowd() -> None:
    before, now = _poses([[1, 0], [0, 0], [1, 0]]), _poses([[0, 1]] * 3)
    assert crowded(now).tolist() == [True, True, False]
    after = Tracks.begun(before, 0.0).seen_again(now, 0.5, crowded(now)).poses.appearance
    old = np.exp(-0.5 / APPEARANCE_SECONDS)
    np.testing.assert_allclose(after, [[1, 0], [0, 1], [old, 1 - old]])
    unknown = Tracks.begun(before, 0.0).seen_again(_poses([[0, 0]] * 3), 0.5, np.zeros(3, dtype=bool))
    np.testing.assert_array_equal(unknown.poses.appearance, before.appearance)

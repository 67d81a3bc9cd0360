"""Who gets an id back after seconds out of sight, and who does not."""

import numpy as np
import pytest
from helpers.moving_people import SIGMAS, SIZE_WH, Walk, filmed, ids_of_walks

from lib.tracking.tracker import PoseTracker

RATE = 15
STAYING = Walk((640, 360), (0, 0), phase=1)
# Beyond the left border from about 1.5 s on, for three more seconds.
AWAY = Walk((300, 360), (-200, 0), turns=[(3.0, 200, 0)])


def _ids(
    walks: tuple[Walk, ...],
    seconds: float,
    rng: np.random.Generator,
    clothes: np.ndarray | None = None,
    **options: float,
) -> list[list[int]]:
    tracker = PoseTracker(SIGMAS, size_wh=SIZE_WH, **options)  # type: ignore[arg-type]
    frames = list(filmed(walks, np.arange(int(RATE * seconds)) / RATE, rng))
    looks = [None if clothes is None else clothes[frame.who] for frame in frames]
    people = [tracker.update(frame.people, frame.time, look) for frame, look in zip(frames, looks, strict=True)]
    return ids_of_walks(frames, people, len(walks))


def _hidden(*spans: tuple[float, float], x: float = 900, **more: float) -> Walk:
    return Walk((x, 360), (0, 0), hidden=spans, **more)  # type: ignore[arg-type]


def test_over_the_border_and_back(rng: np.random.Generator) -> None:
    away, staying = _ids((AWAY, STAYING), 6, rng)
    assert len(away) == len(staying) == 1


def test_hidden_longer_than_a_track_is_kept(rng: np.random.Generator) -> None:
    ids = _ids((_hidden((1.0, 4.0)), Walk((300, 360), (0, 0))), 5, rng)
    assert [len(own) for own in ids] == [1, 1]


def test_away_for_too_long(rng: np.random.Generator) -> None:
    own, _ = _ids((_hidden((1.0, 4.0)), Walk((300, 360), (0, 0))), 5, rng, return_seconds=2.0)
    assert len(own) == 2
    assert own[1] == 3


@pytest.mark.parametrize(
    "other",
    [
        _hidden((0.0, 3.0), x=300),  # elsewhere
        _hidden((0.0, 3.0), height=120),  # much smaller
        _hidden((0.0, 0.93), x=1000),  # in sight together with the other, in one frame
    ],
)
def test_somebody_else_gets_a_new_id(rng: np.random.Generator, other: Walk) -> None:
    lost, other_ids = _ids((_hidden((1.0, 9.0)), other), 4, rng)
    assert len(lost) == len(other_ids) == 1
    assert lost != other_ids


def test_who_left_over_a_border_does_not_appear_inside(rng: np.random.Generator) -> None:
    gone = Walk((150, 360), (-200, 0))
    inside = Walk((310, 360), (0, 0), hidden=[(0.0, 2.5)])
    left, appeared = _ids((gone, inside), 4, rng)
    assert left != appeared


def test_where_two_could_be_meant_a_new_id_is_given(rng: np.random.Generator) -> None:
    two_gone = (_hidden((1.0, 9.0), x=860), _hidden((1.0, 3.5), x=960))
    assert len(_ids(two_gone, 5, rng)[1]) == 2, "nothing tells which of the two it is"
    clothes = np.array([[0.9, 0.1, 0.0], [0.0, 0.3, 0.7]])
    assert [len(own) for own in _ids(two_gone, 5, rng, clothes)] == [1, 1]


def test_other_clothes_are_somebody_else(rng: np.random.Generator) -> None:
    one_then_other = (_hidden((1.0, 9.0)), _hidden((0.0, 2.5)))
    first, second = _ids(one_then_other, 4, rng, np.array([[0.9, 0.1, 0.0], [0.0, 0.3, 0.7]]))
    assert first != second
    first, second = _ids(one_then_other, 4, rng, np.array([[0.9, 0.1, 0.0], [0.85, 0.15, 0.0]]))
    assert first == second

"""What the tracker is given at the edges: nobody, numbers that are none, times that jump, wrong shapes, long videos."""

import numpy as np
import pytest
from helpers.moving_people import SIGMAS, SIZE_WH, Walk, people_of

from lib.tracking.tracker import PoseTracker
from lib.utils.errors import PoseError
from lib.utils.people import NO_TRACK, Boxes, People

NOBODY = People.none(17)


def _standing(rng: np.random.Generator, *xs: float) -> People:
    """People at these x, the first with the best score."""
    points = np.stack([Walk((x, 360), (0, 0)).points(0.0) for x in xs]) + rng.normal(0, 1, (len(xs), 17, 2))
    keypoints = np.concatenate([points, np.full((len(xs), 17, 1), 0.9)], axis=-1)
    return people_of(keypoints, 0.9 - 0.1 * np.arange(len(xs)))


def test_empty_frames(rng: np.random.Generator) -> None:
    tracker = PoseTracker(SIGMAS)
    assert len(tracker.update(NOBODY, 0.0)) == 0
    assert len(tracker.update(NOBODY, 0.1)) == 0
    tracker.update(_standing(rng, 300), 0.2)
    assert tracker.update(_standing(rng, 300), 0.3).track_ids.tolist() == [1]
    assert len(tracker.update(NOBODY, 0.4)) == 0
    assert tracker.update(_standing(rng, 300), 0.5).track_ids.tolist() == [1]


def test_one_picture_names_everybody_best_first(rng: np.random.Generator) -> None:
    people = _standing(rng, 900, 100, 500)
    assert PoseTracker(SIGMAS).update(people, 12.5).track_ids.tolist() == [1, 2, 3]


def test_numbers_that_are_none(rng: np.random.Generator) -> None:
    tracker = PoseTracker(SIGMAS, size_wh=SIZE_WH)
    tracker.update(_standing(rng, 300, 700, 1000), 0.0)
    for step in range(1, 8):
        people = _standing(rng, 300, 700, 1000)
        keypoints, xywh, scores = people.keypoints.copy(), people.boxes.xywh.copy(), people.scores.copy()
        keypoints[0, step:] = np.nan
        keypoints[1, :, 0] = np.inf
        xywh[2] = np.nan if step % 2 else (5.0, 5.0, 0.0, -3.0)
        given = People(Boxes(xywh, people.boxes.scores), keypoints, scores)
        assert tracker.update(given, step / 10).track_ids.tolist() == [1, 2, 3]
    scores[:] = np.nan
    keypoints[:], xywh[:] = np.nan, np.nan
    everything = People(Boxes(xywh, people.boxes.scores), keypoints, scores)
    assert tracker.update(everything, 0.8).track_ids.tolist() == [NO_TRACK] * 3
    assert tracker.update(_standing(rng, 300, 700, 1000), 0.9).track_ids.tolist() == [1, 2, 3]


def test_the_input_stays(rng: np.random.Generator) -> None:
    people = _standing(rng, 300)
    copies = people.keypoints.copy(), people.boxes.xywh.copy()
    after = PoseTracker(SIGMAS).update(people, 0.0)
    assert people.track_ids.tolist() == [NO_TRACK]
    np.testing.assert_array_equal(people.keypoints, copies[0])
    np.testing.assert_array_equal(people.boxes.xywh, copies[1])
    np.testing.assert_array_equal(after.keypoints, copies[0])


def test_times_that_repeat_go_back_or_jump(rng: np.random.Generator) -> None:
    tracker = PoseTracker(SIGMAS, return_seconds=3.0)

    def ids(time: float) -> list[int]:
        return tracker.update(_standing(rng, 300, 700), time).track_ids.tolist()  # type: ignore[no-any-return]

    assert ids(10.0) == [1, 2]
    assert ids(10.0) == [1, 2]
    assert ids(12.9) == [1, 2], "slow frames, but within the time that people may be away"
    assert ids(12.8) == [3, 4]
    assert ids(15.7) == [3, 4]
    assert ids(18.8) == [5, 6]


def test_what_is_refused(rng: np.random.Generator) -> None:
    for settings in ({"weak_score": 0.0}, {"weak_score": 0.5}, {"keep_seconds": 9.0}, {"return_seconds": np.inf}):
        with pytest.raises(PoseError, match="lower it"):
            PoseTracker(SIGMAS, **settings)
    tracker, people = PoseTracker(SIGMAS), _standing(rng, 300, 700)
    with pytest.raises(PoseError, match="17 keypoints"):
        PoseTracker(SIGMAS[:3]).update(people, 0.0)
    with pytest.raises(PoseError, match="not finite"):
        tracker.update(people, np.nan)
    for looks in (np.ones((3, 4)), np.ones(2), np.full((2, 4), np.nan), np.full((2, 4), -1.0)):
        with pytest.raises(PoseError, match="one row per person"):
            tracker.update(people, 0.0, looks)
    tracker.update(people, 0.0, np.full((2, 4), 0.25))
    with pytest.raises(PoseError, match="3 columns instead of 4"):
        tracker.update(people, 0.1, np.full((2, 3), 1 / 3))
    assert tracker.update(people, 0.1).track_ids.tolist() == [1, 2], "looks may be missing"


@pytest.mark.slow
def test_ten_thousand_frames_in_bounded_memory(rng: np.random.Generator) -> None:
    """People cross the picture without end; what is remembered is those of the last seconds."""
    tracker, largest, last = PoseTracker(np.full(3, 0.05), size_wh=SIZE_WH), 0, 0
    shape = np.array([[0.0, 0.0], [40.0, 90.0], [80.0, 200.0]])
    for frame in range(10_000):
        time = frame / 25
        begun = np.arange(max(int(time) - 3, 0), int(time) + 1)  # one more each second, out of sight after four
        corners = np.stack([320 * (time - begun), 150 * (begun % 3) + 20], axis=1)
        points = shape + corners[:, None] + rng.normal(0, 1, (len(begun), 3, 2))
        people = people_of(np.concatenate([points, np.full((len(begun), 3, 1), 0.9)], axis=-1))
        ids = tracker.update(people, time).track_ids
        largest, last = max(largest, len(tracker._tracks)), max(last, *ids)
    assert last == 400
    assert largest < 12

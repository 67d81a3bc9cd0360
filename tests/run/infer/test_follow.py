"""What tracker, smoother and the boxes of the next frame are given."""

from pathlib import PurePath
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from lib.estimator import Estimate
from lib.media import Frame
from lib.run.infer import follow
from lib.run.infer.events import Shown
from lib.run.infer.follow import BOTTOM_UP, TOP_DOWN, FollowedScores, Follower, FollowRules
from lib.skeletons import load_skeleton
from lib.utils.people import NO_TRACK, Boxes, People

COCO = load_skeleton("coco")


def _shown(number: int, offset: float = 0.0) -> Shown:
    """A frame of 80x60 pixels at an odd time, with one person."""
    keypoints = np.tile([40.0 + offset, 30.0, 0.9], (1, 17, 1))
    keypoints[0, :, :2] += np.random.default_rng(0).uniform(-12, 12, (17, 2))
    source: Any = SimpleNamespace(is_video=True, output_name=PurePath("film"))
    shown = Shown(source, Frame(np.full((60, 80, 3), 90, np.uint8), number, 0.35 * number))
    shown.estimate = Estimate(People(Boxes.of([[20.0, 10, 40, 40]]), keypoints, np.array([0.9])))
    return shown


def test_the_tracker_is_given_sizes_times_and_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[int, int]] = []
    limits: list[dict[str, float]] = []
    seen: list[tuple[float, tuple[int, ...]]] = []

    class Recorder:
        def __init__(self, _: np.ndarray, *, size_wh: tuple[int, int], **scores: float) -> None:
            made.append(size_wh)
            limits.append(scores)

        def update(self, people: People, time: float, appearance: np.ndarray) -> People:
            seen.append((time, appearance.shape))
            return people.tracked(np.array([4]))

    monkeypatch.setattr(follow, "PoseTracker", Recorder)
    follower = Follower(FollowRules(COCO, track=True, smooth=False), is_video=True)
    for number in range(3):
        follower(_shown(number))
    assert made == [(80, 60)]
    assert limits == [{"confident_score": 0.3, "weak_score": 0.1}]
    assert [time for time, _ in seen] == pytest.approx([0.0, 0.35, 0.7])
    assert all(shape[0] == 1 for _, shape in seen)


def _ids(scores: FollowedScores, person_score: float) -> list[int]:
    follower = Follower(FollowRules(COCO, track=True, smooth=False, scores=scores), is_video=True)
    ids = []
    for number in range(3):
        shown = _shown(number)
        people = shown.estimate.people
        shown.estimate = Estimate(People(people.boxes, people.keypoints, np.array([person_score])))
        follower(shown)
        ids += shown.estimate.people.track_ids.tolist()
    return ids


def test_half_visible_people_of_bottom_up_networks_are_followed() -> None:
    """Their scores are means over all keypoints."""
    assert _ids(BOTTOM_UP, 5 * 0.8 / 17) == [1, 1, 1]
    assert _ids(TOP_DOWN, 5 * 0.8 / 17) == [NO_TRACK] * 3
    assert _ids(BOTTOM_UP, 1 * 0.8 / 17) == [NO_TRACK] * 3


def test_the_next_boxes_come_from_poses_that_are_not_smoothed() -> None:
    boxes = []
    for smooth in (False, True):
        follower = Follower(FollowRules(COCO, track=True, smooth=smooth), is_video=True)
        for number in range(6):
            shown = _shown(number, offset=3.0 * (number % 2))
            follower(shown)
        boxes.append(follower.boxes((80, 60)).xywh)
    np.testing.assert_array_equal(boxes[0], boxes[1])


def test_pictures_pass_through() -> None:
    shown = _shown(0)
    before = shown.estimate
    Follower(FollowRules(COCO, track=True, smooth=True), is_video=False)(shown)
    assert shown.estimate is before

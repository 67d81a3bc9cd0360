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
from lib.run.infer.follow import Follower, FollowRules
from lib.skeletons import load_skeleton
from lib.utils.people import Boxes, People

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
    seen: list[tuple[float, tuple[int, ...]]] = []

    class Recorder:
        def __init__(self, _: np.ndarray, *, size_wh: tuple[int, int]) -> None:
            made.append(size_wh)

        def update(self, people: People, time: float, appearance: np.ndarray) -> People:
            seen.append((time, appearance.shape))
            return people.tracked(np.array([4]))

    monkeypatch.setattr(follow, "PoseTracker", Recorder)
    follower = Follower(FollowRules(COCO, track=True, smooth=False), is_video=True)
    for number in range(3):
        follower(_shown(number))
    assert made == [(80, 60)]
    assert [time for time, _ in seen] == pytest.approx([0.0, 0.35, 0.7])
    assert all(shape[0] == 1 for _, shape in seen)


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

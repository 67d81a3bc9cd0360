"""Who is who in scenes with known truth: nobody may change ids, and nobody's id may go to somebody else."""

from pathlib import Path

import numpy as np
import pytest
from helpers.made_videos import pan_zoom
from helpers.moving_people import SIGMAS, SIZE_WH, Faults, Frame, Walk, filmed, ids_of_walks, people_of

from lib.tracking.appearance import appearance
from lib.tracking.tracker import PoseTracker
from lib.utils.people import NO_TRACK, People

CROSSING = (Walk((200, 360), (250, 0)), Walk((1080, 380), (-250, 0), phase=2))
THREE_CROSSING = (
    Walk((200, 360), (250, 0)),
    Walk((1080, 400), (-220, 0), height=280, phase=2),
    Walk((640, 340), (30, 5), phase=1),
)
OVERTAKING = (Walk((300, 360), (60, 0)), Walk((200, 365), (160, 0), phase=1))
HIDDEN = (Walk((200, 360), (150, 0), hidden=[(1.0, 1.8)]), Walk((800, 372), (0, 0), phase=1))
# Out at the left after 1.5 s, back over the same border 2 s later.
LEAVING = (Walk((300, 360), (-200, 0), turns=[(2.5, 200, 0)]), Walk((900, 360), (0, 0)))
SCENES = {
    "crossing": CROSSING,
    "three crossing": THREE_CROSSING,
    "overtaking": OVERTAKING,
    "hidden for 0.8 s": HIDDEN,
    "leaving and coming back": LEAVING,
}
FAULTS = Faults(noise=2.0, missed=0.1, invented=0.1, weak=0.1)


def _times(rate: float, seconds: float) -> np.ndarray:
    return np.arange(int(rate * seconds)) / rate


def _followed(frames: list[Frame], tracker: PoseTracker) -> list[People]:
    return [tracker.update(frame.people, frame.time) for frame in frames]


def _tracker() -> PoseTracker:
    return PoseTracker(SIGMAS, size_wh=SIZE_WH)


def _assert_stable(ids: list[list[int]]) -> None:
    assert all(len(own) == 1 for own in ids), ids
    assert len({own[0] for own in ids}) == len(ids), ids


@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize("rate", [12, 30])
def test_no_switch_with_noise(rng: np.random.Generator, scene: str, rate: int) -> None:
    walks = SCENES[scene]
    frames = list(filmed(walks, _times(rate, 5), rng))
    people = _followed(frames, _tracker())
    ids = ids_of_walks(frames, people, len(walks))
    _assert_stable(ids)
    assert sorted(own[0] for own in ids) == list(range(1, len(walks) + 1))


@pytest.mark.parametrize("scene", SCENES)
def test_no_switch_with_misses_false_and_weak_poses(rng: np.random.Generator, scene: str) -> None:
    walks = SCENES[scene]
    frames = list(filmed(walks, _times(30, 5), rng, FAULTS))
    people = _followed(frames, _tracker())
    _assert_stable(ids_of_walks(frames, people, len(walks)))
    with_id = [(now.track_ids != NO_TRACK)[frame.who >= 0].tolist() for frame, now in zip(frames, people, strict=True)]
    assert np.mean([named for frame in with_id for named in frame]) > 0.97
    later = list(zip(frames, people, strict=True))[1:]
    false = [track for frame, now in later for track in now.track_ids[frame.who < 0]]
    assert set(false) <= {NO_TRACK}, "what is found in one frame only takes no id"


def test_a_hidden_person_does_not_take_the_pose_of_one_who_passes(rng: np.random.Generator) -> None:
    # In step with the other's last pose where they meet, half a second later.
    walks = (Walk((700, 360), (0, 0), hidden=[(1.0, 9.0)]), Walk((400, 360), (200, 0), phase=-np.pi * 0.9))
    frames = list(filmed(walks, _times(15, 2.5), rng))
    _assert_stable(ids_of_walks(frames, _followed(frames, _tracker()), 2))


def test_a_varying_rate_gives_the_same_ids(rng: np.random.Generator) -> None:
    times = np.cumsum(rng.choice([1 / 60, 1 / 30, 1 / 12], 100))
    frames = list(filmed(THREE_CROSSING, times, rng))
    _assert_stable(ids_of_walks(frames, _followed(frames, _tracker()), 3))


def test_the_order_of_people_plays_no_part(rng: np.random.Generator) -> None:
    frames = list(filmed(THREE_CROSSING, _times(15, 4), rng, FAULTS))
    one, other = _tracker(), _tracker()
    for frame in frames:
        order = rng.permutation(len(frame.people))
        first, second = one.update(frame.people, frame.time), other.update(frame.people.take(order), frame.time)
        np.testing.assert_array_equal(first.track_ids[order], second.track_ids)
        np.testing.assert_array_equal(first.keypoints[order], second.keypoints)


def test_thirty_one_people(rng: np.random.Generator) -> None:
    walks = [Walk((60 + 200 * (n % 6), 80 + 115 * (n // 6)), (15, 4), height=110, phase=n) for n in range(31)]
    frames = list(filmed(walks, _times(20, 1.5), rng, Faults(noise=1.0)))
    people = _followed(frames, _tracker())
    assert sorted(people[0].track_ids) == list(range(1, 32))
    _assert_stable(ids_of_walks(frames, people, 31))


@pytest.mark.parametrize("num_keypoints", [3, 17, 133])
def test_any_keypoint_set(rng: np.random.Generator, num_keypoints: int) -> None:
    shape = rng.uniform(0, 1, (num_keypoints, 2)) * (90, 240)
    tracker = PoseTracker(rng.uniform(0.02, 0.1, num_keypoints))
    for frame in range(30):
        shift = np.array([[100 + 12 * frame, 200], [500 - 12 * frame, 225]])
        points = shape + shift[:, None] + rng.normal(0, 1.5, (2, num_keypoints, 2))
        keypoints = np.concatenate([points, np.full((2, num_keypoints, 1), 0.8)], axis=-1)
        people = tracker.update(people_of(keypoints, np.array([0.9, 0.8])), frame / 30)
        assert people.track_ids.tolist() == [1, 2]


def test_a_new_person_is_named_when_seen_again(rng: np.random.Generator) -> None:
    walks = (CROSSING[0], Walk((900, 360), (0, 0), hidden=[(0.0, 0.5)]))
    frames = list(filmed(walks, _times(10, 1), rng))
    newcomer = [
        people.track_ids[frame.who == 1].tolist()
        for frame, people in zip(frames, _followed(frames, _tracker()), strict=True)
    ]
    assert newcomer == [[]] * 5 + [[NO_TRACK]] + [[2]] * 4


def test_weak_poses_continue_but_do_not_begin(rng: np.random.Generator) -> None:
    tracker, (frame,) = _tracker(), filmed(CROSSING, [0.0], rng)
    weak = People(frame.people.boxes, frame.people.keypoints, np.full(2, 0.15))
    assert tracker.update(weak, 0.0).track_ids.tolist() == [NO_TRACK] * 2
    assert tracker.update(weak, 0.1).track_ids.tolist() == [NO_TRACK] * 2
    tracker.update(frame.people, 0.2)
    named = tracker.update(frame.people, 0.3).track_ids
    assert set(named) == {1, 2}
    np.testing.assert_array_equal(tracker.update(weak, 0.4).track_ids, named)
    lost = People(frame.people.boxes, frame.people.keypoints, np.full(2, 0.05))
    assert tracker.update(lost, 0.5).track_ids.tolist() == [NO_TRACK] * 2


def test_two_poses_of_one_person_get_one_id(rng: np.random.Generator) -> None:
    (frame,) = filmed(CROSSING[:1], [0.0], rng)
    keypoints = np.concatenate([frame.people.keypoints] * 2)
    twice = people_of(keypoints, np.array([0.7, 0.8]))
    tracker = _tracker()
    for time in (0.0, 0.1, 0.2):
        assert tracker.update(twice, time).track_ids.tolist() == [NO_TRACK, 1]
    same = people_of(keypoints, 0.8)
    assert sorted(tracker.update(same, 0.3).track_ids) == [NO_TRACK, 1]


def test_looks_decide_where_places_cannot(rng: np.random.Generator) -> None:
    """Two people turn back where they meet; only their clothes tell that they did not pass each other."""
    walks = (
        Walk((400, 360), (240, 0), turns=[(1.0, -240, 0)]),
        Walk((880, 362), (-240, 0), turns=[(1.0, 240, 0)]),
    )
    clothes = np.array([[0.9, 0.1, 0.0], [0.0, 0.1, 0.9]])
    frames = list(filmed(walks, _times(15, 2), rng))
    tracker = _tracker()
    people = [tracker.update(frame.people, frame.time, clothes[frame.who]) for frame in frames]
    _assert_stable(ids_of_walks(frames, people, 2))
    blind = ids_of_walks(frames, _followed(frames, _tracker()), 2)
    assert any(len(own) > 1 for own in blind), "the scene is too easy to show anything"


def test_a_panned_and_zoomed_picture(rng: np.random.Generator, tmp_path: Path) -> None:
    """Everybody moves with the camera; poses and looks come from the frames of a film."""
    image = np.full((480, 640, 3), 90, np.uint8)
    people = [Walk((170 + 150 * number, 240), (0, 0), height=200, phase=number).points(0.0) for number in range(3)]
    for number, points in enumerate(people):
        (left, top), (right, bottom) = points.min(axis=0).astype(int), points.max(axis=0).astype(int)
        image[top:bottom, left:right] = np.eye(3)[number] * 200 + 30
    frames, matrices = pan_zoom(image, 25, (320, 240), tmp_path / "moving.mp4")
    tracker = PoseTracker(SIGMAS, size_wh=(320, 240))
    for number, (frame, matrix) in enumerate(zip(frames, matrices, strict=True)):
        points = np.stack(people) @ matrix[:, :2].T + matrix[:, 2] + rng.normal(0, 1, (3, 17, 2))
        keypoints = np.concatenate([points, np.full((3, 17, 1), 0.9)], axis=-1)
        found = people_of(keypoints, np.array([0.9, 0.8, 0.7]))
        assert tracker.update(found, number / 25, appearance(frame, found)).track_ids.tolist() == [1, 2, 3]

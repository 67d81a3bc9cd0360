"""The estimator that people's own programs use."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from helpers.tiny_run import make_tiny_data, tiny_experiment
from helpers.tiny_weights import save_random_weights

from lib.api import PoseEstimator, PoseResult
from lib.config import load_config
from lib.utils.errors import PoseError
from lib.utils.image import read_image
from lib.utils.people import Boxes

BOXES = [[12.0, 8.0, 60.0, 62.0], [20.0, 4.0, 40.0, 70.0]]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_data(tmp_path_factory.mktemp("tiny") / "data")


@pytest.fixture(scope="module")
def files(data: Path) -> list[Path]:
    return sorted((data / "images" / "val").glob("*.png"))[:3]


@pytest.fixture(scope="module")
def experiment(data: Path) -> Path:
    path = tiny_experiment(data.parent, data)
    save_random_weights(path, data.parent / "w.pth")
    return path


@pytest.fixture(scope="module")
def estimator(experiment: Path) -> PoseEstimator:
    return PoseEstimator(experiment, experiment.parent / "w.pth", detector=_two_people)


def _two_people(pictures: Sequence[np.ndarray], /) -> list[Boxes]:
    return [Boxes.of(BOXES, [0.9, 0.8]) for _ in pictures]


def _assert_equal(one: PoseResult, other: PoseResult) -> None:
    np.testing.assert_array_equal(one.keypoints, other.keypoints)
    np.testing.assert_array_equal(one.scores, other.scores)
    np.testing.assert_array_equal(one.boxes, other.boxes)
    assert one.size_wh == other.size_wh


def test_every_form_of_a_picture_gives_the_same(estimator: PoseEstimator, files: list[Path]) -> None:
    array = read_image(files[0])
    tensor = torch.from_numpy(array).permute(2, 0, 1)
    expected = estimator(files[0], boxes=BOXES)
    assert expected.keypoints.shape == (2, 17, 2)
    assert expected.scores.shape == (2, 17)
    assert expected.person_scores.shape == (2,)
    assert expected.size_wh == (96, 80)
    assert len(expected) == 2
    for form in (str(files[0]), array, tensor, tensor.float() / 255, array[:, ::-1][:, ::-1]):
        _assert_equal(estimator(form, boxes=BOXES), expected)
    assert not (estimator(array[..., ::-1].copy(), boxes=BOXES).keypoints == expected.keypoints).all()


def test_several_pictures_give_what_each_gives(estimator: PoseEstimator, files: list[Path]) -> None:
    arrays = [read_image(file) for file in files]
    stacked = np.stack(arrays)
    several = estimator(files, boxes=[BOXES] * 3)
    for form in (arrays, stacked, torch.from_numpy(stacked).permute(0, 3, 1, 2)):
        for one, other in zip(estimator(form, boxes=[BOXES] * 3), several, strict=True):
            _assert_equal(one, other)
    for file, result in zip(files, several, strict=True):
        alone = estimator(file, boxes=BOXES)
        # Another batch size may round differently.
        np.testing.assert_allclose(alone.scores, result.scores, rtol=1e-3, atol=1e-6)
    assert estimator([]) == []


def test_the_detector_is_used_where_no_boxes_are_given(estimator: PoseEstimator, files: list[Path]) -> None:
    found = estimator(files[0])
    by_score = estimator(files[0], boxes=Boxes.of(BOXES, [0.9, 0.8]))
    assert len(found) >= 1
    assert (np.diff(found.person_scores) <= 0).all()
    for person, box in enumerate(found.boxes):
        (same,) = np.flatnonzero((by_score.boxes == box).all(axis=1))
        np.testing.assert_array_equal(found.keypoints[person], by_score.keypoints[same])
        assert found.person_scores[person] == by_score.person_scores[same]


def test_the_whole_picture_as_one_box(experiment: Path, files: list[Path]) -> None:
    cfg = load_config(experiment, ["TEST.MODEL_FILE", str(experiment.parent / "w.pth")])
    estimator = PoseEstimator(cfg, detector="full-frame")
    result = estimator(files[0])
    np.testing.assert_array_equal(result.boxes, [[0, 0, 96, 80]])


def test_records_are_plain_numbers(estimator: PoseEstimator, files: list[Path]) -> None:
    result = estimator(files[0], boxes=BOXES)
    records = result.records()
    assert list(records[0]["keypoints"]) == list(result.names)
    assert records[1]["box"] == BOXES[1]
    x, y, score = records[1]["keypoints"]["nose"]
    assert (x, y) == tuple(result.keypoints[1, 0])
    assert score == result.scores[1, 0]
    assert type(records[0]["score"]) is float


def test_nobody(estimator: PoseEstimator, files: list[Path]) -> None:
    result = estimator(files[0], boxes=[])
    assert len(result) == 0
    assert result.keypoints.shape == (0, 17, 2)
    assert result.records() == []


def test_files_are_turned_as_they_say(estimator: PoseEstimator, files: list[Path], tmp_path: Path) -> None:
    array = read_image(files[0])
    turned = np.ascontiguousarray(np.rot90(array))
    _, content = cv2.imencode(".jpg", cv2.cvtColor(turned, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 100])
    exif = (
        b"Exif\x00\x00II*\x00\x08\x00\x00\x00\x01\x00\x12\x01\x03\x00\x01\x00\x00\x00\x06\x00\x00\x00\x00\x00\x00\x00"
    )
    marker = b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif
    (tmp_path / "phone.jpg").write_bytes(content.tobytes()[:2] + marker + content.tobytes()[2:])
    result = estimator(tmp_path / "phone.jpg", boxes=BOXES)
    assert result.size_wh == (96, 80)


def test_bad_input_is_one_sentence(estimator: PoseEstimator, experiment: Path, files: list[Path]) -> None:
    picture = read_image(files[0])
    cases = {
        "does not exist|cannot be read": lambda: estimator("absent.jpg"),
        "float64": lambda: estimator(picture / 255.0),
        "outside of 0..1": lambda: estimator(torch.full((3, 8, 8), 2.0)),
        "nothing in it": lambda: estimator(picture[:0]),
        r"\(80, 96\)": lambda: estimator(picture[..., 0]),
        "boxes of shape": lambda: estimator(picture, boxes=[[1, 2, 3]]),
        "finite": lambda: estimator(picture, boxes=[[1, 2, 3, np.nan]]),
        "for 1 pictures and 2": lambda: estimator([picture, picture], boxes=[BOXES]),
        "does not exist": lambda: PoseEstimator(experiment, "absent.pth"),
        "is unknown": lambda: PoseEstimator(experiment, experiment.parent / "w.pth", detector="yolo"),
        "no sequence of pictures": lambda: estimator(None),  # type: ignore[call-overload]
        "boxes cannot be used": lambda: estimator(picture, boxes=[[1, 2, 3, 4], [5]]),
        "not finite": lambda: estimator(picture, boxes=Boxes(np.full((1, 4), np.inf), np.ones(1))),
        "or others than Boxes": lambda: _with_detector(experiment, lambda _: [[1, 2, 3, 4]])(picture),
        "0 answers for 1": lambda: _with_detector(experiment, lambda _: [])(picture),
    }
    for message, call in cases.items():
        with pytest.raises(PoseError, match=message):
            call()


def _with_detector(experiment: Path, detector: Callable[..., Any]) -> PoseEstimator:
    return PoseEstimator(experiment, experiment.parent / "w.pth", detector=detector)


def test_many_pictures_go_through_in_portions(experiment: Path, files: list[Path]) -> None:
    looked: list[int] = []

    def detector(pictures: Sequence[np.ndarray], /) -> list[Boxes]:
        looked.append(len(pictures))
        return [Boxes.of(BOXES[:1]) for _ in pictures]

    results = _with_detector(experiment, detector)([files[0]] * 35)
    assert looked == [16, 16, 3]
    assert len(results) == 35


def test_two_poses_of_one_person_are_kept_for_own_boxes_alone(experiment: Path, files: list[Path]) -> None:
    twice = [BOXES[0], BOXES[0]]
    estimator = _with_detector(experiment, lambda pictures: [Boxes.of(twice, [0.5, 0.9]) for _ in pictures])
    assert len(estimator(files[0], boxes=twice)) == 2
    assert len(estimator(files[0])) == 1


def test_threads_do_not_disturb_each_other(estimator: PoseEstimator, files: list[Path]) -> None:
    pictures = [read_image(file) for file in files]
    expected = [estimator(picture, boxes=BOXES) for picture in pictures]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda number: estimator(pictures[number % 3], boxes=BOXES), range(60)))
    for number, result in enumerate(found):
        np.testing.assert_allclose(result.keypoints, expected[number % 3].keypoints, atol=1e-3)

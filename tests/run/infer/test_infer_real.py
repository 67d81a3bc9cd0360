"""Runs over real people of coco-mini: with a detector, and a film made of a photo, whose motion is known."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.infer_runs import run_inputs
from helpers.made_videos import pan_zoom
from helpers.pattern_estimator import PatternEstimator

from lib.detectors import BoxFile, TorchvisionDetector
from lib.estimator import Estimate
from lib.run.infer.locate import ByDetector, FromFile
from lib.utils.image import read_image
from lib.utils.logging import close_log
from lib.utils.people import Boxes, People

FRAMES, SIZE_WH, NOISE = 120, (320, 240), 2.0


@pytest.fixture(autouse=True)
def _closed_log() -> Iterator[None]:
    yield
    close_log()


class NoisyTruth:
    """Gives the annotated poses of a film's frames, in their order, with noise."""

    needs_boxes = True

    def __init__(self, truth: np.ndarray, rng: np.random.Generator) -> None:
        self._frames = iter(truth)
        self._rng = rng

    def check_size(self, size_wh: tuple[int, int]) -> None:
        """See `Estimator`."""

    def __call__(
        self,
        pictures: Sequence[np.ndarray],
        boxes: Sequence[Boxes] | None = None,
        *,
        suppress: bool = True,  # noqa: ARG002 - part of the contract
        with_heat: bool = False,  # noqa: ARG002
    ) -> list[Estimate]:
        assert boxes is not None
        found = []
        for own in boxes:
            rows = next(self._frames).copy()
            rows[..., :2] += self._rng.normal(0, NOISE, rows[..., :2].shape)
            order = self._rng.permutation(len(rows))
            found.append(Estimate(People(Boxes(own.xywh[order], own.scores[order]), rows[order], np.ones(len(rows)))))
        assert len(found) == len(pictures)
        return found


def _photo(shared: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A photo with two or more people who are well annotated: picture, keypoints (P, K, 3) and boxes (P, 4)."""
    folder = shared / "coco-mini"
    content = json.loads((folder / "annotations" / "person_keypoints_val2017.json").read_text())
    by_image: dict[int, list[dict]] = {}
    for person in content["annotations"]:
        if not person["iscrowd"] and person["num_keypoints"] >= 10:
            by_image.setdefault(person["image_id"], []).append(person)
    image_id, people = max(by_image.items(), key=lambda entry: len(entry[1]))
    (name,) = [image["file_name"] for image in content["images"] if image["id"] == image_id]
    keypoints = np.array([person["keypoints"] for person in people], np.float64).reshape(len(people), 17, 3)
    keypoints[..., 2] = (keypoints[..., 2] > 0) * 0.9
    boxes = np.array([person["bbox"] for person in people])
    return read_image(folder / "images" / "val2017" / name), keypoints, boxes


def test_a_film_of_a_photo(shared: Path, tmp_path: Path) -> None:
    """Everybody keeps one id for the whole film, and smoothing brings the poses nearer to the truth."""
    photo, keypoints, boxes = _photo(shared)
    assert len(keypoints) >= 2
    _, matrices = pan_zoom(photo, FRAMES, SIZE_WH, tmp_path / "film.mp4")
    truth, images, records = [], [], []
    for number, matrix in enumerate(matrices):
        moved = keypoints.copy()
        moved[..., :2] = keypoints[..., :2] @ matrix[:, :2].T + matrix[:, 2]
        truth.append(moved)
        images.append({"id": number + 1, "file_name": "film.mp4", "frame_index": number})
        for corner, size in zip(
            boxes[:, :2] @ matrix[:, :2].T + matrix[:, 2], boxes[:, 2:] * matrix[0, 0], strict=True
        ):
            xywh = [*corner.tolist(), *size.tolist()]
            records.append({"id": len(records), "image_id": number + 1, "category_id": 1, "bbox": xywh})
    (tmp_path / "boxes.json").write_text(json.dumps({"images": images, "annotations": records}))

    errors, ids = {}, {}
    for smooth in (False, True):
        estimator = NoisyTruth(np.array(truth), np.random.default_rng(0))
        locator = FromFile(BoxFile(tmp_path / "boxes.json"))
        counts = run_inputs(
            tmp_path / "out", tmp_path / "film.mp4", locator=locator, estimator=estimator, smooth=smooth
        )
        assert counts.frames == FRAMES
        frames = json.loads((tmp_path / "out" / "json" / "film.json").read_text())["frames"]
        distances, ids[smooth] = [], [set() for _ in keypoints]
        for frame, expected in zip(frames, truth, strict=True):
            found = {person["id"]: np.array(list(person["keypoints"].values())) for person in frame["people"]}
            for person, rows in enumerate(expected):
                seen = rows[:, 2] > 0
                apart = {key: np.hypot(*(one[:, :2] - rows[:, :2])[seen].T).mean() for key, one in found.items()}
                nearest = min(apart, key=apart.__getitem__)
                ids[smooth][person].add(nearest)
                distances.append(apart[nearest])
        errors[smooth] = float(np.mean(distances[len(keypoints) * 5 :]))
    for own in ids.values():
        assert all(len(one) == 1 for one in own)
        assert len(set.union(*own)) == len(keypoints)
    assert errors[True] < 0.8 * errors[False]


def test_a_detector_without_weights_finds_nobody_and_nothing_breaks(shared: Path, tmp_path: Path) -> None:
    """The whole path through torchvision's network; with every box let through there are many, and all are handled."""
    for number, picture in enumerate(sorted((shared / "coco-mini" / "images" / "val2017").iterdir())[:2]):
        (tmp_path / "in").mkdir(exist_ok=True)
        (tmp_path / "in" / f"{number}.jpg").write_bytes(picture.read_bytes())
    for threshold, least in ((0.9, 0), (0.0, 1)):
        torch.manual_seed(0)
        detector = TorchvisionDetector(
            "ssdlite",
            weights=None,
            device=torch.device("cpu"),
            score_threshold=threshold,
            nms_threshold=0.5,
            max_people=5,
        )

        locator = ByDetector(detector, "ssdlite", 1)
        counts = run_inputs(tmp_path / "out", tmp_path / "in", locator=locator, estimator=PatternEstimator())
        assert counts.frames == 2
        assert counts.people >= least
        assert counts.people <= 10

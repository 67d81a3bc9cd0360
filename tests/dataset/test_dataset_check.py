from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from helpers.tiny_dataset import rewrite_annotations, tiny_config, write_dataset

from lib.dataset.build import check_dataset
from lib.dataset.check import EXAMPLES, check_annotations
from lib.dataset.faults import Fault
from lib.dataset.report import PartReport
from lib.skeletons.skeleton import load_skeleton


def _quiet(items: Iterable[Any], total: int) -> Iterable[Any]:  # noqa: ARG001 - the form of a progress bar
    return items


def _report(root: Path, *overrides: str, is_train: bool = True) -> PartReport:
    return check_dataset(tiny_config(root, *overrides), is_train, _quiet)


def _kinds(root: Path, content: dict[str, Any]) -> dict[str, list[Fault]]:
    path = rewrite_annotations(root, content)
    faults: dict[str, list[Fault]] = {}
    for fault in check_annotations(str(path), load_skeleton("coco")).faults:
        faults.setdefault(fault.kind, []).append(fault)
    return faults


@pytest.fixture
def content(tmp_path: Path, rng: np.random.Generator) -> dict[str, Any]:
    return write_dataset(tmp_path, rng)


def test_a_sound_data_set_has_no_faults(tmp_path: Path, content: dict[str, Any]) -> None:  # noqa: ARG001 - on disk
    report = _report(tmp_path)
    assert report.num_faults == 0
    assert (
        "6 images, 18 readable entries, 17 people used (annotated boxes); left out: 1 no keypoints" in report.lines[1]
    )
    assert len(report.lines) == 2


def _moved(entry: dict[str, Any], distance: float) -> list[float]:
    values = np.reshape(entry["keypoints"], (-1, 3)).astype(float)
    values[:, 0] += distance
    return values.ravel().tolist()


SPOILT: dict[str, tuple[Callable[[dict[str, Any]], Any], bool]] = {
    "zero area": (lambda entry: entry.update(area=0), True),
    "box outside the image": (lambda entry: entry.update(bbox=[400, 400, 10, 10]), True),
    "keypoints far outside": (lambda entry: entry.update(keypoints=_moved(entry, 900)), True),
    "keypoints off the box": (lambda entry: entry.update(bbox=[300, 220, 5, 5]), False),
    "normalised": (lambda entry: entry.update(keypoints=[0.5, 0.4, 2] * 17, num_keypoints=17), True),
    "unknown visibility": (lambda entry: entry["keypoints"].__setitem__(2, 7), True),
    "keypoint at (0, 0)": (lambda entry: entry["keypoints"].__setitem__(slice(0, 2), [0, 0]), False),
    "num_keypoints mismatch": (lambda entry: entry.update(num_keypoints=0), True),
    "wrong keypoint length": (lambda entry: entry.update(keypoints=[1, 1, 2]), True),
    "bad keypoint value": (lambda entry: entry["keypoints"].__setitem__(0, float("nan")), True),
    "unknown image id": (lambda entry: entry.update(image_id=1), True),
    "unknown category": (lambda entry: entry.update(category_id=5), True),
    "duplicate annotation id": (lambda entry: entry.update(id=5), True),
    "bad box": (lambda entry: entry.update(bbox=None), True),
    "bad area": (lambda entry: entry.pop("area"), True),
}


@pytest.mark.parametrize("kind", SPOILT)
def test_every_fault_is_named_with_its_record(tmp_path: Path, content: dict[str, Any], kind: str) -> None:
    spoil, matters = SPOILT[kind]
    spoil(content["annotations"][2])
    faults = _kinds(tmp_path, content)
    assert len(faults[kind]) == 1
    assert faults[kind][0].matters == matters
    number = 5 if kind == "duplicate annotation id" else 3
    assert f"annotation {number} " in faults[kind][0].detail


def test_several_faults_are_named_at_once(tmp_path: Path, content: dict[str, Any]) -> None:
    for entry, kind in zip(content["annotations"][2:], SPOILT, strict=False):
        SPOILT[kind][0](entry)
    assert set(SPOILT) <= set(_kinds(tmp_path, content)) | {"duplicate annotation id"}


def test_files_without_images_or_with_strange_categories(tmp_path: Path, content: dict[str, Any]) -> None:
    categories = [{"id": 3, "name": "cat"}, {"id": 4, "name": "dog"}]
    assert "no person category" in _kinds(tmp_path, {**content, "categories": categories})
    assert "missing key" in _kinds(tmp_path, {**content, "images": []})


@pytest.mark.parametrize(
    ("change", "kind", "matters"),
    [
        (lambda names: [name.replace("_", " ").title() for name in names], None, None),
        (lambda names: [names[0], names[2], names[1], *names[3:]], "keypoint order", True),
        (lambda names: [*names[:16], "tail"], "keypoint names", False),
    ],
)
def test_keypoint_names_are_compared(
    tmp_path: Path, content: dict[str, Any], change: Callable[[list[str]], list[str]], kind: str, matters: bool
) -> None:
    content["categories"][0]["keypoints"] = change(list(load_skeleton("coco").names))
    faults = _kinds(tmp_path, content)
    assert set(faults) == ({kind} if kind else set())
    assert not kind or faults[kind][0].matters == matters


def test_images_are_opened(tmp_path: Path, content: dict[str, Any]) -> None:
    folder = tmp_path / "images" / "tiny"
    names = [image["file_name"] for image in content["images"]]
    (folder / names[0]).unlink()
    (folder / names[1]).write_bytes(b"broken")
    cv2.imwrite(str(folder / names[2]), np.zeros((320, 240, 3), np.uint8))
    report = _report(tmp_path)
    assert report.num_faults == 3
    text = "\n".join(report.lines)
    assert f"FAULT missing image (1): {folder / names[0]} does not exist" in text
    assert f"FAULT unreadable image (1): image {folder / names[1]} is cut short or not a picture" in text
    assert f"FAULT image size (1): {folder / names[2]} is 240x320, the annotation file says 320x240" in text


def test_detections_are_checked(tmp_path: Path, content: dict[str, Any]) -> None:
    good = {"image_id": 100, "category_id": 1, "bbox": [1, 2, 30, 40], "score": 0.9}
    bad = [{**good, "image_id": 9}, {**good, "bbox": [900, 2, 30, 40]}, {**good, "score": "high"}]
    path = tmp_path / "detections.json"
    path.write_text(str([good, *bad]).replace("'", '"'))
    report = _report(tmp_path, "TEST.USE_GT_BBOX", "False", "TEST.COCO_BBOX_FILE", str(path), is_train=False)
    assert report.num_faults == 3
    assert "2 readable entries, 2 people used (detections of " in report.lines[1]
    assert len(content["annotations"]) == 18


def test_files_that_cannot_be_used_are_faults_too(tmp_path: Path, content: dict[str, Any]) -> None:
    options = ("TEST.USE_GT_BBOX", "False", "TEST.COCO_BBOX_FILE", "gone.json", "DATASET.TEST_IMAGES", "nowhere")
    report = _report(tmp_path, *options, is_train=False)
    assert report.num_faults == 2
    assert "detection file gone.json does not exist" in report.lines[-1]
    assert "image folder nowhere does not exist" in report.lines[-1]
    rewrite_annotations(tmp_path, content).unlink()
    assert "does not exist" in _report(tmp_path).lines[-1]


def test_an_empty_data_set_is_a_fault(tmp_path: Path, content: dict[str, Any]) -> None:
    for entry in content["annotations"]:
        entry["iscrowd"] = 1
    rewrite_annotations(tmp_path, content)
    assert "FAULT no people (1): no person is left of 18 entries" in "\n".join(_report(tmp_path).lines)


def test_many_faults_take_one_line(tmp_path: Path, content: dict[str, Any]) -> None:
    for entry in content["annotations"]:
        entry["area"] = 0
    rewrite_annotations(tmp_path, content)
    lines = [line for line in _report(tmp_path).lines if "zero area" in line]
    assert len(lines) == 1
    assert f"and {17 - EXAMPLES} more" in lines[0]

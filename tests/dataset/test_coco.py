from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.tiny_coco import tiny_annotations, written

from lib.dataset.coco import read_annotations, read_detections
from lib.utils.errors import PoseError


def _first(content: dict[str, Any]) -> dict[str, Any]:
    return content["annotations"][0]


FAULTS: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "no images": (lambda content: content.update(images=[]), "it has no images"),
    "images absent": (lambda content: content.pop("images"), "it has no images"),
    "annotations null": (lambda content: content.update(annotations=None), "its annotations are not a list"),
    "image without id": (lambda content: content["images"][0].pop("id"), "image at position 0 has no integer id"),
    "duplicate image": (lambda content: content["images"].append(content["images"][0]), "image 100 occurs twice"),
    "no file name": (lambda content: content["images"][0].pop("file_name"), "image 100 has no file_name"),
    "half a character": (
        lambda content: content["images"][0].update(file_name="\ud800.jpg"),
        "image 100 has a file_name that is no valid text",
    ),
    "endless id": (lambda content: _first(content).update(id=1 << 63), "annotation at position 0 has no integer id"),
    "no image size": (lambda content: content["images"][0].pop("width"), "image 100 has width None"),
    "annotation without id": (lambda content: _first(content).pop("id"), "annotation at position 0 has no integer id"),
    "duplicate annotation": (lambda content: _first(content).update(id=2), "annotation 2 occurs twice"),
    "unknown image": (lambda content: _first(content).update(image_id=7), "annotation 1 has image id 7"),
    "image id a list": (lambda content: _first(content).update(image_id=[7]), "annotation 1 has image id"),
    "unknown category": (lambda content: _first(content).update(category_id=9), "annotation 1 has category 9"),
    "no category": (lambda content: _first(content).pop("category_id"), "annotation 1 has category None"),
    "no box": (lambda content: _first(content).pop("bbox"), "annotation 1 has the box None"),
    "box of three": (lambda content: _first(content).update(bbox=[1, 2, 3]), "annotation 1 has the box"),
    "box NaN": (lambda content: _first(content).update(bbox=[1, 2, 3, float("nan")]), "annotation 1 has the box"),
    "no area": (lambda content: _first(content).pop("area"), "annotation 1 has the area None"),
    "no keypoints": (lambda content: _first(content).pop("keypoints"), "annotation 1 has no keypoints"),
    "short keypoints": (
        lambda content: _first(content).update(keypoints=[1, 2, 2] * 16),
        "annotation 1 has 48 keypoint numbers where 17 keypoints need 51",
    ),
    "text in keypoints": (
        lambda content: _first(content)["keypoints"].__setitem__(4, "a"),
        "annotation 1 has a keypoint value that is not a finite number",
    ),
    "NaN in keypoints": (
        lambda content: _first(content)["keypoints"].__setitem__(4, float("nan")),
        "annotation 1 has a keypoint value that is not a finite number",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_one_sentence_with_file_and_record(tmp_path: Path, rng: np.random.Generator, fault: str) -> None:
    content = tiny_annotations(rng)
    spoil, message = FAULTS[fault]
    spoil(content)
    path = written(tmp_path, "anno.json", content)
    with pytest.raises(PoseError, match=message) as caught:
        read_annotations(path, 17)
    assert "anno.json" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", ["", "{", "[]", "3", "null"])
def test_files_that_are_no_annotations(tmp_path: Path, content: str) -> None:
    (tmp_path / "anno.json").write_text(content)
    with pytest.raises(PoseError, match=r"anno\.json"):
        read_annotations(tmp_path / "anno.json", 17)


def test_absent_annotation_file(tmp_path: Path) -> None:
    with pytest.raises(PoseError, match=r"gone\.json does not exist"):
        read_annotations(tmp_path / "gone.json", 17)


def test_arrays_hold_what_the_file_says(tmp_path: Path, rng: np.random.Generator) -> None:
    content = tiny_annotations(rng, num_keypoints=3)
    content["annotations"][2].update(iscrowd=1, keypoints=[])
    annotations = read_annotations(written(tmp_path, "anno.json", content), 3)
    assert annotations.keypoints.shape == (18, 3, 3)
    np.testing.assert_array_equal(annotations.keypoints[5].ravel(), np.float32(content["annotations"][5]["keypoints"]))
    np.testing.assert_array_equal(annotations.keypoints[2], 0)
    np.testing.assert_array_equal(annotations.is_crowd, np.arange(18) == 2)
    np.testing.assert_array_equal(annotations.images.id[annotations.image_index], 100 + np.arange(18) // 3)
    assert annotations.images.file_name[0] == b"000000000100.jpg"


def test_other_categories_may_look_as_they_like(tmp_path: Path, rng: np.random.Generator) -> None:
    content = tiny_annotations(rng)
    content["categories"].append({"id": 18, "name": "dog"})
    content["annotations"].append({"id": 900, "image_id": 100, "category_id": 18, "bbox": None})
    assert read_annotations(written(tmp_path, "anno.json", content), 17).category[-1] == 18


def test_test_sets_have_no_annotations(tmp_path: Path, rng: np.random.Generator) -> None:
    content = tiny_annotations(rng)
    del content["annotations"]
    assert read_annotations(written(tmp_path, "anno.json", content), 17).id.shape == (0,)


DETECTION = {"image_id": 100, "category_id": 1, "bbox": [1, 2, 30, 40], "score": 0.9}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, "not a list"),
        ([DETECTION, 3], "detection at position 1 is not an object"),
        ([{**DETECTION, "image_id": 5}], "detection at position 0 has image id 5"),
        ([{**DETECTION, "bbox": [1, 2]}], "detection at position 0 has the box"),
        ([{**DETECTION, "category_id": "1"}], "detection at position 0 has category '1'"),
        ([{**DETECTION, "score": None}], "detection at position 0 has the score None"),
        ([{"image_id": 100, "bbox": [1, 2, 3, 4]}], "detection at position 0 has no category_id, score"),
    ],
)
def test_detection_faults(tmp_path: Path, rng: np.random.Generator, content: Any, message: str) -> None:
    annotations = read_annotations(written(tmp_path, "anno.json", tiny_annotations(rng)), 17)
    path = written(tmp_path, "det.json", content)
    with pytest.raises(PoseError, match=message) as caught:
        read_detections(path, annotations)
    assert "det.json" in str(caught.value)


def test_absent_detection_file_names_the_way_out(tmp_path: Path, rng: np.random.Generator) -> None:
    annotations = read_annotations(written(tmp_path, "anno.json", tiny_annotations(rng)), 17)
    with pytest.raises(PoseError, match=r"TEST\.USE_GT_BBOX True"):
        read_detections(tmp_path / "gone.json", annotations)


def test_broken_detection_file(tmp_path: Path, rng: np.random.Generator) -> None:
    annotations = read_annotations(written(tmp_path, "anno.json", tiny_annotations(rng)), 17)
    (tmp_path / "det.json").write_text("[{")
    with pytest.raises(PoseError, match=r"det\.json is not valid JSON"):
        read_detections(tmp_path / "det.json", annotations)

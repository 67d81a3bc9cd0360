from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from helpers.tiny_coco import tiny_annotations

from lib.dataset.coco import index_annotations, index_detections
from lib.dataset.columns import Unsound, integers, lenient, numbers, texts, unique_integers, unsound_on_error
from lib.dataset.faults import annotation_faults, detection_faults, file_faults

STRANGE = (None, True, 1.0, 1.5, -1, 0, 1 << 63, 10**400, float("nan"), float("inf"), "", "1", "a", "\ud800", [], {})
STRANGE_LISTS = (
    [1],
    [[1, 2, 3, 4]],
    ["1"] * 4,
    [None] * 51,
    [True] * 51,
    [10**400] * 4,
    "abcd",
    {1: 1, 2: 2, 3: 3, 4: 4},
)
FIELDS = {
    "images": ("id", "file_name", "width", "height"),
    "annotations": ("id", "image_id", "category_id", "bbox", "area", "iscrowd", "keypoints", "num_keypoints"),
    "categories": ("id",),
}
CASES = [
    (part, field, value)
    for part, names in FIELDS.items()
    for field in names
    for value in (*STRANGE, *STRANGE_LISTS, KeyError)
]


def _spoil(record: dict[str, Any], field: str, value: Any) -> None:
    if value is KeyError:
        record.pop(field, None)
    else:
        record[field] = value


def _is_sound(make: Callable[[], object]) -> bool:
    try:
        make()
    except Unsound:
        return False
    return True


@pytest.fixture
def content(rng: np.random.Generator) -> dict[str, Any]:
    return tiny_annotations(rng)


@pytest.mark.parametrize(("part", "field", "value"), CASES, ids=lambda value: repr(value)[:20])
def test_columns_and_names_find_the_same_faults(content: dict[str, Any], part: str, field: str, value: Any) -> None:
    _spoil(content[part][0], field, value)
    faults = list(file_faults(content)) or list(annotation_faults(content, 1, 17))
    assert _is_sound(lambda: index_annotations(content, 1, 17)) == (not faults)


@pytest.mark.parametrize("field", ["image_id", "category_id", "bbox", "score"])
def test_columns_and_names_find_the_same_faults_of_detections(content: dict[str, Any], field: str) -> None:
    annotations = index_annotations(content, 1, 17)
    for value in (*STRANGE, *STRANGE_LISTS, KeyError):
        detections = [{"image_id": 100, "category_id": 1, "bbox": [1, 2, 30, 40], "score": 0.9} for _ in range(2)]
        _spoil(detections[1], field, value)
        faults = list(detection_faults(detections, map(int, annotations.images.id)))
        assert _is_sound(lambda entries=detections: index_detections(entries, annotations)) == (not faults), value


def test_integers() -> None:
    assert integers([3, -1]).dtype == np.int64
    np.testing.assert_array_equal(unique_integers([3, -1]), [3, -1])
    assert integers([]).shape == (0,)
    for values in ([True], [1.0], ["1"], [None]):
        with pytest.raises(Unsound):
            integers(values)
    with pytest.raises(Unsound):
        unique_integers([3, 3])


def test_numbers() -> None:
    np.testing.assert_array_equal(numbers([[1, 2.5], [True, -3]], 2), [[1, 2.5], [1, -3]])
    assert numbers([], 4).shape == (0, 4)
    for rows in ([[1]], [[1, float("inf")]]):
        with pytest.raises(Unsound):
            numbers(rows, 2)


def test_texts() -> None:
    assert texts(["a", "ö.jpg"]).tolist() == [b"a", "ö.jpg".encode()]
    for values in (["a", ""], [b"a"], [None]):
        with pytest.raises(Unsound):
            texts(values)


def test_numbers_that_may_be_strange() -> None:
    assert lenient([1, 2.5, None, "3", float("nan"), float("inf"), 10**400], -1) == [1, 2.5, -1, -1, -1, -1, -1]


def test_other_exceptions_pass() -> None:
    with pytest.raises(ZeroDivisionError), unsound_on_error():
        _ = 1 / 0
    with pytest.raises(Unsound), unsound_on_error():
        raise KeyError("id")

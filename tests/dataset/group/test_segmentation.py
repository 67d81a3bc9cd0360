"""Polygons, run lengths in numbers and in letters, and the box mean the same pixels; what is broken is named."""

import numpy as np
import pytest
from helpers.tiny_groups import counts_of, rectangle
from pycocotools import mask as coco_mask

from lib.dataset.group.segmentation import UnusableSegmentation, run_lengths

SIZE_WH = (50, 40)
BOX = np.array([10.0, 5.0, 20.0, 12.0])


def _mask() -> np.ndarray:
    mask = np.zeros((40, 50), bool)
    mask[5:17, 10:30] = True
    return mask


def _decoded(segmentation: object, box: np.ndarray = BOX) -> np.ndarray:
    return coco_mask.decode(coco_mask.merge(run_lengths(segmentation, box, SIZE_WH))).astype(bool)


def test_all_forms_mean_the_same_pixels() -> None:
    counts = counts_of(_mask())
    letters = coco_mask.frPyObjects({"size": [40, 50], "counts": counts}, 40, 50)["counts"].decode()
    forms = [rectangle(10, 5, 20, 12), {"size": [40, 50], "counts": counts}, {"size": [40, 50], "counts": letters}]
    for segmentation in (*forms, None, []):
        np.testing.assert_array_equal(_decoded(segmentation), _mask())


def test_parts_are_joined() -> None:
    parts = [*rectangle(0, 0, 5, 5), *rectangle(3, 3, 4, 4)]
    expected = np.zeros((40, 50), bool)
    expected[:5, :5] = expected[3:7, 3:7] = True
    np.testing.assert_array_equal(_decoded(parts), expected)


def test_random_run_lengths_in_letters(rng: np.random.Generator) -> None:
    """Differences of either sign and numbers of several letters are read as pycocotools writes them."""
    for share in (0.01, 0.2, 0.5, 0.95):
        mask = rng.random((40, 50)) < share
        letters = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))["counts"].decode()
        np.testing.assert_array_equal(_decoded({"size": [40, 50], "counts": letters}), mask)
    for mask in (np.zeros((40, 50), bool), np.ones((40, 50), bool)):
        letters = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))["counts"].decode()
        np.testing.assert_array_equal(_decoded({"size": [40, 50], "counts": letters}), mask)


def test_a_box_is_cut_at_the_border() -> None:
    expected = np.zeros((40, 50), bool)
    expected[30:, 45:] = True
    np.testing.assert_array_equal(_decoded(None, np.array([45.0, 30.0, 100.0, 100.0])), expected)
    assert not _decoded(None, np.array([4.0, 3.0, 0.0, 0.0])).any()


@pytest.mark.parametrize(
    ("segmentation", "said"),
    [
        ("polygon", "is a str"),
        ([[1, 2, 3, 4]], "three or more"),
        ([[1, 2, 3, 4, 5, 6, 7]], "three or more"),
        ([1, 2, 3, 4, 5, 6], "three or more"),
        ([[1, 2, 3, 4, "5", 6]], "no finite number"),
        ([[1, 2, 3, 4, float("nan"), 6]], "no finite number"),
        ({"size": [50, 40], "counts": [2000]}, r"size \[50, 40\] in a picture of \[40, 50\]"),
        ({"size": [40, 50], "counts": [1999]}, "run lengths"),
        ({"size": [40, 50], "counts": [2001]}, "run lengths"),
        ({"size": [40, 50], "counts": [2010, -10]}, "run lengths"),
        ({"size": [40, 50], "counts": []}, "run lengths"),
        ({"size": [40, 50], "counts": ""}, "run lengths"),
        ({"size": [40, 50], "counts": "1"}, "run lengths"),
        ({"size": [40, 50], "counts": "~~~"}, "run lengths"),
        ({"size": [40, 50], "counts": "PQ"}, "run lengths"),
        ({"size": [40, 50], "counts": [1.5, 1998.5]}, "neither"),
        ({"size": [40, 50]}, "neither"),
    ],
)
def test_faults(segmentation: object, said: str) -> None:
    """pycocotools itself fills the rest of a mask with whatever was in its memory for run lengths that end early."""
    with pytest.raises(UnusableSegmentation, match=said):
        run_lengths(segmentation, BOX, SIZE_WH)

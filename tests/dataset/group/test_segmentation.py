"""Polygons, run lengths in numbers and in letters, and the box mean the same pixels; what is broken is named."""

import numpy as np
import pytest
from helpers.tiny_groups import counts_of, rectangle
from pycocotools import mask as coco_mask

from lib.dataset.group.segmentation import FARTHEST, UnusableSegmentation, run_lengths

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


def test_an_absent_segmentation_without_a_box() -> None:
    assert run_lengths(None, None, SIZE_WH) == run_lengths([], None, SIZE_WH) == []
    np.testing.assert_array_equal(coco_mask.decode(run_lengths(rectangle(10, 5, 20, 12), None, SIZE_WH)[0]), _mask())


@pytest.mark.parametrize("beyond", [0.3, 7.0, 400.0])
def test_polygons_and_boxes_that_leave_the_picture(beyond: float) -> None:
    """As annotations do by a fraction of a pixel, and people that a picture cuts by more."""
    expected = np.zeros((40, 50), bool)
    expected[30:, 45:] = True
    left, right, top, bottom = 45.0, 50 + beyond, 30.0, 40 + beyond
    np.testing.assert_array_equal(_decoded([[left, top, right, top, right, bottom, left, bottom]]), expected)
    np.testing.assert_array_equal(_decoded(None, np.array([left, top, right - left, bottom - top])), expected)
    whole = np.array([-beyond, -beyond, 50 + 2 * beyond, 40 + 2 * beyond])
    assert _decoded(None, whole).all()
    outside = [[-beyond, -beyond, -0.2, -beyond, -0.2, 40, -beyond, 40]]
    assert not _decoded(outside).any()


@pytest.mark.parametrize("far", [1e8, 5e9, 1e308, 10**400, -5e9, FARTHEST * 50 + 1])
def test_polygons_and_boxes_too_far_outside(far: float) -> None:
    """pycocotools would fill the memory or end the process."""
    for polygon in ([0, 0, far, 0, far, 10, 0, 10], [0, 0, 9, 0, 9, far, 0, far]):
        with pytest.raises(UnusableSegmentation, match=r"a polygon that reaches farther than 10 times its picture"):
            run_lengths([polygon], BOX, SIZE_WH)
    if abs(far) < 1e300:
        for box in ([far, 0.0, 5.0, 5.0], [0.0, far, 5.0, 5.0], [0.0, 0.0, abs(far), 5.0], [0.0, 0.0, 5.0, abs(far)]):
            with pytest.raises(UnusableSegmentation, match="a box that reaches farther"):
                run_lengths(None, np.array(box), SIZE_WH)


@pytest.mark.parametrize("box", [[np.nan, 0, 5, 5], [0, 0, 5, np.inf], [10, 5, -4, 3], [10, 5, 4, -3]])
def test_faulty_boxes(box: list[float]) -> None:
    with pytest.raises(UnusableSegmentation, match="must be finite, its sides not negative"):
        run_lengths(None, np.array(box), SIZE_WH)


@pytest.mark.parametrize(
    ("segmentation", "said"),
    [
        ("polygon", "that is a str"),
        ([[1, 2, 3, 4]], "three or more"),
        ([[1, 2, 3, 4, 5, 6, 7]], "three or more"),
        ([1, 2, 3, 4, 5, 6], "three or more"),
        ([[1, 2, 3, 4, "5", 6]], "no finite number"),
        ([[1, 2, 3, 4, float("nan"), 6]], "no finite number"),
        ({"size": [50, 40], "counts": [2000]}, r"size \[50, 40\] in a picture of \[40, 50\]"),
        ({"size": [40, 50], "counts": [1999]}, "run lengths"),
        ({"size": [40, 50], "counts": [2001]}, "run lengths"),
        ({"size": [40, 50], "counts": [2010, -10]}, "run lengths"),
        ({"size": [40, 50], "counts": [10**400, 2000 - 10**400]}, "run lengths"),
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

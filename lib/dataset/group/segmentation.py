"""COCO's segmentations as run lengths: polygons, run lengths in numbers, run lengths in letters."""

import math
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

RunLengths = dict[str, Any]  # {"size": [height, width], "counts": bytes}, as pycocotools has them

CORNERS = 3  # fewest of a polygon
# In letters each has five bits of a number above an offset, then one that says whether more follow.
LETTER_OFFSET, LETTER_BITS, MORE, NEGATIVE = 48, 5, 0x20, 0x10


class UnusableSegmentation(Exception):
    """What is wrong with a segmentation, as a phrase."""


def run_lengths(segmentation: Any, box_xywh: np.ndarray, size_wh: tuple[int, int]) -> list[RunLengths]:
    """A segmentation in compressed run lengths; several overlap.

    Args:
        segmentation: of an annotation: polygons [[x, y, ...], ...] or {"size": [height, width], "counts": numbers or
            letters}; the box stands for an absent one (None, an empty list).
        box_xywh: image_ x, y, width, height, (4,).
        size_wh: of the picture.

    Raises:
        UnusableSegmentation: it is neither, or does not fit the picture. pycocotools would read past its memory.
    """
    width, height = size_wh
    if segmentation is None or segmentation == []:
        return list(coco_mask.frPyObjects(np.array([box_xywh], np.float64), height, width))
    if isinstance(segmentation, list):
        return list(coco_mask.frPyObjects([_polygon(part) for part in segmentation], height, width))
    if isinstance(segmentation, dict):
        return [_from_counts(segmentation, width, height)]
    raise UnusableSegmentation(f"is a {type(segmentation).__name__}")


def _polygon(part: Any) -> list[float]:
    if not isinstance(part, list) or len(part) < 2 * CORNERS or len(part) % 2:
        raise UnusableSegmentation("has a polygon that is no list of three or more x, y")
    if not all(isinstance(value, (int, float)) and math.isfinite(value) for value in part):
        raise UnusableSegmentation("has a polygon with something that is no finite number")
    return part


def _from_counts(segmentation: dict[str, Any], width: int, height: int) -> RunLengths:
    counts = segmentation.get("counts")
    if segmentation.get("size") != [height, width]:
        raise UnusableSegmentation(f"has the size {segmentation.get('size')} in a picture of [{height}, {width}]")
    if isinstance(counts, str) and counts.isascii():
        letters = counts.encode()
        _check_runs(_numbers_of(letters), width, height)
        return {"size": [height, width], "counts": letters}
    if isinstance(counts, list) and all(type(count) is int for count in counts):
        _check_runs(np.array(counts, np.float64), width, height)
        return dict(coco_mask.frPyObjects({"size": [height, width], "counts": counts}, height, width))
    raise UnusableSegmentation("has counts that are neither whole numbers nor letters")


def _check_runs(runs: np.ndarray, width: int, height: int) -> None:
    if len(runs) == 0 or runs.min() < 0 or runs.sum() != width * height:
        raise UnusableSegmentation(f"has run lengths that are not those of {width}x{height} pixels")


def _numbers_of(letters: bytes) -> np.ndarray:
    """The run lengths behind pycocotools' letters, (N,) float64; [-1] for letters that it does not write."""
    codes = np.frombuffer(letters, np.uint8).astype(np.int64) - LETTER_OFFSET
    last = (codes & MORE) == 0
    if not len(codes) or codes.min() < 0 or codes.max() >= 2 * MORE or not last[-1]:
        return np.array([-1.0])
    ends = np.flatnonzero(last)
    starts = np.concatenate([[0], ends[:-1] + 1])
    place = np.arange(len(codes)) - np.repeat(starts, ends - starts + 1)
    parts = (codes & (MORE - 1)) * 2.0 ** (LETTER_BITS * place)
    signs = np.where(codes[ends] & NEGATIVE, 2.0 ** (LETTER_BITS * (place[ends] + 1)), 0.0)
    numbers = np.add.reduceat(parts, starts) - signs
    # From the fourth on they are differences from the one before the last.
    numbers[1::2], numbers[2::2] = np.cumsum(numbers[1::2]), np.cumsum(numbers[2::2])
    return numbers

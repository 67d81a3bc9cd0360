"""COCO's segmentations as run lengths: polygons, run lengths in numbers, run lengths in letters."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

RunLengths = dict[str, Any]  # {"size": [height, width], "counts": bytes}, as pycocotools has them

CORNERS = 3  # fewest of a polygon
# Coordinates may lie so many times the longer side of the picture from its corner. pycocotools goes along each edge in
# steps of a fifth of a pixel: farther ones fill the memory, then its 32-bit numbers overflow.
FARTHEST = 10
# In letters each has five bits of a number above an offset, then one that says whether more follow.
LETTER_OFFSET, LETTER_BITS, MORE, NEGATIVE = 48, 5, 0x20, 0x10


class UnusableSegmentation(Exception):
    """What an annotation has that is wrong with its segmentation, or with the box in its place, as a phrase."""


def run_lengths(segmentation: Any, box_xywh: np.ndarray | None, size_wh: tuple[int, int]) -> list[RunLengths]:
    """A segmentation in compressed run lengths; several overlap.

    Args:
        segmentation: of an annotation: polygons [[x, y, ...], ...] or {"size": [height, width], "counts": numbers or
            letters}; None or an empty list for an absent one.
        box_xywh: image_ x, y, width, height, (4,), which stands for an absent one; None for nothing in its place.
        size_wh: of the picture.

    Raises:
        UnusableSegmentation: it is neither, or it or the box does not fit the picture. pycocotools would read past its
            memory.
    """
    width, height = size_wh
    if segmentation is None or segmentation == []:
        if box_xywh is None:
            return []
        return list(coco_mask.frPyObjects(np.array([_box(box_xywh, size_wh)], np.float64), height, width))
    if isinstance(segmentation, list):
        return list(coco_mask.frPyObjects([_polygon(part, size_wh) for part in segmentation], height, width))
    if isinstance(segmentation, dict):
        return [_from_counts(segmentation, width, height)]
    raise UnusableSegmentation(f"a segmentation that is a {type(segmentation).__name__}")


def _box(box_xywh: np.ndarray, size_wh: tuple[int, int]) -> np.ndarray:
    if not np.isfinite(box_xywh).all() or (box_xywh[2:] < 0).any():
        raise UnusableSegmentation(f"the box {box_xywh.tolist()}, whose numbers must be finite, its sides not negative")
    corners = np.concatenate([box_xywh[:2], box_xywh[:2] + box_xywh[2:]])
    _check_reach("a box", float(np.abs(corners).max()), size_wh)
    return box_xywh


def _polygon(part: Any, size_wh: tuple[int, int]) -> list[float]:
    if not isinstance(part, list) or len(part) < 2 * CORNERS or len(part) % 2:
        raise UnusableSegmentation("a polygon that is no list of three or more x, y")
    if not all(isinstance(value, (int, float)) and abs(value) < math.inf for value in part):
        raise UnusableSegmentation("a polygon with something that is no finite number")
    _check_reach("a polygon", max(abs(value) for value in part), size_wh)
    return part


def _check_reach(what: str, farthest: float, size_wh: tuple[int, int]) -> None:
    if farthest > FARTHEST * max(size_wh):
        raise UnusableSegmentation(f"{what} that reaches farther than {FARTHEST} times its picture")


def _from_counts(segmentation: dict[str, Any], width: int, height: int) -> RunLengths:
    counts = segmentation.get("counts")
    if segmentation.get("size") != [height, width]:
        raise UnusableSegmentation(
            f"a segmentation of the size {segmentation.get('size')} in a picture of [{height}, {width}]"
        )
    if isinstance(counts, str) and counts.isascii():
        letters = counts.encode()
        _check_runs(_numbers_of(letters).tolist(), width, height)
        return {"size": [height, width], "counts": letters}
    if isinstance(counts, list) and all(type(count) is int for count in counts):
        _check_runs(counts, width, height)
        return dict(coco_mask.frPyObjects({"size": [height, width], "counts": counts}, height, width))
    raise UnusableSegmentation("counts that are neither whole numbers nor letters")


def _check_runs(runs: Sequence[float], width: int, height: int) -> None:
    if not runs or min(runs) < 0 or sum(runs) != width * height:
        raise UnusableSegmentation(f"run lengths that are not those of {width}x{height} pixels")


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

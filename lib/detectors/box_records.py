"""Boxes of people from the records of a COCO-format file, as columns, and the faults of such records."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lib.utils.coco_files import Record, checked_id, is_finite_number
from lib.utils.errors import PoseError
from lib.utils.people import Boxes, FloatArray


@dataclass(frozen=True)
class LeftOut:
    """How many records are no box of a person, and why.

    Attributes:
        other_categories: of another category.
        crowds: with iscrowd, in annotation files.
        low_scores: below the score threshold.
    """

    other_categories: int
    crowds: int
    low_scores: int

    def __str__(self) -> str:
        counts = {
            "of other categories": self.other_categories,
            "crowds": self.crowds,
            "below the score threshold": self.low_scores,
        }
        return ", ".join(f"{count} {what}" for what, count in counts.items() if count)


@dataclass(frozen=True)
class BoxColumns:
    """N boxes, in ascending order of their picture and within it the best first.

    Attributes:
        image_ids: (N,), int64.
        boxes: the boxes of all pictures.
        left_out: what is not among them.
    """

    image_ids: NDArray[np.int64]
    boxes: Boxes
    left_out: LeftOut


def read_columns(
    records: Sequence[Any],
    category: int,
    *,
    annotated: bool,
    score_threshold: float,
    source: str | os.PathLike[str],
) -> BoxColumns:
    """The boxes of people among records.

    Args:
        records: mappings with image_id, bbox, of results also score; a record without category_id is of a person.
        category: of people.
        annotated: annotations, whose crowds are left out and whose score is 1, instead of results.
        score_threshold: boxes with a lower score are left out.
        source: the file, named in errors.

    Raises:
        PoseError: the first record of a person that has no image id, box or score of finite numbers, or that is not
            left out and has a box without extent; or no record is of a person.
    """
    noun = "annotation" if annotated else "record"
    wrong = next((index for index, record in enumerate(records) if not isinstance(record, dict)), None)
    if wrong is not None:
        raise PoseError(f"{noun} {wrong} (counted from 0) of {source} is not a mapping; correct it.")
    of_people = [index for index, record in enumerate(records) if record.get("category_id", category) == category]
    if records and not of_people:
        found = sorted({str(record["category_id"]) for record in records})
        raise PoseError(
            f"{source} has boxes of categories {', '.join(found[:5])}{' and more' if len(found) > 5 else ''}, none of "
            f"{category} (person); give its people this category."
        )
    places = [index for index in of_people if not (annotated and records[index].get("iscrowd"))]
    people = [records[index] for index in places]
    ids, xywh, scores = _columns(people, annotated) or _checked_columns(people, places, annotated, noun, source)
    kept = np.flatnonzero(scores >= score_threshold)
    _check_extents(xywh[kept], np.array(places, np.int64)[kept], noun, source)
    left_out = LeftOut(len(records) - len(of_people), len(of_people) - len(people), len(people) - len(kept))
    # lexsort sorts by its last key first and leaves ties in the order of the file.
    order = kept[np.lexsort((-scores[kept], ids[kept]))]
    return BoxColumns(ids[order], Boxes(xywh[order], scores[order]), left_out)


def _columns(people: Sequence[Record], annotated: bool) -> tuple[NDArray[np.int64], FloatArray, FloatArray] | None:
    """Image ids, boxes and scores by a look at whole columns; None where that finds a fault."""
    try:
        ids = [record["image_id"] for record in people]
        rows = [record["bbox"] for record in people]
        if not (set(map(type, ids)) <= {int} and set(map(type, rows)) <= {list} and set(map(len, rows)) <= {4}):
            return None
        values = list(chain.from_iterable(rows))
        scores = [1.0] * len(people) if annotated else [record["score"] for record in people]
        # NumPy would also read text and truth values.
        if not set(map(type, chain(values, scores))) <= {int, float}:
            return None
        xywh, measured = np.array(values, np.float64).reshape(-1, 4), np.array(scores, np.float64)
        sound = np.isfinite(xywh).all() and np.isfinite(measured).all()
        return (np.array(ids, np.int64), xywh, measured) if sound else None
    except (KeyError, OverflowError):
        return None


def _checked_columns(
    people: Sequence[Record], places: Sequence[int], annotated: bool, noun: str, source: str | os.PathLike[str]
) -> tuple[NDArray[np.int64], FloatArray, FloatArray]:
    """The same record by record, which names the first fault."""
    ids, rows, scores = [], [], []
    for place, record in zip(places, people, strict=True):
        name = f"{noun} {place} (counted from 0) of {source}"
        ids.append(checked_id(record.get("image_id"), name, "image_id"))
        box = record.get("bbox")
        if not isinstance(box, list) or len(box) != 4 or not all(map(is_finite_number, box)):
            raise PoseError(f"{name} has bbox {box!r} instead of 4 finite numbers (x, y, width, height); correct it.")
        score = 1.0 if annotated else record.get("score")
        if not is_finite_number(score):
            raise PoseError(f"{name} has score {score!r}, which is not a finite number; correct it.")
        rows.append(box)
        scores.append(score)
    return np.array(ids, np.int64), np.array(rows, np.float64).reshape(-1, 4), np.array(scores, np.float64)


def _check_extents(xywh: FloatArray, places: NDArray[np.int64], noun: str, source: str | os.PathLike[str]) -> None:
    flat = np.flatnonzero(~(xywh[:, 2:] > 0.0).all(axis=1))
    if len(flat):
        raise PoseError(
            f"{noun} {places[flat[0]]} (counted from 0) of {source} has the box {xywh[flat[0]].tolist()} without "
            "extent; correct or remove it."
        )

"""The ten COCO statistics of columns, by hotcoco where it is installed and gives pycocotools' numbers, else by that."""

import contextlib
import io
import warnings
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lib.core.poses import Poses
from lib.core.truth import Truth
from lib.utils.coco_files import Record
from lib.utils.collection import paused_collection
from lib.utils.optional import optional_module

# All people, medium and large ones, in pixels²; both ends belong to them.
SIZE_RANGES = ((0.0, 1e5**2), (32.0**2, 96.0**2), (96.0**2, 1e5**2))


def library_for(truth: Truth) -> str:
    """The library that the statistics of this truth are computed with: "hotcoco" or "pycocotools".

    hotcoco is pycocotools in Rust and gives the same numbers, except where pycocotools has oddities that published
    numbers contain: it takes a match with annotation 0 for none, and looks up annotations of one id as the last of
    them. Negative numbers of any kind but coordinates and areas are an error in hotcoco.
    """
    ids = truth.ids
    not_negative = (truth.image_ids, truth.person_image_ids, truth.num_labelled, np.array([truth.category]))
    plain = (ids > 0).all() and len(np.unique(ids)) == len(ids) and all((each >= 0).all() for each in not_negative)
    return "hotcoco" if plain and optional_module("hotcoco") is not None else "pycocotools"


def ten_statistics(poses: Poses, truth: Truth, sigmas: NDArray[np.float64]) -> NDArray[np.float64]:
    """Match poses with people and summarise.

    Args:
        poses: of the images and the category of `truth`.
        truth: the annotations.
        sigmas: (K,).

    Returns:
        The values in pycocotools' order, (10,); -1 for a size range without any annotated person.
    """
    if not len(poses):
        return _without_poses(truth)
    library = library_for(truth)
    coco_class, evaluation_class = _classes(library)
    with _silence(), paused_collection():
        coco = coco_class()
        coco.dataset = truth.dataset()
        coco.createIndex()
        results = coco.loadRes(_packed(poses, truth) if library == "hotcoco" else replace(poses, frames=None).records())
        evaluation = evaluation_class(coco, results, "keypoints")
        evaluation.params.kpt_oks_sigmas = sigmas
        evaluation.params.catIds = [truth.category]
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return np.asarray(evaluation.stats, dtype=np.float64)


def _without_poses(truth: Truth) -> NDArray[np.float64]:
    """What pycocotools would give if it took an empty list: 0, and -1 for a size range that counts nobody."""
    counted = truth.areas[~truth.is_crowd & (truth.num_labelled != 0)]
    everyone, medium, large = (
        0.0 if ((counted >= low) & (counted <= high)).any() else -1.0 for low, high in SIZE_RANGES
    )
    return np.array([everyone, everyone, everyone, medium, large] * 2)


def _packed(poses: Poses, truth: Truth) -> list[Record]:
    """Result records for hotcoco, without millions of Python floats.

    Where an image has no annotated person, a pose has nothing to be compared with and only its extent matters, so two
    points stand for it. The order of the poses within an image, which decides among equal scores, is kept.
    """
    compared = np.isin(poses.image_ids, truth.person_image_ids)
    x, y, score = np.moveaxis(poses.keypoints[~compared], 2, 0)
    corners = [x.min(axis=1), y.min(axis=1), score[:, 0], x.max(axis=1), y.max(axis=1), score[:, 0]]
    return [
        *_records(poses, compared, poses.columns()["keypoints"][compared]),
        *_records(poses, ~compared, np.stack(corners, axis=1)),
    ]


def _records(poses: Poses, rows: NDArray[np.bool_], keypoints: NDArray[np.float64]) -> list[Record]:
    """Records of some rows; their keypoints are views of one array, which hotcoco reads like lists."""
    numbers, size = keypoints.reshape(-1).data, keypoints.shape[1]
    starts = range(0, len(numbers), size)
    records: list[Record] = [
        {
            "image_id": image_id,
            "category_id": poses.category,
            "keypoints": numbers[start : start + size],
            "score": score,
        }
        for image_id, score, start in zip(
            poses.image_ids[rows].tolist(), poses.scores[rows].tolist(), starts, strict=True
        )
    ]
    if poses.boxes is not None:
        for record, box in zip(records, poses.boxes[rows].tolist(), strict=True):
            record["bbox"] = box
    return records


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Both libraries report on stdout, and hotcoco warns about sigmas other than COCO's; callers print their own."""
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _classes(library: str) -> tuple[Any, Any]:
    if library == "hotcoco":
        import hotcoco

        return hotcoco.COCO, hotcoco.COCOeval
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    return COCO, COCOeval

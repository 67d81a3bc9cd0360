"""The statistics of COCO-WholeBody: COCO's ten of all keypoints, and AP and AR of each part of the body."""

import os
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lib.core.coco_library import ten_statistics
from lib.core.evaluate import STATISTICS as COCO_STATISTICS
from lib.core.evaluate import check_against
from lib.core.poses import Poses
from lib.core.truth import Truth
from lib.utils.annotation_form import KEYPOINTS

BODY = "body"
PLACES = {"AP": COCO_STATISTICS.index("AP"), "AR": COCO_STATISTICS.index("AR")}


def part_names(fields: Sequence[tuple[str, int]]) -> list[str]:
    """What the parts are called that the fields of annotations hold: body for `keypoints`, foot for `foot_kpts`."""
    return [BODY if name == KEYPOINTS else name.removesuffix("_kpts") for name, _ in fields]


def wholebody_statistics(
    poses: Poses,
    truth: Truth,
    sigmas: ArrayLike,
    fields: Sequence[tuple[str, int]],
    *,
    source: str | os.PathLike[str] = "the results",
) -> dict[str, float]:
    """COCO's ten statistics of all keypoints, then `body AP`, `body AR`, `foot AP` and so on.

    Args:
        poses: the results.
        truth: the annotations, with the keypoints of all parts.
        sigmas: (K,).
        fields: names and numbers of keypoints of the parts, as in the keypoint set.
        source: where the results come from, named in errors.

    Raises:
        PoseError: there are no annotations, or a pose does not fit them.

    A part is measured like a whole person: against the person's area and by the person's score. People without a
    labelled keypoint of the part are ignored, and poses without a positive keypoint score in it are left out. The flags
    `foot_valid` and so on are not needed, because the keypoints of invalid parts are not labelled.

    Source: jin-s13/COCO-WholeBody evaluation/myeval_*.py.
    """
    constants = np.asarray(sigmas, dtype=np.float64)
    check_against(poses, truth, len(constants), source)
    counts = [count for _, count in fields]
    starts = np.cumsum([0, *counts]).tolist()
    sized = _with_boxes(poses, counts[0])
    whole = _statistics(sized, truth, constants, slice(0, starts[-1]))
    statistics = dict(zip(COCO_STATISTICS, whole.tolist(), strict=True))
    for name, start, count in zip(part_names(fields), starts, counts, strict=False):
        values = _statistics(sized, truth, constants, slice(start, start + count))
        statistics |= {f"{name} {kind}": float(values[place]) for kind, place in PLACES.items()}
    return statistics


def _statistics(poses: Poses, truth: Truth, sigmas: NDArray[np.float64], part: slice) -> NDArray[np.float64]:
    """COCO's ten statistics of some of the keypoints."""
    present: NDArray[np.bool_] = np.any(poses.keypoints[:, part, 2] > 0, axis=1)
    own = poses.take(present)
    return ten_statistics(replace(own, keypoints=own.keypoints[:, part]), truth.of_keypoints(part), sigmas[part])


def _with_boxes(poses: Poses, num_body: int) -> Poses:
    """Poses whose size is that of their body, as in the published code, where no file brings boxes of its own."""
    if poses.boxes is not None or not len(poses):
        return poses
    low, high = poses.keypoints[:, :num_body, :2].min(axis=1), poses.keypoints[:, :num_body, :2].max(axis=1)
    return replace(poses, boxes=np.concatenate([low, high - low], axis=1))

"""From predicted keypoints to COCO results: rescoring and suppression."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lib.core.nms import oks_nms, soft_oks_nms
from lib.core.poses import Poses
from lib.utils.errors import PoseError

BOX_COLUMNS = ("center x", "center y", "scale x", "scale y", "area", "score")


@dataclass(frozen=True)
class Selection:
    """What is left of the predictions after suppression.

    Attributes:
        indices: rows of the predictions, (M,), images in order of first appearance, the best of each image first.
        scores: their scores after rescoring, (M,), float64.
        num_records: how many predictions there were.
    """

    indices: NDArray[np.intp]
    scores: NDArray[np.float64]
    num_records: int

    @property
    def num_kept(self) -> int:
        """M."""
        return len(self.indices)


def rescore(joint_scores: ArrayLike, box_scores: ArrayLike, in_vis_thre: float = 0.2) -> NDArray[np.float64]:
    """Score of a pose: mean of its joint scores above the threshold, times the score of its box.

    Args:
        joint_scores: (N, K).
        box_scores: (N,).
        in_vis_thre: TEST.IN_VIS_THRE.

    Returns:
        (N,), float64; 0 where no joint is above the threshold.

    Source: HRNet lib/dataset/coco.py, evaluate.
    """
    joints = np.asarray(joint_scores, dtype=np.float64)
    counted = joints > in_vis_thre
    means = np.where(counted, joints, 0.0).sum(axis=1) / np.maximum(counted.sum(axis=1), 1)
    return means * np.asarray(box_scores, dtype=np.float64)


def select_results(
    preds: ArrayLike,
    boxes: ArrayLike,
    image_ids: ArrayLike,
    sigmas: ArrayLike,
    *,
    in_vis_thre: float = 0.2,
    oks_thre: float = 0.9,
    soft_nms: bool = False,
) -> Selection:
    """Rescore all predictions and suppress repeated poses, as every published top-down test does.

    Args:
        preds: image_ (x, y, score), (N, K, 3).
        boxes: center x, center y, scale x, scale y (200 px), area of the padded crop (px²), box score, (N, 6).
        image_ids: (N,), integers.
        sigmas: (K,).
        in_vis_thre: joint scores above it count in the score of a pose.
        oks_thre: TEST.OKS_THRE, the threshold of both kinds of suppression.
        soft_nms: TEST.SOFT_NMS; soft instead of hard suppression.

    Raises:
        PoseError: shapes that do not fit together, or a number that is not finite; names the record and its image.
    """
    if not oks_thre > 0:
        raise PoseError(f"the OKS threshold is {oks_thre}; set TEST.OKS_THRE to a number above 0, usually 0.9.")
    points, box_rows, ids = _checked(preds, boxes, image_ids, sigmas)
    scores = rescore(points[..., 2], box_rows[:, 5], in_vis_thre)
    suppress = soft_oks_nms if soft_nms else oks_nms
    indices = suppress(points, box_rows[:, 4], scores, ids, sigmas, oks_thre)
    return Selection(indices, scores[indices], len(points))


def chosen_poses(
    preds: ArrayLike, boxes: ArrayLike, image_ids: ArrayLike, selection: Selection, category: int = 1
) -> Poses:
    """The selected predictions with their scores.

    Args:
        preds: image_ (x, y, score), (N, K, 3).
        boxes: (N, 6) as in `select_results`.
        image_ids: (N,).
        selection: which predictions, with which scores.
        category: category id of a person in the annotation file.
    """
    rows, points = selection.indices, np.asarray(preds)
    if not len(rows):
        return Poses(np.empty(0, np.int64), category, np.empty((0, 0, 3)), np.empty(0), np.empty((0, 4)))
    return Poses(
        image_ids=np.asarray(image_ids)[rows].astype(np.int64),
        category=category,
        keypoints=points[rows].astype(np.float64),
        scores=selection.scores,
        frames=np.asarray(boxes, dtype=np.float64)[rows, :4],
    )


def _checked(
    preds: ArrayLike, boxes: ArrayLike, image_ids: ArrayLike, sigmas: ArrayLike
) -> tuple[NDArray[Any], NDArray[np.float64], NDArray[np.int64]]:
    """The inputs of `select_results` as arrays whose shapes and values can be used."""
    count, num_keypoints = len(np.asarray(image_ids)), len(np.asarray(sigmas))
    points, box_rows = np.asarray(preds), np.asarray(boxes, dtype=np.float64)
    if count == 0 and points.size == 0 and box_rows.size == 0:
        return np.empty((0, num_keypoints, 3)), np.empty((0, 6)), np.empty(0, dtype=np.int64)
    if points.shape != (count, num_keypoints, 3) or box_rows.shape != (count, 6):
        raise PoseError(
            f"predictions of shape {points.shape} and boxes of shape {box_rows.shape} do not fit {count} image ids and "
            f"{num_keypoints} sigmas; expected ({count}, {num_keypoints}, 3) and ({count}, 6)."
        )
    ids = np.asarray(image_ids).astype(np.int64)
    _refuse_not_finite(points.reshape(count, -1), ids, "its predicted keypoints", "the model's weights and input")
    _refuse_not_finite(box_rows, ids, f"its box ({', '.join(BOX_COLUMNS)})", "the detection or annotation file")
    return points, box_rows, ids


def _refuse_not_finite(rows: NDArray[Any], ids: NDArray[np.int64], what: str, where: str) -> None:
    faulty = np.flatnonzero(~np.isfinite(rows).all(axis=1))
    if faulty.size:
        record = int(faulty[0])
        raise PoseError(
            f"record {record} (image {ids[record]}) has NaN or infinity in {what}, as have {faulty.size - 1} other "
            f"records; check {where}."
        )

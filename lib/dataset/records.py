"""The people of a data set as arrays, and how they are chosen."""

from dataclasses import dataclass, fields
from typing import Protocol

import numpy as np

from lib.dataset.coco import Annotations, Detections
from lib.utils.geometry import PIXELS_PER_SCALE

# Constants of the published DATASET.SELECT_DATA, given there without a source.
SELECT_SIGMA, SELECT_PER_KEYPOINT, SELECT_BASE = 0.2, 0.2 / 16, 0.45


class BoxConverter(Protocol):
    """What the records need of a codec: (N, 4) image_ x, y, width, height to centre (N, 2) and scale (N, 2)."""

    def __call__(self, boxes_xywh: np.ndarray, /) -> tuple[np.ndarray, np.ndarray]:
        """Convert boxes."""


@dataclass(frozen=True)
class Records:
    """N people to crop, one array per field.

    Plain arrays hold no Python objects, so that worker processes made by fork share their memory for good.

    Attributes:
        center: box centre, image_ (x, y), (N, 2) float32.
        scale: padded box size in units of 200 image pixels, (N, 2) float32.
        box: image_ left, top, width, height as annotated or detected, neither clipped nor padded, (N, 4) float32.
        image_id: (N,) int64.
        image_index: position in the annotation file's images, (N,) int64.
        annotation_id: (N,) int64; -1 for detections.
        score: 1 for annotated people, else the detector's, (N,) float64.
        area: annotated area, or width x height of a detection, image square pixels, (N,) float64.
        keypoints: image_ (x, y), (N, K, 2) float32; zeros for detections.
        visible: the flag of the annotation, 0 not labelled, 1 occluded, 2 visible; above 0 means labelled, (N, K)
            float32; zeros for detections.
    """

    center: np.ndarray
    scale: np.ndarray
    box: np.ndarray
    image_id: np.ndarray
    image_index: np.ndarray
    annotation_id: np.ndarray
    score: np.ndarray
    area: np.ndarray
    keypoints: np.ndarray
    visible: np.ndarray

    def __len__(self) -> int:
        return len(self.image_id)

    def take(self, selection: np.ndarray) -> "Records":
        """The records at the given positions, or where a mask is true, as a new object."""
        return Records(**{field.name: getattr(self, field.name)[selection] for field in fields(self)})


def annotated_records(
    annotations: Annotations, to_center_scale: BoxConverter, *, well_filled_only: bool = False
) -> tuple[Records, dict[str, int]]:
    """Annotated people in the published order: by image as listed, then by annotation as listed.

    Args:
        annotations: the file's content.
        to_center_scale: the codec's box convention.
        well_filled_only: leave out those that are not `well_filled` (DATASET.SELECT_DATA).

    Returns:
        The records, and how many annotations were left out for which reason.

    Source: HRNet lib/dataset/coco.py:143-208, where visibility is min(flag, 1); boxes without any extent, whose crop
    would be undefined, are left out here as well.
    """
    boxes, inside = clip_boxes(annotations.box_xywh, annotations.images.size_wh[annotations.image_index])
    reasons = {
        "another category": annotations.category != annotations.person_category,
        "crowd": annotations.is_crowd,
        "no area": ~(annotations.area > 0),
        "box outside the image": ~inside,
        "no keypoints": annotations.keypoints.max(axis=(1, 2), initial=0) == 0,
        "box without extent": boxes[:, 2:].max(axis=1, initial=0) <= 0,
    }
    keep, num_dropped = _apply_reasons(reasons, len(boxes))
    keep = keep[np.argsort(annotations.image_index[keep], kind="stable")]
    center, scale = to_center_scale(boxes[keep])
    image_index = annotations.image_index[keep]
    keypoints = annotations.keypoints[keep]
    records = Records(
        center=np.asarray(center, np.float32),
        scale=np.asarray(scale, np.float32),
        box=annotations.box_xywh[keep].astype(np.float32),
        image_id=annotations.images.id[image_index],
        image_index=image_index,
        annotation_id=annotations.id[keep],
        score=np.ones(len(keep)),
        area=annotations.area[keep],
        keypoints=keypoints[..., :2].astype(np.float32),
        visible=keypoints[..., 2].astype(np.float32),
    )
    if well_filled_only:
        selected, off_center = select_well_filled(records)
        return records.take(selected), num_dropped | off_center
    return records, num_dropped


def detected_records(
    detections: Detections, num_keypoints: int, min_score: float, to_center_scale: BoxConverter
) -> tuple[Records, dict[str, int]]:
    """Detected people in the file's order, with their boxes as they are, not clipped.

    Args:
        detections: the file's content.
        num_keypoints: K.
        min_score: detections below it are left out (TEST.IMAGE_THRE).
        to_center_scale: the codec's box convention.

    Returns:
        The records, whose keypoints are all zero and invisible, and how many detections were left out and why.

    Source: HRNet lib/dataset/coco.py:249-291, where the keypoints count as visible.
    """
    reasons = {
        "another category": detections.category != detections.person_category,
        f"score below {min_score:g}": detections.score < min_score,
        "box without extent": detections.box_xywh[:, 2:].max(axis=1, initial=0) <= 0,
    }
    keep, num_dropped = _apply_reasons(reasons, len(detections.score))
    boxes = detections.box_xywh[keep]
    center, scale = to_center_scale(boxes)
    image_index = detections.image_index[keep]
    records = Records(
        center=np.asarray(center, np.float32),
        scale=np.asarray(scale, np.float32),
        box=boxes.astype(np.float32),
        image_id=detections.images.id[image_index],
        image_index=image_index,
        annotation_id=np.full(len(keep), -1, np.int64),
        score=detections.score[keep],
        area=boxes[:, 2] * boxes[:, 3],
        keypoints=np.zeros((len(keep), num_keypoints, 2), np.float32),
        visible=np.zeros((len(keep), num_keypoints), np.float32),
    )
    return records, num_dropped


def clip_boxes(boxes_xywh: np.ndarray, image_size_wh: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Clip boxes to their images as published: the last pixel of a box is x + w - 1.

    Args:
        boxes_xywh: image_ x, y, width, height, (N, 4).
        image_size_wh: (N, 2).

    Returns:
        The clipped boxes, (N, 4) float64, one pixel narrower and lower than the annotated ones, and whether anything
        of them lies in the image, (N,) bool.
    """
    first = np.maximum(boxes_xywh[:, :2], 0)
    last = np.minimum(image_size_wh - 1, first + np.maximum(boxes_xywh[:, 2:] - 1, 0))
    return np.concatenate([first, last - first], axis=1), (last >= first).all(axis=1)


def select_well_filled(records: Records) -> tuple[np.ndarray, dict[str, int]]:
    """Positions of the records that DATASET.SELECT_DATA keeps, and how many it leaves out."""
    return _apply_reasons({"keypoints off the box centre": ~well_filled(records)}, len(records))


def well_filled(records: Records) -> np.ndarray:
    """The published DATASET.SELECT_DATA: people whose keypoints lie around the middle of their box.

    Returns:
        (N,) bool. The fewer keypoints are visible, the farther their mean may be from the box centre.

    Source: HRNet lib/dataset/JointsDataset.py:172-202.
    """
    visible = (records.visible > 0).astype(np.float64)
    count = visible.sum(axis=1)
    mean = (records.keypoints * visible[..., None]).sum(axis=1) / np.maximum(count, 1)[:, None]
    area = records.scale.astype(np.float64).prod(axis=1) * PIXELS_PER_SCALE**2
    squared_distance = ((mean - records.center) ** 2).sum(axis=1)
    similarity = np.exp(-squared_distance / (2 * SELECT_SIGMA**2 * area))
    threshold = SELECT_BASE + SELECT_PER_KEYPOINT * (count - 1)
    return (count > 0) & (similarity > threshold)


def _apply_reasons(reasons: dict[str, np.ndarray], count: int) -> tuple[np.ndarray, dict[str, int]]:
    """Positions that no reason excludes, and the number excluded per reason; an entry counts for its first reason."""
    kept = np.ones(count, bool)
    num_dropped = {}
    for reason, applies in reasons.items():
        num_dropped[reason] = int((kept & applies).sum())
        kept &= ~applies
    return np.flatnonzero(kept), {reason: number for reason, number in num_dropped.items() if number}

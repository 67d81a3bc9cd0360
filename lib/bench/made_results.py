"""Made people, and the predictions of a made network on made detections of them, as many as those of COCO val2017."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from lib.core.inference import Predictions
from lib.dataset.records import Records
from lib.utils.geometry import PIXELS_PER_SCALE

KEYPOINTS, SIZE_WH = 17, (640, 480)
# Of a typical box of COCO: the logarithm of its size in pixels, and width to height.
LOG_SIZE, ASPECT = (4.3, 0.8), (0.65, 1.4)
# A crop is a box of the network's shape, widened by this.
PADDING, CROP_ASPECT = 1.25, 192 / 256


@dataclass(frozen=True)
class Amounts:
    """How many of each.

    Attributes:
        images: of the set.
        images_with_people: of these.
        people: annotated.
        per_image: detections on every image, as detectors give them: two on each person, the others false.
    """

    images: int = 5000
    images_with_people: int = 2693
    people: int = 11004
    per_image: int = 21

    @property
    def results(self) -> int:
        """Detections in all."""
        return self.images * self.per_image


def made_results(amounts: Amounts) -> tuple[dict[str, Any], Records, Predictions]:
    """Annotations in COCO's format, the detected boxes, and keypoints predicted in them; the same on every call."""
    rng = np.random.default_rng(0)
    image_ids = 139 + 7 * np.arange(amounts.images)
    occupied = rng.choice(amounts.images, amounts.images_with_people, replace=False)
    image_of = np.sort(np.concatenate([occupied, rng.choice(occupied, amounts.people - len(occupied))]))
    boxes = _boxes(rng, amounts.people)
    points = _points(rng, boxes)
    annotations = _annotations(rng, image_ids, image_of, boxes, points)

    counts = np.bincount(image_of, minlength=amounts.images)
    slot, image = (
        np.tile(np.arange(amounts.per_image), amounts.images),
        np.repeat(np.arange(amounts.images), amounts.per_image),
    )
    is_true = slot < 2 * counts[image]
    person = (np.cumsum(counts) - counts)[image] + slot % np.maximum(counts[image], 1)
    found = _boxes(rng, amounts.results)
    predicted = _points(rng, found)
    found[is_true] = boxes[person[is_true]]
    extent = np.sqrt(found[is_true, 2] * found[is_true, 3])
    errors = rng.normal(0, 1, (int(is_true.sum()), KEYPOINTS, 2)) * rng.uniform(0.005, 0.08, (len(extent), 1, 1))
    predicted[is_true] = points[person[is_true]] + errors * extent[:, None, None]
    joint_scores = np.where(is_true[:, None], 0.3, 0.0) + rng.uniform(0, 0.6, (amounts.results, KEYPOINTS))
    box_scores = np.where(is_true, 0.4, 0.0) + rng.uniform(0, 0.6, amounts.results)
    predictions = Predictions(np.arange(amounts.results), predicted.astype(np.float32), joint_scores.astype(np.float32))
    return annotations, _records(found, image_ids[image], box_scores), predictions


def _boxes(rng: np.random.Generator, count: int) -> np.ndarray:
    """image_ x, y, width, height of people, (count, 4)."""
    sizes = np.exp(rng.normal(*LOG_SIZE, (count, 1))) * ASPECT * rng.uniform(0.7, 1.4, (count, 2))
    sizes = np.clip(sizes, 8, np.array(SIZE_WH) - 20)
    return np.concatenate([rng.uniform(0, 1, (count, 2)) * (SIZE_WH - sizes), sizes], axis=1)


def _points(rng: np.random.Generator, boxes: np.ndarray) -> np.ndarray:
    """image_ (x, y) inside boxes, (N, K, 2)."""
    return boxes[:, None, :2] + rng.uniform(0.05, 0.95, (len(boxes), KEYPOINTS, 2)) * boxes[:, None, 2:]


def _annotations(
    rng: np.random.Generator, image_ids: np.ndarray, image_of: np.ndarray, boxes: np.ndarray, points: np.ndarray
) -> dict[str, Any]:
    """As in COCO: a third of the people have no labelled keypoint, and one in fifty stands for a crowd."""
    visible = rng.choice([0, 1, 2], points.shape[:2], p=[0.35, 0.1, 0.55])
    visible[rng.uniform(0, 1, len(boxes)) < 1 / 3] = 0
    rows = np.concatenate([points.round() * (visible > 0)[..., None], visible[..., None]], axis=2)
    return {
        "images": [{"id": image_id, "width": SIZE_WH[0], "height": SIZE_WH[1]} for image_id in image_ids.tolist()],
        "categories": [{"id": 1, "name": "person"}],
        "annotations": [
            {
                "id": index + 1,
                "image_id": int(image_ids[image_of[index]]),
                "category_id": 1,
                "iscrowd": int(index % 50 == 0),
                "bbox": boxes[index].tolist(),
                "area": float(0.55 * boxes[index, 2] * boxes[index, 3]),
                "num_keypoints": int((visible[index] > 0).sum()),
                "keypoints": rows[index].ravel().tolist(),
            }
            for index in range(len(boxes))
        ],
    }


def _records(boxes: np.ndarray, image_ids: np.ndarray, scores: np.ndarray) -> Records:
    """Detections with the crops of a network of CROP_ASPECT."""
    count = len(boxes)
    height = np.maximum(boxes[:, 2] / CROP_ASPECT, boxes[:, 3]) * PADDING / PIXELS_PER_SCALE
    return Records(
        center=(boxes[:, :2] + boxes[:, 2:] / 2).astype(np.float32),
        scale=np.stack([height * CROP_ASPECT, height], axis=1).astype(np.float32),
        box=boxes.astype(np.float32),
        image_id=image_ids,
        image_index=np.zeros(count, np.int64),
        annotation_id=np.full(count, -1),
        score=scores,
        area=boxes[:, 2] * boxes[:, 3],
        keypoints=np.zeros((count, KEYPOINTS, 2), np.float32),
        visible=np.zeros((count, KEYPOINTS), np.float32),
    )

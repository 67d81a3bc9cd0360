"""MPII annotations and predictions as COCO's mappings, for pictures."""

import os

import numpy as np

from lib.core.mpii_predictions import MpiiPredictions, check_images
from lib.utils.coco_files import Record
from lib.utils.errors import PoseError
from lib.utils.geometry import PIXELS_PER_SCALE
from lib.utils.mpii_files import MpiiPeople

CATEGORY = 1


def annotations_of(people: MpiiPeople) -> Record:
    """A COCO annotation file's content, without areas, as MPII has none; coordinates count from 0."""
    annotations = []
    labelled = people.visible.astype(float)
    rows = np.concatenate([(people.joints - 1) * labelled[..., None], labelled[..., None]], axis=2)
    side = people.scale * PIXELS_PER_SCALE
    boxes = np.column_stack([people.center - 1 - side[:, None] / 2, side, side])
    for index in range(len(people)):
        annotations.append(
            {
                "id": index,
                "image_id": int(people.image_index[index]),
                "category_id": CATEGORY,
                "iscrowd": 0,
                "num_keypoints": int(people.visible[index].sum()),
                "keypoints": rows[index].ravel().tolist(),
                "bbox": boxes[index].tolist(),
            }
        )
    images = [{"id": index, "file_name": name} for index, name in enumerate(people.image_names)]
    return {"images": images, "annotations": annotations, "categories": [{"id": CATEGORY, "name": "person"}]}


def results_of(predictions: MpiiPredictions, people: MpiiPeople, source: str | os.PathLike[str]) -> list[Record]:
    """COCO results; a pose has the mean score of its joints, 1 where the file has no scores.

    Args:
        predictions: of every person.
        people: of the annotation file.
        source: of the predictions, named in errors.

    Raises:
        PoseError: the predictions are of other people.
    """
    if len(predictions.joints) != len(people):
        raise PoseError(
            f"{source} has {len(predictions.joints)} people, {people.source} has {len(people)}; take the annotation "
            "file that was predicted."
        )
    check_images(predictions, [people.image_names[index] for index in people.image_index.tolist()], source)
    scores = np.ones(predictions.joints.shape[:2]) if predictions.scores is None else predictions.scores
    rows = np.concatenate([predictions.joints - 1, scores[..., None]], axis=2)
    return [
        {
            "image_id": image,
            "category_id": CATEGORY,
            "keypoints": row.ravel().tolist(),
            "score": float(row[:, 2].mean()),
        }
        for image, row in zip(people.image_index.tolist(), rows, strict=True)
    ]

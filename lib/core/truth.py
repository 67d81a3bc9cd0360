"""What the COCO statistics need of an annotation file, as arrays."""

import os
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lib.utils.coco_files import Record, annotated_people, checked_id, person_category, read_annotations
from lib.utils.collection import paused_collection

COCO_PERSON = 1


@dataclass(frozen=True)
class Truth:
    """I images and A annotated people of them; some tens of megabytes of JSON become a few of arrays.

    Attributes:
        source: the annotation file, named in errors.
        image_ids: (I,), int64.
        category: category id of a person.
        is_public: whether the file has annotations; those of test sets are not public.
        ids: of the annotations, (A,), int64.
        person_image_ids: image of each person, (A,), int64.
        keypoints: image_ (x, y, visibility), (A, K, 3).
        areas: pixels², (A,).
        boxes: image_ x, y, width, height, (A, 4).
        is_crowd: (A,).
        num_labelled: keypoints that count, (A,), int64, as the file says.
    """

    source: str
    image_ids: NDArray[np.int64]
    category: int
    is_public: bool
    ids: NDArray[np.int64]
    person_image_ids: NDArray[np.int64]
    keypoints: NDArray[np.float64]
    areas: NDArray[np.float64]
    boxes: NDArray[np.float64]
    is_crowd: NDArray[np.bool_]
    num_labelled: NDArray[np.int64]

    def dataset(self) -> Record:
        """The content of a COCO annotation file, as pycocotools takes it."""
        columns: dict[str, NDArray[Any]] = {
            "id": self.ids,
            "image_id": self.person_image_ids,
            "category_id": np.full(len(self.ids), self.category),
            "keypoints": self.keypoints.reshape(len(self.ids), 3 * self.keypoints.shape[1]),
            "area": self.areas,
            "bbox": self.boxes,
            "iscrowd": self.is_crowd.astype(np.int64),
            "num_keypoints": self.num_labelled,
        }
        with paused_collection():
            rows = zip(*(column.tolist() for column in columns.values()), strict=True)
            return {
                "images": [{"id": image_id} for image_id in self.image_ids.tolist()],
                "annotations": [dict(zip(columns, row, strict=True)) for row in rows],
                "categories": [{"id": self.category, "name": "person"}],
            }


def read_truth(path: str | os.PathLike[str], num_keypoints: int) -> Truth:
    """Read an annotation file, or the image_info file of a test set.

    Args:
        path: the file.
        num_keypoints: K.

    Raises:
        PoseError: the file is absent, not in COCO format, or an annotation of it cannot be used.
    """
    return truth_of(read_annotations(path), num_keypoints, path)


def truth_of(annotations: Record, num_keypoints: int, source: str | os.PathLike[str]) -> Truth:
    """`read_truth` for a file that is read already."""
    is_public = bool(annotations["annotations"])
    images = [
        checked_id(image["id"], f"image {index} (counted from 0) of {source}")
        for index, image in enumerate(annotations["images"])
    ]
    people = annotated_people(annotations, num_keypoints, source)
    return Truth(
        source=os.fspath(source),
        image_ids=np.array(images, dtype=np.int64),
        category=person_category(annotations, source) if is_public else COCO_PERSON,
        is_public=is_public,
        ids=np.array([person["id"] for person in people], dtype=np.int64),
        person_image_ids=np.array([person["image_id"] for person in people], dtype=np.int64),
        keypoints=np.array([person["keypoints"] for person in people], dtype=np.float64).reshape(-1, num_keypoints, 3),
        areas=np.array([person["area"] for person in people], dtype=np.float64),
        boxes=np.array([person["bbox"] for person in people], dtype=np.float64).reshape(-1, 4),
        is_crowd=np.array([bool(person["iscrowd"]) for person in people], dtype=bool),
        num_labelled=np.array([person["num_keypoints"] for person in people], dtype=np.int64),
    )

"""What the COCO statistics need of an annotation file, as arrays."""

import os
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lib.utils.annotation_form import COCO_FORM, AnnotationForm
from lib.utils.coco_files import Record, annotated_people, checked_id, person_category, read_annotations
from lib.utils.collection import paused_collection

COCO_PERSON = 1
PEOPLE_COLUMNS = ("ids", "person_image_ids", "keypoints", "areas", "boxes", "is_crowd", "num_labelled")


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
        crowd_indexes: CrowdPose's `crowdIndex` of each image, (I,); NaN where the file has none.
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
    crowd_indexes: NDArray[np.float64]

    def of_images(self, chosen: NDArray[np.bool_]) -> "Truth":
        """Some of the images, (I,), with their people."""
        image_ids = self.image_ids[chosen]
        people = {name: getattr(self, name)[np.isin(self.person_image_ids, image_ids)] for name in PEOPLE_COLUMNS}
        return replace(self, image_ids=image_ids, crowd_indexes=self.crowd_indexes[chosen], **people)

    def of_keypoints(self, part: slice) -> "Truth":
        """The same people with some of their keypoints; their areas stay those of the whole person."""
        keypoints = self.keypoints[:, part]
        return replace(self, keypoints=keypoints, num_labelled=(keypoints[..., 2] > 0).sum(axis=1))

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


def read_truth(path: str | os.PathLike[str], num_keypoints: int, form: AnnotationForm = COCO_FORM) -> Truth:
    """Read an annotation file, or the image_info file of a test set.

    Args:
        path: the file.
        num_keypoints: K.
        form: how annotations are written.

    Raises:
        PoseError: the file is absent, not in COCO format, or an annotation of it cannot be used.
    """
    return truth_of(read_annotations(path), num_keypoints, path, form)


def truth_of(
    annotations: Record, num_keypoints: int, source: str | os.PathLike[str], form: AnnotationForm = COCO_FORM
) -> Truth:
    """`read_truth` for a file that is read already."""
    is_public = bool(annotations["annotations"])
    images = [
        checked_id(image["id"], f"image {index} (counted from 0) of {source}")
        for index, image in enumerate(annotations["images"])
    ]
    people = annotated_people(annotations, num_keypoints, source, form)
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
        crowd_indexes=np.array([_number(image.get("crowdIndex")) for image in annotations["images"]], dtype=np.float64),
    )


def _number(value: Any) -> float:
    """NaN for what is no number."""
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else np.nan

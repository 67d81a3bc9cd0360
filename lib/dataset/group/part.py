"""One part of a data set for bottom-up networks: pictures, their people, and what is ignored in them."""

import numpy as np

from lib.dataset.coco import Annotations, read_annotations
from lib.dataset.dataset import Provenance
from lib.dataset.group.records import (
    GroupRecords,
    annotated_pictures,
    labelled_people,
    picture_records,
    training_roles,
)
from lib.dataset.group.regions import Regions, ignored_regions
from lib.dataset.layout import MPII, DataFiles
from lib.dataset.parts import Part, coco_part
from lib.utils.annotation_form import AnnotationForm
from lib.utils.errors import PoseError

ALL_PICTURES = "none, whole pictures"


GroupPart = Part[GroupRecords]


def read_training_part(
    files: DataFiles, num_keypoints: int, form: AnnotationForm, max_people: int, *, mask_boxes: bool = True
) -> tuple[GroupPart, Regions]:
    """Pictures with annotated people, as published, and the regions of each that teach nothing.

    Args:
        files: where the part lies.
        num_keypoints: K of the skeleton.
        form: how annotations are written.
        max_people: of a picture; the region of each further one is ignored.
        mask_boxes: of a crowd or a person without keypoints that has no segmentation the box is ignored, else nothing.

    Raises:
        PoseError: a file is absent or unusable, an image is missing, or nobody has labelled keypoints.
    """
    annotations = _read(files, num_keypoints, form)
    roles = training_roles(annotations, max_people)
    if not roles.people.any():
        raise PoseError(
            f"annotation file {files.annotation_file} has no person with labelled keypoints to train on; set the third "
            "number of labelled keypoints to 1 (occluded) or 2 (visible)."
        )
    regions = ignored_regions(files.annotation_file, annotations, roles, form, mask_boxes=mask_boxes)
    pictures = annotated_pictures(annotations)
    left_out = {"pictures without an annotated person": len(annotations.images.id) - len(pictures)}
    records = picture_records(annotations, roles.people, pictures)
    return _part(files, annotations, records, left_out), regions


def read_test_part(files: DataFiles, num_keypoints: int, form: AnnotationForm) -> GroupPart:
    """All pictures of the file, with people or without, as published; test sets have no annotations.

    Args:
        files, num_keypoints, form: as in `read_training_part`.

    Raises:
        PoseError: a file is absent or unusable, or an image is missing.
    """
    annotations = _read(files, num_keypoints, form)
    pictures = np.arange(len(annotations.images.id))
    people = labelled_people(annotations)
    return _part(files, annotations, picture_records(annotations, people, pictures), {})


def _read(files: DataFiles, num_keypoints: int, form: AnnotationForm) -> Annotations:
    if files.kind == MPII:
        raise PoseError(
            f"annotation file {files.annotation_file} is read as MPII's format, which is about single people, but "
            "MODEL.CODEC finds all people of a picture; use a COCO-format file and name another DATASET.DATASET."
        )
    return read_annotations(files.annotation_file, num_keypoints, form)


def _part(files: DataFiles, annotations: Annotations, records: GroupRecords, left_out: dict[str, int]) -> GroupPart:
    num_dropped = {name: count for name, count in left_out.items() if count}
    return coco_part(files, annotations, records, Provenance(files.annotation_file, ALL_PICTURES, num_dropped))

"""One part of a data set, whatever its format: people, their images, and an account of those left out."""

from dataclasses import dataclass
from typing import Generic, NamedTuple, Protocol, TypeVar

import numpy as np

from lib.codecs.base import Codec
from lib.dataset.coco import Annotations, Images, read_annotations, read_detections
from lib.dataset.dataset import Provenance
from lib.dataset.images import ImageStore, open_images, require_images
from lib.dataset.layout import MPII, DataFiles
from lib.dataset.mpii import file_names, mpii_records, read_images
from lib.dataset.records import Records, annotated_records, detected_records, select_well_filled
from lib.utils.annotation_form import AnnotationForm
from lib.utils.errors import PoseError
from lib.utils.mpii_files import NUM_JOINTS, read_mpii


class Rules(NamedTuple):
    """Which people are left out.

    Attributes:
        min_score: detections below it.
        well_filled_only: those whose boxes are not well filled (DATASET.SELECT_DATA).
        for_training: a part without any joints is refused.
    """

    min_score: float
    well_filled_only: bool
    for_training: bool


class _WithImages(Protocol):
    """Records that say which image each belongs to."""

    @property
    def image_index(self) -> np.ndarray: ...


RecordsT = TypeVar("RecordsT", bound=_WithImages)


@dataclass(frozen=True)
class Part(Generic[RecordsT]):
    """What a data set is made from, and where its pixels are.

    Attributes:
        records: people to crop, or whole pictures; at least one.
        images: what `records.image_index` refers to.
        store: the image files, all there.
        provenance: where the records come from.
    """

    records: RecordsT
    images: Images
    store: ImageStore
    provenance: Provenance


def coco_part(files: DataFiles, annotations: Annotations, records: RecordsT, provenance: Provenance) -> Part[RecordsT]:
    """Records of a COCO-format file with their images.

    Raises:
        PoseError: an image is missing.
    """
    store = open_images(files.images, annotations.images.file_name)
    require_images(store, records.image_index, files.annotation_file)
    return Part(records, annotations.images, store, provenance)


def read_part(files: DataFiles, codec: Codec, form: AnnotationForm, rules: Rules) -> Part[Records]:
    """Read the annotations and boxes of a part and look for its images.

    Args:
        files: where it lies.
        codec: gives the number of keypoints and the box convention.
        form: how COCO-format annotations are written.
        rules: which people are left out.

    Raises:
        PoseError: a file is absent or unusable, an image is missing, or no person is left.
    """
    if files.kind == MPII:
        return _mpii_part(files, codec, rules)
    annotations = read_annotations(files.annotation_file, codec.num_keypoints, form)
    return coco_part(files, annotations, *_coco_people(files, annotations, codec, rules))


def require_people(records: Records, source: str, num_dropped: dict[str, int], *, needs_keypoints: bool) -> None:
    """Refuse a part without anybody, or without any keypoint where those are needed.

    Raises:
        PoseError: with what was left out and why.
    """
    if not len(records):
        counts = ", ".join(f"{number} {reason}" for reason, number in num_dropped.items()) or "it has no entries"
        raise PoseError(
            f"{source} leaves no person to work on ({counts}); check it with tools/check_dataset.py (test sets without "
            "annotations need TEST.USE_GT_BBOX False and a detection file)."
        )
    if needs_keypoints and not records.visible.any():
        raise PoseError(
            f"{source} has no visible keypoint in {len(records)} people; set the third number of labelled keypoints to "
            "1 (occluded) or 2 (visible)."
        )


def check_mpii_keypoints(num_keypoints: int, source: str) -> None:
    """Refuse another number of keypoints than MPII has.

    Raises:
        PoseError: both numbers are named.
    """
    if num_keypoints != NUM_JOINTS:
        raise PoseError(
            f"{source} is read as MPII's format, which has {NUM_JOINTS} keypoints, but the keypoint set has "
            f"{num_keypoints}; set DATASET.SKELETON mpii and MODEL.NUM_JOINTS {NUM_JOINTS}, or name another "
            "DATASET.DATASET for a COCO-format file."
        )


def _mpii_part(files: DataFiles, codec: Codec, rules: Rules) -> Part[Records]:
    check_mpii_keypoints(codec.num_keypoints, files.annotation_file)
    people = read_mpii(files.annotation_file)
    if rules.for_training and not people.has_joints:
        raise PoseError(
            f"annotation file {files.annotation_file} has no joints to train on; set DATASET.TRAIN_SET train."
        )
    store = open_images(files.images, file_names(people))
    require_images(store, people.image_index, files.annotation_file)
    images = read_images(people, store)
    width, height = codec.input_size_wh
    records, num_dropped = mpii_records(people, images, codec.crop.box_padding, width / height), dict[str, int]()
    if rules.well_filled_only:
        selected, num_dropped = select_well_filled(records)
        records = records.take(selected)
    require_people(records, f"annotation file {files.annotation_file}", num_dropped, needs_keypoints=people.has_joints)
    return Part(records, images, store, Provenance(files.annotation_file, "annotated centres and scales", num_dropped))


def _coco_people(files: DataFiles, annotations: Annotations, codec: Codec, rules: Rules) -> tuple[Records, Provenance]:
    """Annotated or detected people, with an account of those left out."""
    if files.detection_file is not None:
        detections = read_detections(files.detection_file, annotations)
        records, num_dropped = detected_records(
            detections, codec.num_keypoints, rules.min_score, codec.box_to_center_scale
        )
        source, box_source = f"detection file {files.detection_file}", f"detections of {files.detection_file}"
    else:
        records, num_dropped = annotated_records(
            annotations, codec.box_to_center_scale, well_filled_only=rules.well_filled_only
        )
        source, box_source = f"annotation file {files.annotation_file}", "annotated boxes"
    require_people(records, source, num_dropped, needs_keypoints=files.detection_file is None)
    return records, Provenance(files.annotation_file, box_source, num_dropped)

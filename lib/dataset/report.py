"""The check of one part of a data set, in lines of text."""

from typing import NamedTuple

from lib.codecs.base import Codec
from lib.dataset.check import Progress, check_annotations, check_detections, image_faults, summarise
from lib.dataset.coco import Annotations
from lib.dataset.faults import Fault
from lib.dataset.images import open_images
from lib.dataset.layout import MPII, DataFiles
from lib.dataset.mpii_check import check_mpii
from lib.dataset.parts import Rules
from lib.dataset.records import annotated_records, detected_records
from lib.skeletons.skeleton import Skeleton
from lib.utils.errors import PoseError


class PartReport(NamedTuple):
    """What a check says: the lines to print, and the number of faults that matter."""

    lines: list[str]
    num_faults: int


def check_part(
    title: str, files: DataFiles, skeleton: Skeleton, codec: Codec, rules: Rules, progress: Progress
) -> PartReport:
    """Check annotations, boxes and images of one part of a data set.

    Args:
        title: how to call the part, for example "training part".
        files: where it lies.
        skeleton: the keypoint set it is used with.
        codec: gives the box convention.
        rules: which people are left out.
        progress: wraps the iteration over the images.

    A file that cannot be used at all is a fault like the others, so that the rest is checked as well.
    """
    lines = [f"{title} {files.set_name}: {files.annotation_file}, images in {files.images}"]
    faults: list[Fault] = []
    try:
        if files.kind == MPII:
            found_lines, found = check_mpii(files, codec, progress)
        else:
            found_lines, found = _check_coco(files, skeleton, codec, rules, progress)
        lines += found_lines
        faults += found
    except PoseError as error:
        faults.append(unusable(error))
    return PartReport(lines + [f"  {line}" for line in summarise(faults)], sum(fault.matters for fault in faults))


def _check_coco(
    files: DataFiles, skeleton: Skeleton, codec: Codec, rules: Rules, progress: Progress
) -> tuple[list[str], list[Fault]]:
    """Lines on the people, and the faults; arguments as in `check_part`."""
    checked = check_annotations(files.annotation_file, skeleton)
    lines, faults = list[str](), list(checked.faults)
    if checked.annotations is not None:
        lines += _people(files, checked.annotations, codec, rules, faults)
        try:
            store = open_images(files.images, checked.annotations.images.file_name)
            faults += image_faults(checked.annotations.images, store, progress)
        except PoseError as error:
            faults.append(unusable(error))
    return lines, faults


def _people(files: DataFiles, annotations: Annotations, codec: Codec, rules: Rules, faults: list[Fault]) -> list[str]:
    """How many people are used and left out; faults of the boxes and of an empty set are added to `faults`."""
    entries = len(annotations.id)
    if files.detection_file is not None:
        try:
            box_faults, detections = check_detections(files.detection_file, annotations)
        except PoseError as error:
            faults.append(unusable(error))
            return []
        faults += box_faults
        if detections is None:
            return []
        entries = len(detections.score)
        records, num_dropped = detected_records(
            detections, codec.num_keypoints, rules.min_score, codec.box_to_center_scale
        )
    else:
        records, num_dropped = annotated_records(
            annotations, codec.box_to_center_scale, well_filled_only=rules.well_filled_only
        )
    left_out = ", ".join(f"{number} {reason}" for reason, number in num_dropped.items()) or "none"
    source = f"detections of {files.detection_file}" if files.detection_file is not None else "annotated boxes"
    if not len(records):
        faults.append(Fault("no people", f"no person is left of {entries} entries", "see what is left out and why"))
    return [
        f"  {len(annotations.images.id)} images, {entries} readable entries, {len(records)} people used ({source}); "
        f"left out: {left_out}"
    ]


def unusable(error: PoseError) -> Fault:
    """A file that cannot be used as a fault, from the sentence that says why."""
    statement, _, remedy = str(error).rstrip(".").partition("; ")
    return Fault("unusable file", statement, remedy or "repair it")

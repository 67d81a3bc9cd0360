"""Everything that may be wrong with a data set, named before training."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np

from lib.dataset.coco import Annotations, Detections, Images, index_annotations, index_detections
from lib.dataset.content import read_content
from lib.dataset.faults import Fault, annotation_faults, detection_faults, file_faults
from lib.dataset.images import ImageStore
from lib.dataset.records import clip_boxes
from lib.skeletons.skeleton import Skeleton
from lib.utils.coco_files import person_category
from lib.utils.collection import paused_collection
from lib.utils.errors import PoseError
from lib.utils.image import decode_image

EXAMPLES = 3
FAR_OUTSIDE_IMAGE = 0.1  # of the image's longer side
FAR_OUTSIDE_BOX = 1.0  # of the box's longer side
NORMALISED_BELOW = 2.0  # pixels; no person is that small

Progress = Callable[[Iterable[Any], int], Iterable[Any]]


@dataclass(frozen=True)
class CheckedAnnotations:
    """What a check of an annotation file found.

    Attributes:
        faults: in file order.
        annotations: those without structural faults; None where the file cannot be read at all.
    """

    faults: list[Fault]
    annotations: Annotations | None


def check_annotations(path: str, skeleton: Skeleton) -> CheckedAnnotations:
    """Check an annotation file.

    Args:
        path: COCO-format JSON.
        skeleton: the keypoint set it is used with.

    Raises:
        PoseError: the file is absent or not JSON.
    """
    with paused_collection():
        content = read_content(path, "annotation file")
        faults = list(file_faults(content))
        if faults:
            return CheckedAnnotations(faults, None)
        try:
            person = person_category({"categories": [], **content}, path)
        except PoseError as error:
            return CheckedAnnotations([Fault("no person category", str(error).rstrip("."), "name one")], None)
        faults += [
            *_name_faults(content, person, skeleton),
            *annotation_faults(content, person, skeleton.num_keypoints, skeleton.form),
        ]
        sound = _without(content.get("annotations", []), faults)
        annotations = index_annotations(
            {**content, "annotations": sound}, person, skeleton.num_keypoints, skeleton.form
        )
    return CheckedAnnotations(faults + list(value_faults(annotations)), annotations)


def check_detections(path: str, annotations: Annotations) -> tuple[list[Fault], Detections | None]:
    """Check a detection file; gives its faults and, if it is a list at all, its sound entries.

    Raises:
        PoseError: the file is absent or not JSON.
    """
    with paused_collection():
        content = read_content(path, "detection file", "give it as TEST.COCO_BBOX_FILE")
        faults = list(detection_faults(content, map(int, annotations.images.id)))
        if not isinstance(content, list):
            return faults, None
        detections = index_detections(_without(content, faults), annotations)
    _, inside = clip_boxes(detections.box_xywh, annotations.images.size_wh[detections.image_index])
    outside = np.flatnonzero(~inside)
    names = [f"a detection in image {annotations.images.id[detections.image_index[index]]}" for index in outside]
    faults += [
        Fault("box outside the image", f"{name} lies outside of it", "check the order x, y, w, h") for name in names
    ]
    return faults, detections


def value_faults(annotations: Annotations) -> Iterator[Fault]:
    """Faults in the values of people that can be read: what would be left out, or would train or test wrongly."""
    points, flags = annotations.keypoints[..., :2], annotations.keypoints[..., 2]
    labelled = flags > 0
    people = labelled.any(axis=1)
    size_wh = annotations.images.size_wh[annotations.image_index]
    _, inside = clip_boxes(annotations.box_xywh, size_wh)
    outside_image = _far_outside(annotations.keypoints, np.zeros_like(size_wh), size_wh, FAR_OUTSIDE_IMAGE)
    first = annotations.box_xywh[:, :2]
    outside_box = _far_outside(annotations.keypoints, first, first + annotations.box_xywh[:, 2:], FAR_OUTSIDE_BOX)
    largest: np.ndarray = np.where(labelled[..., None], points, 0).max(axis=(1, 2), initial=0)
    at_origin: np.ndarray = np.any(labelled & (points == 0).all(axis=2), axis=1)
    normalised = np.logical_and(people, largest < NORMALISED_BELOW)
    stated = annotations.num_keypoints
    miscounted = (stated >= 0) & (stated != labelled.sum(axis=1)) & ~annotations.is_crowd
    unknown_flag: np.ndarray = np.any(~np.isin(flags, (0, 1, 2)), axis=1)
    # Kind, who has it, what is said of each, the way out, and whether it matters.
    table: tuple[tuple[str, np.ndarray, str, str, bool], ...] = (
        ("zero area", people & ~(annotations.area > 0), "has no area", "write the area of the object", True),
        ("box outside the image", people & ~inside, "has its box outside its image", "write x, y, w, h", True),
        ("keypoints far outside", outside_image, "has keypoints far outside its image", "write x, y, v", True),
        ("keypoints off the box", outside_box & ~outside_image, "has keypoints far from its box", "see both", False),
        (
            "normalised",
            normalised,
            "has all keypoints within 0 to 2",
            "write pixels",
            True,
        ),
        ("unknown visibility", unknown_flag, "has a flag other than 0, 1, 2", "write 0, 1 or 2", True),
        ("keypoint at (0, 0)", at_origin, "labels a keypoint at (0, 0)", "write 0 0 0 for absent ones", False),
        ("num_keypoints mismatch", miscounted, "counts its keypoints wrongly", "count those with v > 0", True),
    )
    for kind, wrong, detail, remedy, matters in table:
        for index in np.flatnonzero(wrong):
            yield Fault(kind, f"annotation {annotations.id[index]} {detail}", remedy, matters)


def image_faults(images: Images, store: ImageStore, progress: Progress) -> Iterator[Fault]:
    """Images that are missing, cannot be read or have another size than the annotation file says.

    Args:
        images: their names and sizes.
        store: where they are.
        progress: wraps the iteration over a number of images, for a bar.
    """
    missing = store.missing(np.arange(len(images.id)))
    for index in missing:
        yield Fault("missing image", f"{store.name(int(index))} does not exist", "complete the images")
    present = np.setdiff1d(np.arange(len(images.id)), missing)

    def fault_of(index: int) -> Fault | None:
        try:
            height, width = decode_image(store.read(index), store.name(index)).shape[:2]
        except PoseError as error:
            return Fault("unreadable image", str(error).rstrip("."), "replace it")
        expected_width, expected_height = images.size_wh[index]
        if (width, height) == (expected_width, expected_height):
            return None
        detail = f"{store.name(index)} is {width}x{height}, the annotation file says {expected_width}x{expected_height}"
        return Fault("image size", detail, "annotate the stored pixels (EXIF orientation is ignored)")

    # OpenCV decodes outside of Python's lock, so that threads use all cores.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = pool.map(fault_of, map(int, present))
        yield from (fault for fault in progress(results, len(present)) if fault is not None)


def summarise(faults: Sequence[Fault]) -> list[str]:
    """One line per kind of fault with its number and first examples; those that matter come first."""
    lines = []
    ordered = sorted(faults, key=lambda fault: (not fault.matters, fault.kind))
    for (harmless, kind), group in groupby(ordered, key=lambda fault: (not fault.matters, fault.kind)):
        members = list(group)
        examples = "; ".join(fault.detail for fault in members[:EXAMPLES])
        more = f"; and {len(members) - EXAMPLES} more" if len(members) > EXAMPLES else ""
        level = "note " if harmless else "FAULT"
        lines.append(f"{level} {kind} ({len(members)}): {examples}{more} - {members[0].remedy}.")
    return lines


def _name_faults(content: dict[str, Any], person: int, skeleton: Skeleton) -> Iterator[Fault]:
    """Keypoint names of the file that are in another order than the skeleton's."""
    names = next((entry.get("keypoints") for entry in content.get("categories", []) if entry["id"] == person), None)
    # COCO-WholeBody's category names the keypoints of its first field alone.
    expected = [skeleton.names, *(skeleton.names[:count] for _, count in skeleton.fields[:1])]
    if not isinstance(names, list) or _plain(names) in map(_plain, expected):
        return
    same_names = sorted(_plain(names)) == sorted(_plain(skeleton.names))
    detail = f"category {person} names {len(names)} keypoints as {', '.join(map(str, names))}"
    kind = "keypoint order" if same_names else "keypoint names"
    yield Fault(
        kind,
        f"{detail}, the skeleton {skeleton.name} has {', '.join(skeleton.names)}",
        "choose the skeleton of these annotations",
        matters=same_names,
    )


def _without(entries: list[Any], faults: Iterable[Fault]) -> list[Any]:
    """The entries of a file that no fault belongs to."""
    spoilt = {fault.entry for fault in faults}
    return [entry for position, entry in enumerate(entries) if position not in spoilt]


def _plain(names: Iterable[Any]) -> list[str]:
    """Names without the differences of style between left_eye, leftEye and Left eye."""
    return ["".join(filter(str.isalnum, str(name).lower())) for name in names]


def _far_outside(keypoints: np.ndarray, first: np.ndarray, last: np.ndarray, limit: float) -> np.ndarray:
    """Whose labelled keypoints, (A, K, 3), lie outside of their rectangle by more than a part of its longer side.

    Args:
        keypoints: x, y and flag.
        first: upper left corners, (A, 2).
        last: lower right corners, (A, 2).
        limit: that part.

    Returns:
        (A,) bool.
    """
    points, labelled = keypoints[..., :2], keypoints[..., 2] > 0
    distance = np.maximum(first[:, None] - points, points - last[:, None]).max(axis=2)
    longer_side = np.maximum((last - first).max(axis=1), 1)
    return np.any(labelled & (distance > limit * longer_side[:, None]), axis=1)

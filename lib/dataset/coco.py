"""COCO annotation and detection files as arrays, without a Python object per person."""

import os
from collections.abc import Iterable
from dataclasses import dataclass, fields
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from lib.dataset.columns import Unsound, integers, lenient, numbers, require, texts, unique_integers, unsound_on_error
from lib.dataset.content import read_content
from lib.dataset.faults import Fault, annotation_faults, detection_faults, file_faults, form_faults
from lib.dataset.index_cache import Arrays, cached_arrays
from lib.dataset.index_process import arrays_from_child
from lib.utils.annotation_form import COCO_FORM, KEYPOINTS, AnnotationForm
from lib.utils.coco_files import person_category
from lib.utils.collection import paused_collection
from lib.utils.errors import PoseError

# From this size on a file is parsed by a process of its own, whose memory ends with it, and its index is kept on disk.
LARGE_FILE_BYTES = 20 * 10**6
IMAGES_PREFIX = "images."


@dataclass(frozen=True)
class Images:
    """M images in the order of their file.

    Attributes:
        id: (M,) int64.
        file_name: (M,) bytes, UTF-8, relative to the images' folder.
        size_wh: width and height in pixels as the file says, (M, 2) int64.
    """

    id: np.ndarray
    file_name: np.ndarray
    size_wh: np.ndarray

    def index_of(self, image_ids: np.ndarray) -> np.ndarray:
        """Positions of image ids, (N,) int64; raises `Unsound` for an id that no image has."""
        order = np.argsort(self.id, kind="stable")
        place = np.searchsorted(self.id, image_ids, sorter=order)
        index = order[np.minimum(place, len(order) - 1)]
        require((self.id[index] == image_ids).all(), "an image id is unknown")
        return index


@dataclass(frozen=True)
class Annotations:
    """A annotations in the order of their file; `keypoints` are zero for crowds and other categories.

    Attributes:
        images: the images.
        person_category: id of the category that carries keypoints.
        id: (A,) int64.
        image_index: position in `images`, (A,) int64.
        category: (A,) int64.
        is_crowd: (A,) bool.
        area: that OKS divides by, image square pixels, (A,) float64; 0 where the file has none.
        box_xywh: image_ x, y, width, height, (A, 4) float64.
        keypoints: image_ x, y and visibility flag 0, 1, 2, (A, K, 3) float32 as the records hold them.
        num_keypoints: as the file says, (A,) int64; -1 where it says nothing, or counts a part of the keypoints alone.
    """

    images: Images
    person_category: int
    id: np.ndarray
    image_index: np.ndarray
    category: np.ndarray
    is_crowd: np.ndarray
    area: np.ndarray
    box_xywh: np.ndarray
    keypoints: np.ndarray
    num_keypoints: np.ndarray


@dataclass(frozen=True)
class Detections:
    """D detections in the order of their file; fields as in `Annotations`, and score, (D,) float64."""

    images: Images
    person_category: int
    image_index: np.ndarray
    category: np.ndarray
    box_xywh: np.ndarray
    score: np.ndarray


def read_annotations(path: str | os.PathLike[str], num_keypoints: int, form: AnnotationForm = COCO_FORM) -> Annotations:
    """Read an annotation file; test sets without annotations (image_info_*.json) give none.

    A large file is parsed by another process, the first time only; see `lib.dataset.index_cache`.

    Args:
        path: COCO-format JSON.
        num_keypoints: K of the skeleton.
        form: how its annotations are written.

    Raises:
        PoseError: the file is absent, not JSON, or has a fault that makes it unusable; the first is named.
    """
    file = Path(path)
    if not file.is_file() or file.stat().st_size < LARGE_FILE_BYTES:
        return parse_annotations(path, num_keypoints, form)

    def build() -> Arrays:
        arrays = arrays_from_child(path, num_keypoints, form)
        return as_arrays(parse_annotations(path, num_keypoints, form)) if arrays is None else arrays

    return _from_arrays(cached_arrays(path, num_keypoints, build, form))


def parse_annotations(
    path: str | os.PathLike[str], num_keypoints: int, form: AnnotationForm = COCO_FORM
) -> Annotations:
    """`read_annotations` in this process and without a cache."""
    with paused_collection():
        content = read_content(path, "annotation file")
        try:
            with unsound_on_error():
                return index_annotations(content, _person_category(content, path), num_keypoints, form)
        except Unsound as unsound:
            _refuse("annotation file", path, file_faults(content))
            person = _person_category(content, path)
            _refuse("annotation file", path, annotation_faults(content, person, num_keypoints, form))
            raise _unnamed("annotation file", path, unsound) from unsound


def as_arrays(annotations: Annotations) -> Arrays:
    """The fields by name, those of the images as images.NAME, the category as an array without axes."""
    own = {field.name: getattr(annotations, field.name) for field in fields(Annotations) if field.name != "images"}
    images = {IMAGES_PREFIX + field.name: getattr(annotations.images, field.name) for field in fields(Images)}
    return own | images | {"person_category": np.array(annotations.person_category)}


def read_detections(path: str | os.PathLike[str], annotations: Annotations) -> Detections:
    """Read a detection file for the images of `annotations`.

    Raises:
        PoseError: as in `read_annotations`; the way to do without detections is named where the file is absent.
    """
    if not Path(path).is_file():
        raise PoseError(
            f"detection file {path or '(none)'} does not exist; give it as TEST.COCO_BBOX_FILE or test with annotated "
            "boxes by TEST.USE_GT_BBOX True."
        )
    with paused_collection():
        content = read_content(path, "detection file")
        try:
            return index_detections(content, annotations)
        except Unsound as unsound:
            _refuse("detection file", path, detection_faults(content, map(int, annotations.images.id)))
            raise _unnamed("detection file", path, unsound) from unsound


def index_annotations(
    content: dict[str, Any], person: int, num_keypoints: int, form: AnnotationForm = COCO_FORM
) -> Annotations:
    """Arrays from the parsed JSON of an annotation file.

    Args:
        content: the parsed JSON.
        person: the category that carries keypoints.
        num_keypoints: K.
        form: how annotations are written.

    Raises:
        Unsound: there is a fault, which `file_faults` or `annotation_faults` name.
    """
    with unsound_on_error():
        require(next(form_faults(content), None) is None, "the form is not COCO's")
        images = _index_images(content["images"])
        entries = content.get("annotations", [])
        category = integers([entry["category_id"] for entry in entries])
        known = {person, *(entry["id"] for entry in content.get("categories", []))}
        require(set(category.tolist()) <= known, "a category is unknown")
        is_person = category == person
        # Only the values of people are looked at.
        people = [entry if is_one else {} for entry, is_one in zip(entries, is_person.tolist(), strict=True)]
        is_crowd = np.array([bool(entry.get("iscrowd", 0)) for entry in people], bool)
        posed = np.flatnonzero(is_person & ~is_crowd)
        box_xywh, keypoints = np.zeros((len(entries), 4)), np.zeros((len(entries), num_keypoints, 3), np.float32)
        box_xywh[is_person] = numbers([entry["bbox"] for entry in people if entry], 4)
        split = _fill_keypoints(keypoints.reshape(len(entries), 3 * num_keypoints), people, posed, form)
        area = np.array(lenient([entry.get("area", 0) for entry in people], 0), np.float64)
        if form.box_area:
            area[posed] = box_xywh[posed, 2] * box_xywh[posed, 3] * form.box_area
        else:
            area[posed] = numbers([[people[index]["area"]] for index in posed.tolist()], 1)[:, 0]
        num_labelled = np.array(lenient([entry.get("num_keypoints", -1) for entry in people], -1), np.int64)
        num_labelled[split] = -1
        return Annotations(
            images=images,
            person_category=person,
            id=unique_integers([entry["id"] for entry in entries]),
            image_index=images.index_of(integers([entry["image_id"] for entry in entries])),
            category=category,
            is_crowd=is_crowd,
            area=area,
            box_xywh=box_xywh,
            keypoints=keypoints,
            num_keypoints=num_labelled,
        )


def _fill_keypoints(
    rows: np.ndarray, people: list[dict[str, Any]], posed: np.ndarray, form: AnnotationForm
) -> np.ndarray:
    """Write the keypoints of posed people, a field at a time, into rows (A, 3K); gives those written from several."""
    keypoints = [people[index][KEYPOINTS] for index in posed.tolist()]
    if not form.fields:
        rows[posed] = numbers(keypoints, rows.shape[1])
        return posed[:0]
    whole = np.array([len(values) == rows.shape[1] for values in keypoints], bool)
    rows[posed[whole]] = numbers([people[index][KEYPOINTS] for index in posed[whole].tolist()], rows.shape[1])
    split, start = posed[~whole], 0
    for name, count in form.fields:
        stop = start + 3 * count
        rows[split, start:stop] = numbers([people[index][name] for index in split.tolist()], 3 * count)
        start = stop
    return split


def index_detections(content: list[dict[str, Any]], annotations: Annotations) -> Detections:
    """Arrays from the parsed JSON of a detection file.

    Raises:
        Unsound: there is a fault, which `detection_faults` names.
    """
    with unsound_on_error():
        require(isinstance(content, list), "it is no list")
        return Detections(
            images=annotations.images,
            person_category=annotations.person_category,
            image_index=annotations.images.index_of(integers([entry["image_id"] for entry in content])),
            category=integers([entry["category_id"] for entry in content]),
            box_xywh=numbers([entry["bbox"] for entry in content], 4),
            score=numbers([[entry["score"]] for entry in content], 1)[:, 0],
        )


def _index_images(entries: list[dict[str, Any]]) -> Images:
    size_wh = integers(list(chain.from_iterable((entry["width"], entry["height"]) for entry in entries)))
    require((size_wh > 0).all(), "an image has no size")
    return Images(
        id=unique_integers([entry["id"] for entry in entries]),
        file_name=texts([entry["file_name"] for entry in entries]),
        size_wh=size_wh.reshape(-1, 2),
    )


def _from_arrays(arrays: Arrays) -> Annotations:
    """The inverse of `as_arrays`."""
    images = Images(**{field.name: arrays[IMAGES_PREFIX + field.name] for field in fields(Images)})
    names = {field.name for field in fields(Annotations)} - {"images", "person_category"}
    own = {name: arrays[name] for name in names}
    return Annotations(images=images, person_category=int(arrays["person_category"]), **own)


def _person_category(content: dict[str, Any], path: str | os.PathLike[str]) -> int:
    return person_category({"categories": [], **content}, path)


def _refuse(what: str, path: str | os.PathLike[str], faults: Iterable[Fault]) -> None:
    """Raise for the first fault."""
    for fault in faults:
        raise PoseError(
            f"{what} {path}: {fault.detail}; {fault.remedy} (tools/check_dataset.py lists every fault of a data set)."
        )


def _unnamed(what: str, path: str | os.PathLike[str], unsound: Unsound) -> PoseError:
    """For a fault that only the arrays know; there should be none."""
    return PoseError(f"{what} {path} cannot be read ({unsound}); compare it with docs/DATA.md.")

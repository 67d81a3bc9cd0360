"""COCO annotation and detection files as arrays, without a Python object per person."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lib.dataset.faults import Fault, annotation_faults, detection_faults, file_faults
from lib.utils.coco_files import person_category
from lib.utils.errors import PoseError
from lib.utils.files import read_json


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

    def index_of(self, image_ids: Iterable[int]) -> np.ndarray:
        """Positions of known image ids, int64."""
        position = {int(image_id): index for index, image_id in enumerate(self.id)}
        return np.array([position[image_id] for image_id in image_ids], np.int64)


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
        area: image square pixels, (A,) float64; 0 where the file has none.
        box_xywh: image_ x, y, width, height, (A, 4) float64.
        keypoints: image_ x, y and visibility flag 0, 1, 2, (A, K, 3) float64.
        num_keypoints: as the file says, (A,) int64; -1 where it says nothing.
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


def read_annotations(path: str | os.PathLike[str], num_keypoints: int) -> Annotations:
    """Read an annotation file; test sets without annotations (image_info_*.json) give none.

    Args:
        path: COCO-format JSON.
        num_keypoints: K of the skeleton.

    Raises:
        PoseError: the file is absent, not JSON, or has a fault that makes it unusable; the first is named.
    """
    content = read_json(path, "annotation file")
    _refuse("annotation file", path, file_faults(content))
    person = person_category({"categories": [], **content}, path)
    _refuse("annotation file", path, annotation_faults(content, person, num_keypoints))
    return index_annotations(content, person, num_keypoints)


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
    content = read_json(path, "detection file")
    _refuse("detection file", path, detection_faults(content, map(int, annotations.images.id)))
    return index_detections(content, annotations)


def index_annotations(content: dict[str, Any], person: int, num_keypoints: int) -> Annotations:
    """Arrays from the parsed JSON of a file without structural faults."""
    images = _index_images(content["images"])
    entries = content.get("annotations", [])
    # Only the values of people have been checked for faults.
    people = [entry if entry["category_id"] == person else {} for entry in entries]
    keypoints = np.zeros((len(entries), num_keypoints, 3))
    for row, entry in zip(keypoints, people, strict=True):
        if entry and not entry.get("iscrowd", 0):
            row.reshape(-1)[:] = entry["keypoints"]
    return Annotations(
        images=images,
        person_category=person,
        id=np.array([entry["id"] for entry in entries], np.int64),
        image_index=images.index_of(entry["image_id"] for entry in entries),
        category=np.array([entry["category_id"] for entry in entries], np.int64),
        is_crowd=np.array([bool(entry.get("iscrowd", 0)) for entry in people], bool),
        area=np.array([_number(entry.get("area")) for entry in people], np.float64),
        box_xywh=np.array([entry.get("bbox", (0, 0, 0, 0)) for entry in people], np.float64).reshape(-1, 4),
        keypoints=keypoints,
        num_keypoints=np.array([_number(entry.get("num_keypoints"), -1) for entry in people], np.int64),
    )


def index_detections(content: list[dict[str, Any]], annotations: Annotations) -> Detections:
    """Arrays from the parsed JSON of a detection file without structural faults."""
    return Detections(
        images=annotations.images,
        person_category=annotations.person_category,
        image_index=annotations.images.index_of(entry["image_id"] for entry in content),
        category=np.array([entry["category_id"] for entry in content], np.int64),
        box_xywh=np.array([entry["bbox"] for entry in content], np.float64).reshape(-1, 4),
        score=np.array([entry["score"] for entry in content], np.float64),
    )


def _index_images(entries: list[dict[str, Any]]) -> Images:
    return Images(
        id=np.array([entry["id"] for entry in entries], np.int64),
        file_name=np.array([entry["file_name"].encode() for entry in entries]),
        size_wh=np.array([(entry["width"], entry["height"]) for entry in entries], np.int64),
    )


def _refuse(what: str, path: str | os.PathLike[str], faults: Iterable[Fault]) -> None:
    """Raise for the first fault."""
    for fault in faults:
        raise PoseError(
            f"{what} {path}: {fault.detail}; {fault.remedy} (tools/check_dataset.py lists every fault of a data set)."
        )


def _number(value: Any, default: float = 0) -> float:
    """A value that may be absent or no number where nothing depends on it, as in the area of a crowd."""
    return value if isinstance(value, (int, float)) else default

"""The parts of pictures that teach nothing: crowds, and people whose keypoints nobody labelled."""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from lib.dataset.coco import LARGE_FILE_BYTES, Annotations
from lib.dataset.faults import Fault
from lib.dataset.group.records import Roles
from lib.dataset.group.segmentation import RunLengths, UnusableSegmentation, run_lengths
from lib.dataset.index_cache import Arrays, cached_arrays
from lib.utils.annotation_form import AnnotationForm
from lib.utils.collection import paused_collection
from lib.utils.errors import PoseError
from lib.utils.files import read_json

COUNTED = 255
SEGMENTATION = "segmentation"


@dataclass(frozen=True)
class Regions:
    """Ignored regions of M pictures as run lengths.

    Plain arrays, as of `lib.dataset.records.Records`: a mask per picture would not fit into memory.

    Attributes:
        counts: those of all pictures one after the other, as pycocotools writes them, (L,) uint8.
        start: where those of each begin, and the end, (M + 1,) int64; none for a picture where all counts.
        size_wh: of the pictures, (M, 2) int64.
    """

    counts: np.ndarray
    start: np.ndarray
    size_wh: np.ndarray

    def mask(self, index: int) -> np.ndarray:
        """(H, W) uint8 of a picture: COUNTED where its pixels count in the heatmap loss, else 0."""
        width, height = self.size_wh[index].tolist()
        counts = self.counts[self.start[index] : self.start[index + 1]].tobytes()
        if not counts:
            return np.full((height, width), COUNTED, np.uint8)
        ignored = coco_mask.decode({"size": [height, width], "counts": counts})
        return np.where(ignored, np.uint8(0), np.uint8(COUNTED))


def ignored_regions(
    path: str | os.PathLike[str], annotations: Annotations, roles: Roles, form: AnnotationForm, *, mask_boxes: bool
) -> Regions:
    """Read the segmentations of all annotations whose people are not taught.

    Args:
        path: the annotation file.
        annotations: its content.
        roles: of its annotations.
        form: how its annotations are written.
        mask_boxes: the box stands for an absent segmentation; otherwise it does so for people beyond the limit alone,
            whom the published code knows nothing of.

    Raises:
        PoseError: a segmentation is neither polygons nor run lengths, or it or a box does not fit its picture.

    That of a large file is kept on disk, beside the index of its annotations (`lib.dataset.index_cache`).
    """

    ignored, boxed = _chosen(roles, mask_boxes=mask_boxes)

    def build() -> Arrays:
        return _build(path, annotations, ignored, boxed)

    key = ("regions", hashlib.sha256(ignored.tobytes() + boxed.tobytes()).hexdigest())
    is_large = os.stat(path).st_size >= LARGE_FILE_BYTES  # noqa: PTH116 - a path of either type
    num_keypoints = annotations.keypoints.shape[1]
    arrays = cached_arrays(path, num_keypoints, build, form, key) if is_large else build()
    return Regions(arrays["counts"], arrays["start"], annotations.images.size_wh)


def region_faults(
    path: str | os.PathLike[str], annotations: Annotations, roles: Roles, *, mask_boxes: bool
) -> Iterator[Fault]:
    """Everything that `ignored_regions` would refuse.

    Args:
        path, annotations, roles, mask_boxes: as there.
    """
    ignored, boxed = _chosen(roles, mask_boxes=mask_boxes)
    for position, segmentation in _segmentations(path, ignored).items():
        try:
            _parts(annotations, position, segmentation, is_boxed=bool(boxed[position]))
        except UnusableSegmentation as unusable:
            yield _fault(annotations, position, unusable)


def _chosen(roles: Roles, *, mask_boxes: bool) -> tuple[np.ndarray, np.ndarray]:
    """The annotations whose regions are ignored, and those of them whose box stands for an absent segmentation."""
    ignored = roles.beyond | roles.unlabelled
    return ignored, ignored if mask_boxes else roles.beyond


def _build(path: str | os.PathLike[str], annotations: Annotations, ignored: np.ndarray, boxed: np.ndarray) -> Arrays:
    regions: dict[int, list[RunLengths]] = {}
    for position, segmentation in _segmentations(path, ignored).items():
        try:
            parts = _parts(annotations, position, segmentation, is_boxed=bool(boxed[position]))
        except UnusableSegmentation as unusable:
            fault = _fault(annotations, position, unusable)
            raise PoseError(f"annotation file {path}: {fault.detail}; {fault.remedy}.") from unusable
        if parts:
            regions.setdefault(int(annotations.image_index[position]), []).extend(parts)
    return _join(regions, len(annotations.images.id))


def _segmentations(path: str | os.PathLike[str], ignored: np.ndarray) -> dict[int, Any]:
    """By the number of their annotation."""
    with paused_collection():
        entries = read_json(path, "annotation file").get("annotations", [])
        found = {position: entries[position].get(SEGMENTATION) for position in np.flatnonzero(ignored).tolist()}
        entries.clear()
    return found


def _parts(annotations: Annotations, position: int, segmentation: Any, *, is_boxed: bool) -> list[RunLengths]:
    width, height = annotations.images.size_wh[annotations.image_index[position]].tolist()
    return run_lengths(segmentation, annotations.box_xywh[position] if is_boxed else None, (width, height))


def _fault(annotations: Annotations, position: int, unusable: UnusableSegmentation) -> Fault:
    return Fault(
        "ignored region",
        f"annotation {annotations.id[position]}, whose region is left out of the loss, has {unusable}",
        "correct the segmentation (polygons, or run lengths of the picture's size), or the box where there is none",
        entry=position,
    )


def _join(regions: dict[int, list[RunLengths]], num_pictures: int) -> Arrays:
    merged = {picture: bytes(coco_mask.merge(parts)["counts"]) for picture, parts in regions.items()}
    texts = [merged.get(picture, b"") for picture in range(num_pictures)]
    start = np.concatenate([[0], np.cumsum([len(text) for text in texts], dtype=np.int64)])
    return {"counts": np.frombuffer(b"".join(texts), np.uint8), "start": start}

"""The parts of pictures that teach nothing: crowds, and people whose keypoints nobody labelled."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from lib.dataset.coco import LARGE_FILE_BYTES, Annotations
from lib.dataset.group.segmentation import RunLengths, UnusableSegmentation, run_lengths
from lib.dataset.index_cache import Arrays, cached_arrays
from lib.utils.annotation_form import AnnotationForm
from lib.utils.collection import paused_collection
from lib.utils.errors import PoseError
from lib.utils.files import read_json

COUNTED = 255
# Stands in the place of an entry's name where indexes are told apart by the form that they were read with.
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
    path: str | os.PathLike[str], annotations: Annotations, ignored: np.ndarray, form: AnnotationForm
) -> Regions:
    """Read the segmentations of some annotations; the box stands for an absent one.

    Args:
        path: the annotation file.
        annotations: its content.
        ignored: whose region is ignored, (A,) bool.
        form: how its annotations are written.

    Raises:
        PoseError: a segmentation is neither polygons nor run lengths, or does not fit its picture.

    That of a large file is kept on disk, beside the index of its annotations (`lib.dataset.index_cache`).
    """

    def build() -> Arrays:
        return _build(path, annotations, ignored)

    # No entry of people is called so, which keeps the two indexes of a file apart. Of the annotations of one file only
    # those beyond MAX_NUM_PEOPLE are ignored or not, so that their number says which.
    key = AnnotationForm((*form.fields, (SEGMENTATION, int(ignored.sum()))), form.box_area)
    is_large = os.stat(path).st_size >= LARGE_FILE_BYTES  # noqa: PTH116 - a path of either type
    num_keypoints = annotations.keypoints.shape[1]
    arrays = cached_arrays(path, num_keypoints, build, key) if is_large else build()
    return Regions(arrays["counts"], arrays["start"], annotations.images.size_wh)


def _build(path: str | os.PathLike[str], annotations: Annotations, ignored: np.ndarray) -> Arrays:
    with paused_collection():
        entries = read_json(path, "annotation file").get("annotations", [])
        found = [entries[position].get(SEGMENTATION) for position in np.flatnonzero(ignored).tolist()]
        entries.clear()
    return _join(_of_pictures(path, annotations, ignored, found), len(annotations.images.id))


def _of_pictures(
    path: str | os.PathLike[str], annotations: Annotations, ignored: np.ndarray, segmentations: Sequence[Any]
) -> dict[int, list[RunLengths]]:
    """The regions of each picture that has any."""
    regions: dict[int, list[RunLengths]] = {}
    sizes = annotations.images.size_wh.tolist()
    for position, segmentation in zip(np.flatnonzero(ignored).tolist(), segmentations, strict=True):
        picture = int(annotations.image_index[position])
        try:
            parts = run_lengths(segmentation, annotations.box_xywh[position], sizes[picture])
        except UnusableSegmentation as fault:
            raise PoseError(
                f"annotation file {path}: the segmentation of annotation {annotations.id[position]}, whose region is "
                f"left out of the loss, {fault}; write polygons or run lengths of the picture's size, or leave "
                "the entry out so that the box counts."
            ) from fault
        regions.setdefault(picture, []).extend(parts)
    return regions


def _join(regions: dict[int, list[RunLengths]], num_pictures: int) -> Arrays:
    merged = {picture: bytes(coco_mask.merge(parts)["counts"]) for picture, parts in regions.items()}
    texts = [merged.get(picture, b"") for picture in range(num_pictures)]
    start = np.concatenate([[0], np.cumsum([len(text) for text in texts], dtype=np.int64)])
    return {"counts": np.frombuffer(b"".join(texts), np.uint8), "start": start}

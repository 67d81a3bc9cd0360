"""Keypoint results as columns: one array per field instead of a Python object per number."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lib.utils.annotation_form import COCO_FORM, KEYPOINTS, AnnotationForm
from lib.utils.coco_files import Record, check_results, joined_results, result_boxes
from lib.utils.collection import paused_collection

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Poses:
    """M scored poses of one category.

    Attributes:
        image_ids: (M,), int64.
        category: category id of a person in the annotation file.
        keypoints: image_ (x, y, score), (M, K, 3).
        scores: of the poses, (M,).
        frames: center x, center y, scale x, scale y of the crops, (M, 4), as our result files hold them; None where
            unknown.
        boxes: image_ x, y, width, height, (M, 4), where a result file brings them. COCO then takes the area of a pose,
            which decides about medium and large, from its box and not from the extent of its keypoints.
    """

    image_ids: NDArray[np.int64]
    category: int
    keypoints: FloatArray
    scores: FloatArray
    frames: FloatArray | None = None
    boxes: FloatArray | None = None

    def __len__(self) -> int:
        return len(self.image_ids)

    def take(self, chosen: NDArray[np.bool_]) -> "Poses":
        """Those of the poses, (M,), that are chosen."""
        return replace(
            self,
            image_ids=self.image_ids[chosen],
            keypoints=self.keypoints[chosen],
            scores=self.scores[chosen],
            frames=None if self.frames is None else self.frames[chosen],
            boxes=None if self.boxes is None else self.boxes[chosen],
        )

    def columns(self, fields: Sequence[tuple[str, int]] = ()) -> dict[str, NDArray[Any]]:
        """The fields of COCO result records, those that are known: (M,) or (M, any) each.

        Args:
            fields: entries that hold the keypoints and how many each; empty for `keypoints` alone.
        """
        count, num_keypoints = len(self), self.keypoints.shape[1]
        columns: dict[str, NDArray[Any]] = {"image_id": self.image_ids, "category_id": np.full(count, self.category)}
        start = 0
        for name, size in fields or [(KEYPOINTS, num_keypoints)]:
            part = self.keypoints[:, start : start + size]
            columns[name], start = part.reshape(count, 3 * part.shape[1]), start + size
        columns["score"] = self.scores
        if self.frames is not None:
            columns |= {"center": self.frames[:, :2], "scale": self.frames[:, 2:]}
        if self.boxes is not None:
            columns["bbox"] = self.boxes
        return columns

    def records(self, fields: Sequence[tuple[str, int]] = ()) -> list[Record]:
        """COCO result records: a mapping per pose; `fields` as in `columns`."""
        with paused_collection():
            return list(self._records(fields))

    def _records(self, fields: Sequence[tuple[str, int]]) -> Iterator[Record]:
        columns = self.columns(fields)
        for values in zip(*(column.tolist() for column in columns.values()), strict=True):
            yield dict(zip(columns, values, strict=True))


def poses_of(
    records: Sequence[Record],
    image_ids: NDArray[np.int64],
    category: int,
    num_keypoints: int,
    source: str | os.PathLike[str],
    form: AnnotationForm = COCO_FORM,
) -> Poses:
    """The columns of result records, whoever wrote them.

    Args:
        records: with image_id, category_id, keypoints (3·K numbers) and score, and all or none with a bbox.
        image_ids: of the image set.
        category: the category id that every record must have.
        num_keypoints: K.
        source: where the records come from, named in errors.
        form: how records are written.

    Raises:
        PoseError: a record has a fault; the first ones are named.
    """
    records = joined_results(records, num_keypoints, form, source)
    check_results(records, set(image_ids.tolist()), category, num_keypoints, source)
    keypoints = np.array([record["keypoints"] for record in records], dtype=np.float64)
    return Poses(
        image_ids=np.array([record["image_id"] for record in records], dtype=np.int64),
        category=category,
        keypoints=keypoints.reshape(len(records), num_keypoints, 3),
        scores=np.array([record["score"] for record in records], dtype=np.float64),
        boxes=result_boxes(records, source),
    )


def check_poses(
    poses: Poses,
    image_ids: NDArray[np.int64],
    category: int,
    num_keypoints: int,
    source: str | os.PathLike[str],
) -> None:
    """`check_results` for columns: raise PoseError that names the first faults, if there are any."""
    sound = (
        poses.category == category
        and poses.keypoints.shape[1] == num_keypoints
        and np.isfinite(poses.keypoints).all()
        and np.isfinite(poses.scores).all()
        and np.isin(poses.image_ids, image_ids).all()
    )
    if not sound:
        check_results(poses.records(), set(image_ids.tolist()), category, num_keypoints, source)

"""Files of MPII predictions: JSON, and pred.mat as the HRNet repository writes it and evalMPII reads it."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lib.utils.errors import PoseError
from lib.utils.files import read_json, write_json
from lib.utils.mat_file import read_mat, write_mat
from lib.utils.mpii_files import NUM_JOINTS

MAT_KEY = "preds"


@dataclass(frozen=True)
class MpiiPredictions:
    """N people in the order of the annotation file.

    Attributes:
        joints: (x, y) counted from 1, (N, 16, 2).
        scores: (N, 16); None where the file has none.
        image_names: the image of each person; None where the file does not say.
    """

    joints: NDArray[np.float64]
    scores: NDArray[np.float64] | None = None
    image_names: tuple[str, ...] | None = None


def write_predictions(path: Path, image_names: Sequence[str], joints: NDArray[Any], scores: NDArray[Any]) -> Path:
    """Write a JSON file, and beside it a .mat file of the same name.

    Args:
        path: of the JSON file.
        image_names: of each person, in the order of the annotation file.
        joints: (x, y) counted from 1, (N, 16, 2).
        scores: (N, 16).

    Returns:
        The .mat file; its `preds` are (N, 16, 2).

    Raises:
        PoseError: a number that is not finite, or the folder cannot be written to.
    """
    if not (np.isfinite(joints).all() and np.isfinite(scores).all()):
        raise PoseError(f"{path} is not written: joints have NaN or infinity; check the model's weights and input.")
    rows = zip(image_names, joints.tolist(), scores.tolist(), strict=True)
    write_json(path, [{"image": name, "joints": points, "scores": values} for name, points, values in rows])
    mat_file = path.with_suffix(".mat")
    write_mat(mat_file, {MAT_KEY: joints})
    return mat_file


def read_predictions(path: str | os.PathLike[str]) -> MpiiPredictions:
    """Read either file.

    Raises:
        PoseError: the file is absent, damaged or of another form.
    """
    if str(path).endswith(".mat"):
        joints = read_mat(path).get(MAT_KEY)
        if not isinstance(joints, np.ndarray) or joints.ndim != 3:
            raise PoseError(f"{path} has no matrix {MAT_KEY} of people, joints and (x, y); give a pred.mat.")
        if joints.shape[1:] != (NUM_JOINTS, 2) and joints.shape[:2] == (2, NUM_JOINTS):
            joints = joints.transpose(2, 1, 0)  # evalMPII also takes (2, 16, N)
        if joints.shape[1:] != (NUM_JOINTS, 2):
            raise PoseError(f"{path}: {MAT_KEY} has the shape {joints.shape}, not (N, {NUM_JOINTS}, 2).")
        return MpiiPredictions(joints)
    content = read_json(path, "prediction file")
    if not isinstance(content, list) or not all(isinstance(person, dict) for person in content):
        raise PoseError(f"prediction file {path} is no list of records with image, joints and scores.")
    joints = _column(content, "joints", (NUM_JOINTS, 2), path)
    scores = _column(content, "scores", (NUM_JOINTS,), path) if all("scores" in person for person in content) else None
    named = all(isinstance(person.get("image"), str) for person in content)
    return MpiiPredictions(joints, scores, tuple(person["image"] for person in content) if named else None)


def check_images(
    predictions: MpiiPredictions, image_names: Sequence[str] | None, source: str | os.PathLike[str]
) -> None:
    """Refuse predictions whose images are others than those of the truth, where both files name them.

    Raises:
        PoseError: the first record that differs is named.
    """
    if predictions.image_names is None or image_names is None:
        return
    for record, (ours, theirs) in enumerate(zip(predictions.image_names, image_names, strict=False)):
        if ours != theirs:
            raise PoseError(
                f"{source}: record {record} (from 0) is of image {ours}, the truth's is of {theirs}; predict every "
                "person of the annotation file, in its order."
            )


def _column(
    content: list[dict[str, Any]], key: str, shape: tuple[int, ...], path: str | os.PathLike[str]
) -> NDArray[np.float64]:
    rows = []
    for record, person in enumerate(content):
        try:
            row = np.array(person.get(key), np.float64)
        except (TypeError, ValueError):
            row = np.zeros(0)
        if row.shape != shape or not np.isfinite(row).all():
            raise PoseError(
                f"prediction file {path}: record {record} (from 0) has no {key} of shape {shape} with finite numbers; "
                "correct it."
            )
        rows.append(row)
    return np.array(rows, np.float64).reshape(-1, *shape)

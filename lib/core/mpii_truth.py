"""What PCKh needs of MPII: true joints and the sizes of heads, from annot/gt_valid.mat or from JSON."""

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lib.utils.errors import PoseError
from lib.utils.files import read_json
from lib.utils.mat_file import read_mat
from lib.utils.mpii_files import NUM_JOINTS, MpiiPeople, head_sizes_of, is_mpii, mpii_faults, people_of, read_mpii

# What the joints of MPII are called in its evaluation, in their order; pelvis, thorax and neck go by several names.
JOINT_NAMES = (
    *("rank", "rkne", "rhip", "lhip", "lkne", "lank", "", "", "", "head"),
    *("rwri", "relb", "rsho", "lsho", "lelb", "lwri"),
)
ARRAYS = ("jnt_missing", "pos_gt_src", "headboxes_src")
UPPER_NECK, HEAD_TOP = 8, 9


@dataclass(frozen=True)
class MpiiTruth:
    """N people in the order of the annotation file.

    Attributes:
        source: the file, named in messages.
        joints: (x, y) counted from 1, (N, 16, 2).
        visible: whether a joint is labelled, (N, 16).
        head_sizes: 0.6 times the diagonal of the head box, pixels, (N,); NaN where there is none.
        image_names: the image of each person; None where the file does not say.
    """

    source: str
    joints: NDArray[np.float64]
    visible: NDArray[np.bool_]
    head_sizes: NDArray[np.float64]
    image_names: tuple[str, ...] | None = None

    def __len__(self) -> int:
        return len(self.joints)

    @property
    def has_heads(self) -> bool:
        """Whether anybody has a head box."""
        return bool(np.isfinite(self.head_sizes).any())

    def with_head_segments(self) -> "MpiiTruth":
        """The distance from upper neck to head top in place of head sizes; NaN where one of them is not labelled."""
        lengths = np.linalg.norm(self.joints[:, HEAD_TOP] - self.joints[:, UPPER_NECK], axis=1)
        usable = self.visible[:, [UPPER_NECK, HEAD_TOP]].all(axis=1) & (lengths > 0)
        return replace(self, head_sizes=np.where(usable, lengths, np.nan))

    def take(self, index: NDArray[np.int64]) -> "MpiiTruth":
        """The people at the given positions."""
        names = None if self.image_names is None else tuple(self.image_names[position] for position in index.tolist())
        return MpiiTruth(self.source, self.joints[index], self.visible[index], self.head_sizes[index], names)


def is_mpii_truth(path: str | os.PathLike[str]) -> bool:
    """Whether a file looks like one for `read_mpii_truth` and not like COCO's, which is a JSON object."""
    try:
        content = b"" if str(path).endswith(".mat") else Path(path).read_bytes()
    except OSError:
        return False  # whoever reads it says why it cannot be read
    return not content or content.lstrip().startswith(b"[") or b'"jnt_missing"' in content


def read_mpii_truth(path: str | os.PathLike[str]) -> MpiiTruth:
    """Read truth.

    Args:
        path: a .mat file as the HRNet repository has it (dataset_joints, jnt_missing (16, N), pos_gt_src (16, 2, N),
            headboxes_src (2, 2, N)); JSON with these names and shapes; or JSON like the annotation files, whose records
            have a `headbox` or a `head_size` as well.

    Raises:
        PoseError: the file is absent, damaged or of another form.
    """
    if str(path).endswith(".mat"):
        return _of_arrays(read_mat(path), path)
    content = read_json(path, "annotation file")
    if isinstance(content, dict) and set(ARRAYS) <= content.keys():
        return _of_arrays(content, path)
    if not is_mpii(content):
        raise PoseError(
            f"{path} is no truth for PCKh; give annot/gt_valid.mat, the same arrays as JSON, or a list of records with "
            "image, center, scale, joints, joints_vis and headbox."
        )
    for fault in mpii_faults(content):
        raise PoseError(f"annotation file {path}: {fault.detail}; {fault.remedy}.")
    return _of_people(people_of(content, path))


def find_mpii_truth(annotation_file: str, set_name: str) -> MpiiTruth | None:
    """The truth of a part: gt_SET.mat or gt_SET.json beside the annotation file, else the annotation file itself.

    Args:
        annotation_file: of the part.
        set_name: of the part, for example valid.

    Returns:
        The truth of every person of the annotation file, in its order; None where there are no joints.

    Raises:
        PoseError: a file cannot be used, or has another number of people.
    """
    people = read_mpii(annotation_file)
    for suffix in ("mat", "json"):
        path = Path(annotation_file).with_name(f"gt_{set_name}.{suffix}")
        if path.is_file():
            truth = read_mpii_truth(path)
            if len(truth) != len(people):
                raise PoseError(
                    f"{path} has {len(truth)} people, {annotation_file} has {len(people)}; use the two files of one "
                    "release."
                )
            return truth
    return _of_people(people) if people.has_joints else None


def _of_people(people: MpiiPeople) -> MpiiTruth:
    names = tuple(people.image_names[index] for index in people.image_index.tolist())
    return MpiiTruth(people.source, people.joints, people.visible, people.head_sizes, names)


def _of_arrays(content: dict[str, Any], path: str | os.PathLike[str]) -> MpiiTruth:
    absent = [name for name in ARRAYS if name not in content]
    if absent:
        raise PoseError(f"{path} has no {' and no '.join(absent)}; give the gt_valid.mat of the HRNet repository.")
    try:
        missing, points, boxes = (np.asarray(content[name], np.float64) for name in ARRAYS)
    except (TypeError, ValueError) as error:
        raise PoseError(f"{path} has an array that is no matrix of numbers ({error}); fetch it again.") from error
    if points.ndim == 2:  # MATLAB drops a last axis of one person
        missing, points, boxes = missing.reshape(-1, 1), points[..., None], boxes.reshape(2, 2, 1)
    count = points.shape[-1]
    shapes = {"jnt_missing": (NUM_JOINTS, count), "pos_gt_src": (NUM_JOINTS, 2, count), "headboxes_src": (2, 2, count)}
    for name, array in zip(ARRAYS, (missing, points, boxes), strict=True):
        if array.shape != shapes[name]:
            raise PoseError(f"{path}: {name} has the shape {array.shape}, not {shapes[name]}; fetch the file again.")
    _check_names(content.get("dataset_joints"), path)
    truth = MpiiTruth(
        source=os.fspath(path),
        joints=np.moveaxis(points, 2, 0),
        visible=(missing == 0).T,
        head_sizes=head_sizes_of(np.moveaxis(boxes, 2, 0)),
    )
    _check_values(truth)
    return truth


def _check_names(value: Any, path: str | os.PathLike[str]) -> None:
    """Predictions are compared row by row, so another order of joints must not pass."""
    names = _flat(value)
    if names and any(ours and ours != theirs for ours, theirs in zip(JOINT_NAMES, names, strict=False)):
        raise PoseError(
            f"{path} has its joints in the order {', '.join(names)}, not in MPII's (right ankle to left ankle, pelvis, "
            "thorax, neck, head, right wrist to left wrist); reorder them."
        )


def _flat(value: Any) -> list[str]:
    """Names of cells in cells, of lists in lists; none of what is neither."""
    if isinstance(value, str):
        return [value.strip()]
    return [name for part in value for name in _flat(part)] if isinstance(value, list) else []


def _check_values(truth: MpiiTruth) -> None:
    broken = ~np.isfinite(np.where(truth.visible[..., None], truth.joints, 0)).all(axis=(1, 2))
    no_head = ~np.isfinite(truth.head_sizes)
    for wrong, what in ((broken, "a labelled joint"), (no_head, "a head box")):
        if wrong.any():
            person = int(np.argmax(wrong))
            raise PoseError(f"{truth.source}: person {person} (from 0) has {what} that is not finite; correct it.")

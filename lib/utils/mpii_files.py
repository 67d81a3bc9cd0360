"""MPII annotation files in the JSON layout of the HRNet repository: a list with one record per person.

A record has `image` (file name), `center` and `scale` (the person's height in units of 200 pixels) and, but for test
sets, `joints` (16 pairs) and `joints_vis`. For PCKh `headbox` (x1, y1, x2, y2) or `head_size` (0.6 times the box's
diagonal, pixels) may be added. All coordinates count from 1.
"""

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lib.utils.errors import PoseError
from lib.utils.files import read_json

NUM_JOINTS = 16
# Part of the head box's diagonal that counts as the size of the head (evalMPII's SC_BIAS).
HEAD_PART = 0.6
LARGEST = 1e12  # no position or size in an image is so large


class PersonFault(NamedTuple):
    """What is wrong with a record: its position, a short name, a phrase with the record, and the way out."""

    entry: int
    kind: str
    detail: str
    remedy: str


@dataclass(frozen=True)
class MpiiPeople:
    """N people of M images, in the order of their file and with its coordinates, which count from 1.

    Attributes:
        source: the file, named in errors.
        image_names: (M,), in order of first appearance.
        image_index: position of each person's image, (N,) int64.
        center: (x, y), (N, 2); -1 for x says that there is none.
        scale: height in units of 200 pixels, (N,).
        has_joints: whether anybody has a labelled joint.
        joints: (x, y), (N, 16, 2); zeros where the file has none.
        visible: whether a joint is labelled, (N, 16).
        head_sizes: 0.6 times the diagonal of the head box, pixels, (N,); NaN where there is none.
    """

    source: str
    image_names: list[str]
    image_index: NDArray[np.int64]
    center: NDArray[np.float64]
    scale: NDArray[np.float64]
    has_joints: bool
    joints: NDArray[np.float64]
    visible: NDArray[np.bool_]
    head_sizes: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.scale)


def read_mpii(path: str | os.PathLike[str]) -> MpiiPeople:
    """Read an annotation file.

    Raises:
        PoseError: the file is absent, not JSON, or has a fault; the first record with one is named.
    """
    content = read_json(path, "annotation file")
    for fault in mpii_faults(content):
        raise PoseError(
            f"annotation file {path}: {fault.detail}; {fault.remedy} (tools/check_dataset.py lists every fault)."
        )
    return people_of(content, path)


def is_mpii(content: Any) -> bool:
    """Whether parsed JSON is a list of people and not COCO's."""
    return isinstance(content, list) and bool(content) and isinstance(content[0], dict) and "image" in content[0]


def mpii_faults(content: Any) -> Iterator[PersonFault]:
    """Every fault of parsed JSON that makes a record unusable, in file order."""
    if not isinstance(content, list) or not content:
        detail = "it holds no list of people"
        yield PersonFault(-1, "not MPII", detail, "give annot/train.json or valid.json of the HRNet repository")
        return
    with_joints = any(isinstance(person, dict) and "joints" in person for person in content)
    for entry, person in enumerate(content):
        yield from _person_faults(person, entry, with_joints)


def people_of(content: list[dict[str, Any]], source: str | os.PathLike[str]) -> MpiiPeople:
    """The arrays of parsed JSON without `mpii_faults`.

    A file whose joints are all not labelled, as placeholders in test sets are, has none.
    """
    names = [person["image"] for person in content]
    image_names = list(dict.fromkeys(names))
    position = {name: index for index, name in enumerate(image_names)}
    count = len(content)
    joints, visible = np.zeros((count, NUM_JOINTS, 2)), np.zeros((count, NUM_JOINTS), bool)
    if "joints" in content[0]:
        joints = np.array([[joint[:2] for joint in person["joints"]] for person in content], np.float64)
        visible = np.array([person["joints_vis"] for person in content], np.float64) > 0
    return MpiiPeople(
        source=os.fspath(source),
        image_names=image_names,
        image_index=np.array([position[name] for name in names], np.int64),
        center=np.array([person["center"] for person in content], np.float64),
        scale=np.array([person["scale"] for person in content], np.float64),
        has_joints=bool(visible.any()),
        joints=joints,
        visible=visible,
        head_sizes=np.array([_head_size(person) for person in content], np.float64),
    )


def head_sizes_of(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    """Head sizes of head boxes given by two corners, (N, 2, 2) to (N,)."""
    return HEAD_PART * np.linalg.norm(corners[:, 1] - corners[:, 0], axis=1)


def _head_size(person: dict[str, Any]) -> float:
    if person.get("headbox") is not None:
        return float(head_sizes_of(np.array(person["headbox"], np.float64).reshape(1, 2, 2))[0])
    size = person.get("head_size")
    return math.nan if size is None else float(size)


def _person_faults(person: Any, entry: int, with_joints: bool) -> Iterator[PersonFault]:
    name = f"record {entry} (counted from 0)"
    if not isinstance(person, dict):
        yield PersonFault(entry, "no record", f"{name} is no mapping", "give image, center, scale, joints, joints_vis")
        return
    if not isinstance(person.get("image"), str) or not person["image"]:
        yield PersonFault(entry, "no image", f"{name} names no image", "write the file name as image")
    if not _numbers(person.get("center"), 2):
        detail = f"{name} has the center {person.get('center')!r}"
        yield PersonFault(entry, "bad center", detail, "give x and y, counted from 1")
    if not _numbers([person.get("scale")], 1) or not person["scale"] > 0:
        detail = f"{name} has the scale {person.get('scale')!r}"
        yield PersonFault(entry, "bad scale", detail, "give the person's height in units of 200 pixels")
    if with_joints:
        yield from _joint_faults(person, name, entry)
    head = {"headbox": person.get("headbox"), "head_size": person.get("head_size")}
    for key, fine in (("headbox", _is_head_box(head["headbox"])), ("head_size", _is_size(head["head_size"]))):
        if head[key] is not None and not fine:
            detail = f"{name} has the {key} {head[key]!r}"
            yield PersonFault(entry, "bad head", detail, "give x1, y1, x2, y2 of a box with extent, or a size above 0")


def _joint_faults(person: dict[str, Any], name: str, entry: int) -> Iterator[PersonFault]:
    joints, flags = person.get("joints"), person.get("joints_vis")
    if not isinstance(joints, list) or len(joints) != NUM_JOINTS:
        found = len(joints) if isinstance(joints, list) else "no"
        yield PersonFault(entry, "wrong joints", f"{name} has {found} joints", f"give the {NUM_JOINTS} of MPII")
    elif not all(isinstance(joint, list) and _numbers(joint[:2], 2) for joint in joints):
        detail = f"{name} has a joint that is no pair of finite numbers"
        yield PersonFault(entry, "bad joint", detail, "give x and y, counted from 1")
    if not _numbers(flags, NUM_JOINTS):
        detail = f"{name} has joints_vis {flags!r}"
        yield PersonFault(entry, "bad joints_vis", detail, f"give {NUM_JOINTS} times 0 or 1")


def _is_head_box(value: Any) -> bool:
    flat = (
        [*value[0], *value[1]]
        if isinstance(value, list) and len(value) == 2 and all(isinstance(corner, list) for corner in value)
        else value
    )
    return _numbers(flat, 4) and flat[:2] != flat[2:]


def _is_size(value: Any) -> bool:
    return _numbers([value], 1) and value > 0


def _numbers(values: Any, count: int) -> bool:
    """Whether `values` is a list of `count` finite numbers."""
    if not isinstance(values, list) or len(values) != count:
        return False
    return all(isinstance(value, (int, float)) and abs(value) < LARGEST for value in values)

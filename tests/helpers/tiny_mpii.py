"""A made MPII data set: pictures, annotations in HRNet's layout, and truth for PCKh as .mat and JSON."""

import json
import struct
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from lib.utils.mat_file import element

NAMES = ("rank", "rkne", "rhip", "lhip", "lkne", "lank", "pelv", "thor", "neck", "head")
NAMES += ("rwri", "relb", "rsho", "lsho", "lelb", "lwri")
SIZE_WH = (160, 120)


def made_people(rng: np.random.Generator, count: int = 6, *, per_image: int = 2) -> list[dict[str, Any]]:
    """Records with some joints not labelled (at -1, as in the release)."""
    people = []
    for index in range(count):
        joints = np.round(rng.uniform((20, 10), (140, 110), (16, 2)), 4)
        visible = (rng.uniform(size=16) < 0.85).astype(int)
        visible[[8, 9]] = 1
        joints[visible == 0] = -1
        people.append(
            {
                "image": f"{index // per_image:09d}.jpg",
                "joints": joints.tolist(),
                "joints_vis": visible.tolist(),
                "center": np.round(rng.uniform((60, 40), (100, 60)), 2).tolist(),
                "scale": round(float(rng.uniform(0.4, 0.6)), 4),
            }
        )
    return people


def made_truth(rng: np.random.Generator, people: list[dict[str, Any]]) -> dict[str, Any]:
    """The arrays of gt_valid.mat for these people, with head boxes of random size."""
    corners = rng.uniform(0, 100, (len(people), 2))
    boxes = np.stack([corners, corners + rng.uniform(5, 40, (len(people), 2))], axis=1)
    return {
        "dataset_joints": list(NAMES),
        "jnt_missing": 1.0 - np.array([person["joints_vis"] for person in people]).T,
        "pos_gt_src": np.moveaxis(np.array([person["joints"] for person in people], np.float64), 0, 2),
        "headboxes_src": np.moveaxis(boxes, 0, 2),
    }


def write_tiny_mpii(root: Path, rng: np.random.Generator, name: str = "valid", count: int = 6) -> list[dict[str, Any]]:
    """Write ROOT/annot/NAME.json and ROOT/images."""
    people = made_people(rng, count)
    (root / "images").mkdir(parents=True, exist_ok=True)
    for image in {person["image"] for person in people}:
        picture = rng.integers(0, 256, (SIZE_WH[1] // 8, SIZE_WH[0] // 8, 3), dtype=np.uint8)
        cv2.imwrite(str(root / "images" / image), cv2.resize(picture, SIZE_WH))
    write_people(root, people, name)
    return people


def write_people(root: Path, people: Any, name: str = "valid") -> Path:
    """(Re)write ROOT/annot/NAME.json."""
    path = root / "annot" / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(people))
    return path


def write_truth_json(path: Path, truth: dict[str, Any]) -> Path:
    """The arrays as JSON."""
    path.write_text(json.dumps({name: np.asarray(value).tolist() for name, value in truth.items()}))
    return path


def write_truth_mat(path: Path, truth: dict[str, Any], *, compressed: bool = True) -> Path:
    """The arrays as MATLAB writes them: numbers as doubles, names as a 1 x 16 cell of characters."""
    parts = []
    for name, value in truth.items():
        matrix = _cell(name, value) if name == "dataset_joints" else _doubles(name, np.asarray(value, np.float64))
        packed = zlib.compress(matrix)
        parts.append(struct.pack("<II", 15, len(packed)) + packed if compressed else matrix)
    path.write_bytes(b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack("<H", 0x0100) + b"IM" + b"".join(parts))
    return path


def _head(kind: int, shape: tuple[int, ...], name: str) -> bytes:
    dims = np.array(shape, "<i4").tobytes()
    return element(6, struct.pack("<II", kind, 0)) + element(5, dims) + element(1, name.encode())


def _doubles(name: str, array: np.ndarray) -> bytes:
    return element(14, _head(6, array.shape, name) + element(9, array.tobytes(order="F")))


def _cell(name: str, texts: list[str]) -> bytes:
    cells = [element(14, _head(4, (1, len(text)), "") + element(4, text.encode("utf-16-le"))) for text in texts]
    return element(14, _head(1, (1, len(texts)), name) + b"".join(cells))

"""The plain way to keep people: pycocotools' index of the whole file and a list with a mapping per person.

It follows the published data set (HRNet lib/dataset/coco.py, _load_coco_keypoint_annotation_kernal).
"""

import contextlib
import copy
import io
import os
from typing import Any

import numpy as np
import torch
from pycocotools.coco import COCO
from torch.utils.data import Dataset

from lib.utils.image import decode_image

Person = dict[str, Any]
PIXEL_STD, PADDING = 200, 1.25


def open_coco(path: str | os.PathLike[str]) -> COCO:
    """pycocotools' index, without what it prints."""
    with contextlib.redirect_stdout(io.StringIO()):
        return COCO(os.fspath(path))


def list_people(coco: COCO, num_joints: int, aspect_ratio: float) -> list[Person]:
    """The people with keypoints as the published data set lists them, in its order.

    Args:
        coco: the annotation file.
        num_joints: K.
        aspect_ratio: width through height of the network's input.
    """
    people = []
    for image_id in coco.getImgIds():
        image = coco.loadImgs(image_id)[0]
        for annotation in coco.loadAnns(coco.getAnnIds(imgIds=image_id, iscrowd=False)):
            box = _clipped(annotation["bbox"], image["width"], image["height"])
            if annotation["area"] <= 0 or box is None or max(annotation["keypoints"]) == 0:
                continue
            joints, visible = np.zeros((num_joints, 3)), np.zeros((num_joints, 3))
            for joint in range(num_joints):
                joints[joint, 0] = annotation["keypoints"][joint * 3 + 0]
                joints[joint, 1] = annotation["keypoints"][joint * 3 + 1]
                flag = min(annotation["keypoints"][joint * 3 + 2], 1)
                visible[joint, 0] = flag
                visible[joint, 1] = flag
            center, scale = _center_scale(box, aspect_ratio)
            people.append(
                {
                    "image": image["file_name"],
                    "center": center,
                    "scale": scale,
                    "joints_3d": joints,
                    "joints_3d_vis": visible,
                    "filename": "",
                    "imgnum": 0,
                }
            )
    return people


class ListDataset(Dataset[torch.Tensor]):
    """Each person's mapping is copied and its image read, as in the published data set; what follows is left out.

    Args:
        people: the mappings.
        files: the bytes of the images that the people share.
    """

    def __init__(self, people: list[Person], files: list[bytes]) -> None:
        self.people = people
        self.files = files

    def __len__(self) -> int:
        return len(self.people)

    def __getitem__(self, index: int) -> torch.Tensor:
        person = copy.deepcopy(self.people[index])
        decode_image(self.files[index % len(self.files)], person["image"])
        return torch.from_numpy(person["joints_3d"])


def _clipped(box: list[float], width: int, height: int) -> tuple[float, float, float, float] | None:
    x, y, w, h = box
    x1, y1 = np.max((0, x)), np.max((0, y))
    x2 = np.min((width - 1, x1 + np.max((0, w - 1))))
    y2 = np.min((height - 1, y1 + np.max((0, h - 1))))
    return (x1, y1, x2 - x1, y2 - y1) if x2 >= x1 and y2 >= y1 else None


def _center_scale(box: tuple[float, float, float, float], aspect_ratio: float) -> tuple[np.ndarray, np.ndarray]:
    x, y, w, h = box
    center = np.array([x + w * 0.5, y + h * 0.5], np.float32)
    if w > aspect_ratio * h:
        h = w / aspect_ratio
    elif w < aspect_ratio * h:
        w = h * aspect_ratio
    return center, np.array([w / PIXEL_STD, h / PIXEL_STD], np.float32) * PADDING

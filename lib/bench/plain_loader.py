"""The plain way to load people: one at a time, image by image file, joint by joint.

It follows the published data sets (HRNet lib/dataset/JointsDataset.py, UDP's geometry) step by step, with the same
drawn changes as ours, so that both ways can be compared sample by sample.
"""

import math
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from torch.utils.data import Dataset
from torchvision.transforms import Compose, Normalize, ToTensor

from lib.dataset.augment import AugmentParams, AugmentSettings
from lib.dataset.dataset import PoseDataset
from lib.dataset.half_body import half_body_boxes

PIXEL_STD = 200.0


class PlainSample(NamedTuple):
    """Normalised crop (3, H, W), heatmaps (K, h, w), weights (K, 1) and crop keypoints (K, 2)."""

    image: torch.Tensor
    heatmaps: torch.Tensor
    weights: torch.Tensor
    input_keypoints: np.ndarray


class PlainDataset(Dataset[PlainSample]):
    """The people of a data set as the published code loads them, with UDP's crop and gaussian targets.

    Args:
        dataset: ours; the same people with the same drawn changes are loaded.
        paths: of each record's image, (N,).
        sigma: of the targets, heatmap pixels.
        mean, std: of the pixels.
    """

    def __init__(self, dataset: PoseDataset, paths: list[str], sigma: float, mean: Any, std: Any) -> None:
        records = dataset.records
        self.people = [
            {
                "image": path,
                "center": records.center[i],
                "scale": records.scale[i],
                "joints": records.keypoints[i].astype(float),
                "visible": records.visible[i].astype(float),
            }
            for i, path in enumerate(paths)
        ]
        self.dataset = dataset
        self.sigma = sigma
        self.transform = Compose([ToTensor(), Normalize(mean, std)])

    def __len__(self) -> int:
        return len(self.people)

    def __getitem__(self, key: tuple[int, int]) -> PlainSample:
        epoch, index = key
        person = self.people[index]
        read = cv2.imread(person["image"], cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
        image = cv2.cvtColor(np.asarray(read), cv2.COLOR_BGR2RGB)
        joints, visible = person["joints"].copy(), person["visible"].copy()
        center, scale, rotation = person["center"].copy(), person["scale"].copy(), 0.0
        settings = self.dataset.augment
        if settings is not None:
            params = self.dataset.params(settings, epoch).take(np.array([index]))
            center, scale = self._half_body(person, params, settings)
            scale, rotation = scale * params.scale_factor[0], float(params.rotation_degrees[0])
            if params.flip[0]:
                image = image[:, ::-1, :]
                joints, visible = self._mirrored(joints, visible, image.shape[1])
                center = np.array([image.shape[1] - 1 - center[0], center[1]])
        matrix = self._warp_matrix(center, scale, rotation)
        width, height = self.dataset.codec.input_size_wh
        crop = cv2.warpAffine(np.ascontiguousarray(image), matrix, (width, height), flags=cv2.INTER_LINEAR)
        for joint in range(len(joints)):
            if visible[joint] > 0:
                joints[joint] = matrix @ np.array([joints[joint][0], joints[joint][1], 1.0])
        heatmaps, weights = self._targets(joints, visible)
        return PlainSample(self.transform(crop), torch.from_numpy(heatmaps), torch.from_numpy(weights), joints)

    def _half_body(
        self, person: dict[str, Any], params: AugmentParams, settings: AugmentSettings
    ) -> tuple[np.ndarray, np.ndarray]:
        if not params.half_body[0] or (person["visible"] > 0).sum() <= settings.half_body_above:
            return person["center"], person["scale"]
        width, height = self.dataset.codec.input_size_wh
        center, scale, usable = half_body_boxes(
            person["joints"][None],
            person["visible"][None],
            self.dataset.skeleton.upper_body,
            params.prefer_upper,
            width / height,
        )
        return (center[0], scale[0]) if usable[0] else (person["center"], person["scale"])

    def _mirrored(self, joints: np.ndarray, visible: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
        joints[:, 0] = width - 1 - joints[:, 0]
        for left, right in self.dataset.skeleton.flip_pairs:
            joints[left], joints[right] = joints[right].copy(), joints[left].copy()
            visible[left], visible[right] = visible[right], visible[left]
        return joints, visible

    def _warp_matrix(self, center: np.ndarray, scale: np.ndarray, rotation: float) -> np.ndarray:
        """UDP's map from the image to the crop."""
        width, height = (side - 1 for side in self.dataset.codec.input_size_wh)
        theta, size = math.radians(rotation), scale * PIXEL_STD
        to_image = np.array(
            [
                [math.cos(theta) * size[0] / width, math.sin(theta) * size[1] / height, 0],
                [-math.sin(theta) * size[0] / width, math.cos(theta) * size[1] / height, 0],
                [0, 0, 1],
            ]
        )
        to_image[:2, 2] = center - to_image[:2, :2] @ (width / 2, height / 2)
        return np.linalg.inv(to_image)[:2]

    def _targets(self, joints: np.ndarray, visible: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """One Gaussian patch after the other, as UDP draws them."""
        (width, height), (input_width, input_height) = (
            self.dataset.codec.heatmap_size_wh,
            self.dataset.codec.input_size_wh,
        )
        heatmaps = np.zeros((len(joints), height, width), np.float32)
        weights = (visible > 0).astype(np.float32)[:, None]
        radius = self.sigma * 3
        stride = (input_width - 1.0) / (width - 1.0), (input_height - 1.0) / (height - 1.0)
        for joint, (x, y) in enumerate(joints):
            mu = x / stride[0], y / stride[1]
            middle = int(mu[0] + 0.5), int(mu[1] + 0.5)
            left, top = int(middle[0] - radius), int(middle[1] - radius)
            right, bottom = int(middle[0] + radius + 1), int(middle[1] + radius + 1)
            if left >= width or top >= height or right < 0 or bottom < 0:
                weights[joint] = 0
            if weights[joint] <= 0:
                continue
            columns = np.arange(max(0, left), min(right, width), dtype=np.float32)
            rows = np.arange(max(0, top), min(bottom, height), dtype=np.float32)[:, None]
            patch = np.exp(-((columns - mu[0]) ** 2 + (rows - mu[1]) ** 2) / (2 * self.sigma**2))
            heatmaps[joint, max(0, top) : min(bottom, height), max(0, left) : min(right, width)] = patch
        return heatmaps, weights

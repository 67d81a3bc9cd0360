"""Batches, a codec and a network that need no files."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from lib.core.inference import Preparation

PREPARE = Preparation(torch.device("cpu"), (0.5, 0.5, 0.5), (0.25, 0.25, 0.25))
INPUT_WH, NUM_KEYPOINTS = (32, 32), 3


class DotBatch(NamedTuple):
    """What the loops read of a sample."""

    image: Tensor
    input_keypoints: Tensor
    visible: Tensor
    center: Tensor
    scale: Tensor
    index: Tensor


def dot_batch(rng: np.random.Generator, index: list[int], *, visible: float = 1.0) -> DotBatch:
    """Random crops with random keypoints."""
    count = len(index)
    return DotBatch(
        image=torch.from_numpy(rng.integers(0, 256, (count, 3, INPUT_WH[1], INPUT_WH[0]), dtype=np.uint8)),
        input_keypoints=torch.from_numpy(rng.uniform(4, 27, (count, NUM_KEYPOINTS, 2)).astype(np.float32)),
        visible=torch.full((count, NUM_KEYPOINTS), visible),
        center=torch.full((count, 2), 100.0),
        scale=torch.full((count, 2), 0.5),
        index=torch.tensor(index),
    )


class DotNet(nn.Module):
    """Two convolutions to heatmaps of a quarter of the input; without batch norm, so that batches can be split."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.second = nn.Conv2d(8, NUM_KEYPOINTS, 3, stride=2, padding=1)
        self.calls: list[int] = []

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) to (B, K, H/4, W/4)."""
        self.calls.append(len(images))
        return self.second(self.first(images).relu())

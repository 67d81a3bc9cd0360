"""A training step as the published code does it: targets and loss joint by joint, plain Adam."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn


def plain_targets(
    input_keypoints: np.ndarray, visible: np.ndarray, heatmap_wh: tuple[int, int], stride: int, sigma: int
) -> tuple[np.ndarray, np.ndarray]:
    """Heatmaps (K, h, w) and weights (K,) of one person, float32.

    Args:
        input_keypoints: input_ (x, y), (K, 2).
        visible: (K,), above 0 where a keypoint is annotated.
        heatmap_wh: size of a map.
        stride: input pixels per heatmap pixel.
        sigma: heatmap pixels.

    After HRNet lib/dataset/JointsDataset.py, generate_target.
    """
    width, height = heatmap_wh
    heatmaps = np.zeros((len(visible), height, width), np.float32)
    weights = (visible > 0).astype(np.float32)
    reach = 3 * sigma
    axis = np.arange(2 * reach + 1, dtype=np.float32)
    patch = np.exp(-((axis - reach) ** 2 + (axis[:, None] - reach) ** 2) / (2 * sigma**2))
    for joint in range(len(visible)):
        x, y = (int(value / stride + 0.5) for value in input_keypoints[joint])
        left, top, right, bottom = x - reach, y - reach, x + reach + 1, y + reach + 1
        if left >= width or top >= height or right < 0 or bottom < 0:
            weights[joint] = 0
        if weights[joint] == 0:
            continue
        rows, columns = slice(max(0, top), min(bottom, height)), slice(max(0, left), min(right, width))
        shown = patch[max(0, -top) : min(bottom, height) - top, max(0, -left) : min(right, width) - left]
        heatmaps[joint, rows, columns] = shown
    return heatmaps, weights


def plain_loss(outputs: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """The loss of outputs and targets (B, K, h, w) with weights (B, K). After HRNet lib/core/loss.py."""
    batch, joints = outputs.shape[:2]
    criterion = nn.MSELoss()
    loss = outputs.new_zeros(())
    for joint in range(joints):
        weight = weights[:, joint, None]
        predicted, true = outputs[:, joint].reshape(batch, -1), targets[:, joint].reshape(batch, -1)
        loss = loss + 0.5 * criterion(predicted * weight, true * weight)
    return loss / joints


def plain_step(
    model: nn.Module, images: Tensor, keypoints: np.ndarray, visible: np.ndarray, stride: int, sigma: int
) -> Callable[[], None]:
    """A function that trains one step on a batch with Adam at HRNet's rate.

    Args:
        model: in training mode, float32, NCHW.
        images: (B, 3, H, W), on the model's device.
        keypoints: input_ (x, y), (B, K, 2).
        visible: (B, K).
        stride: input pixels per heatmap pixel.
        sigma: heatmap pixels.
    """
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    heatmap_wh = (images.shape[3] // stride, images.shape[2] // stride)

    def step() -> None:
        made = [plain_targets(*person, heatmap_wh, stride, sigma) for person in zip(keypoints, visible, strict=True)]
        targets, weights = (torch.from_numpy(np.stack(part)).to(images.device) for part in zip(*made, strict=True))
        loss = plain_loss(model(images), targets, weights)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step

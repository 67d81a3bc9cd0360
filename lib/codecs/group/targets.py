"""Targets of bottom-up networks: heatmaps of all people of a picture, and the pixels of their tags."""

import torch
from torch import Tensor

from lib.utils.constants import constant


def pixels(points: Tensor) -> Tensor:
    """The pixel of heatmap_ points (..., 2), cut towards zero as published, int64: (-0.9, 3.9) is in (0, 3)."""
    return torch.trunc(points).to(torch.int64)


def on_map(cells: Tensor, size_wh: tuple[int, int]) -> Tensor:
    """Which pixels (..., 2) lie on a map of this size, (...), bool."""
    return ((cells >= 0) & (cells < constant(size_wh, cells.dtype, cells.device))).all(dim=-1)


def draw_people(points: Tensor, visible: Tensor, sigma: float, size_wh: tuple[int, int], *, unbiased: bool) -> Tensor:
    """Heatmaps with a Gaussian per keypoint; where people overlap, the larger value.

    Args:
        points: heatmap_ (x, y), (B, M, K, 2), float; finite where visible.
        visible: (B, M, K), bool.
        sigma: heatmap pixels.
        size_wh: of the maps.
        unbiased: put the Gaussian's middle on the point (UDP) rather than on its pixel.

    Returns:
        (B, K, h, w), float32. Nothing is drawn for points whose pixel is not on the map, nor farther than
        3 sigma + 1 pixels from that pixel on either axis.

    Source: HigherHRNet lib/dataset/target_generators, HeatmapGenerator; mmpose 0.29 bottom_up_transform.py,
    HeatmapGenerator.
    """
    batch, _, num_keypoints = visible.shape
    width, height = size_wh
    drawn = visible & on_map(pixels(torch.where(visible[..., None], points, -1.0)), size_wh)
    picture, _, keypoint = drawn.nonzero(as_tuple=True)
    centers = points[drawn]
    cells = pixels(centers)
    middles = centers if unbiased else cells.to(centers.dtype)
    reach = int(3 * sigma + 1)
    steps = torch.arange(-reach, reach + 1, device=points.device)
    positions = cells[:, None, :] + steps[:, None]  # (N, S, 2)
    profiles = torch.exp(-((positions - middles[:, None, :]) ** 2) / (2 * sigma**2))
    inside = (positions >= 0) & (positions < constant(size_wh, torch.int64, points.device))
    profiles = torch.where(inside, profiles, 0.0)
    values = (profiles[:, :, None, 1] * profiles[:, None, :, 0]).to(torch.float32)
    # Pixels outside have the value 0, which changes nothing wherever it goes.
    rows, columns = positions[..., 1].clamp(0, height - 1), positions[..., 0].clamp(0, width - 1)
    index = ((picture * num_keypoints + keypoint)[:, None, None] * height + rows[:, :, None]) * width
    index = index + columns[:, None, :]
    maps = torch.zeros(batch * num_keypoints * height * width, device=points.device)
    maps.scatter_reduce_(0, index.flatten(), values.flatten(), "amax")
    return maps.view(batch, num_keypoints, height, width)


def tag_pixels(points: Tensor, visible: Tensor, size_wh: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Where the tag of each keypoint is read.

    Args:
        points: heatmap_ (x, y) on the first output, (B, M, K, 2); finite where visible.
        visible: (B, M, K), bool.
        size_wh: of the first output.

    Returns:
        pixels y w + x, (B, M, K), int64, 0 where there is none, and whether there is one, (B, M, K), bool.

    Source: HigherHRNet lib/dataset/target_generators, JointsGenerator.
    """
    cells = pixels(torch.where(visible[..., None], points, -1.0))
    shown = visible & on_map(cells, size_wh)
    return torch.where(shown, cells[..., 1] * size_wh[0] + cells[..., 0], 0), shown

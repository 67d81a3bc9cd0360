"""Targets of bottom-up networks: heatmaps of all people of a picture, and the pixels of their tags."""

import torch
from torch import Tensor

from lib.utils.constants import constant

# Where absent points are left out first. Elsewhere they are drawn as zeros: a GPU would have to be waited for to know
# their number.
SELECTED_ON = ("cpu",)
# Pixels of Gaussians that are drawn together, at 20 bytes each: bounds the memory that many people need.
VALUES_AT_ONCE = 2**22


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
    places = torch.where(visible[..., None], points, -1.0)
    drawn = visible & on_map(pixels(places), size_wh)
    number = torch.arange(batch * num_keypoints, device=points.device).view(batch, 1, num_keypoints).expand_as(drawn)
    if points.device.type in SELECTED_ON:
        places, number, drawn = places[drawn], number[drawn], drawn[drawn]
    else:
        places, number, drawn = places.flatten(0, 2), number.flatten(), drawn.flatten()
    reach = int(3 * sigma + 1)
    at_once = max(1, VALUES_AT_ONCE // (2 * reach + 1) ** 2)
    maps = torch.zeros(batch * num_keypoints * height * width, device=points.device)
    for first in range(0, len(places), at_once):
        some = slice(first, first + at_once)
        on_x, x = _profiles(places[some, 0], drawn[some], sigma, reach, width, unbiased=unbiased)
        on_y, y = _profiles(places[some, 1], drawn[some], sigma, reach, height, unbiased=unbiased)
        values = (on_y[:, :, None] * on_x[:, None, :]).to(torch.float32)
        index = ((number[some, None] * height + y) * width)[:, :, None] + x[:, None, :]
        maps.scatter_reduce_(0, index.flatten(), values.flatten(), "amax")
    return maps.view(batch, num_keypoints, height, width)


def _profiles(
    middles: Tensor, drawn: Tensor, sigma: float, reach: int, length: int, *, unbiased: bool
) -> tuple[Tensor, Tensor]:
    """Gaussians of N points along an axis, 0 for those not drawn, and the S pixels of the map that they are for.

    Pixels beyond the border are replaced by those that follow on the other side, where the value is 0: a point's are
    all different, so that the threads of a GPU seldom meet in one. Both are (N, S).
    """
    cells = pixels(middles)[:, None]
    middles = middles[:, None] if unbiased else cells.to(middles.dtype)
    count = min(2 * reach + 1, length)
    positions = (cells - reach).clamp(0, length - count) + torch.arange(count, device=middles.device)
    profiles = torch.exp(-((positions - middles) ** 2) / (2 * sigma**2))
    return torch.where(drawn[:, None] & ((positions - cells).abs() <= reach), profiles, 0.0), positions


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

"""Candidates moved between pixels.

Points of N people are given by the number of their map, (N, K), and their pixel; shifts are (N, K, 2), float32.
"""

import torch
from torch import Tensor

from lib.codecs.blur import blur_around
from lib.codecs.group.maps import GroupMaps
from lib.codecs.refine import MMPOSE_EPSILON, NEIGHBOURS, log_newton_step

QUARTER = 0.25
# From the corner of a pixel to its middle, as the published plain systems count; UDP counts from middle to middle.
HALF = 0.5
# Blur of mmpose's DARK step for bottom-up maps.
DARK_KERNEL = 3


def quarter_steps(maps: GroupMaps, number: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """A quarter pixel up each axis where the value rises, else a quarter down; at the border by what there is.

    Source: HigherHRNet lib/core/group.py, adjust and refine.
    """
    rise_x = maps.at(number, x + 1, y) - maps.at(number, x - 1, y)
    rise_y = maps.at(number, x, y + 1) - maps.at(number, x, y - 1)
    return torch.where(torch.stack([rise_x, rise_y], dim=-1) > 0, QUARTER, -QUARTER)


def dark_steps(maps: GroupMaps, number: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """One Newton step on the logarithm of the blurred map, whose border pixels repeat.

    Source: mmpose 0.29 top_down_eval.py, post_dark_udp, with one map for all people.
    """
    height, width = maps.size_hw
    flat_x, flat_y = x.flatten(), y.flatten()
    unpadded = maps.heatmaps[:, None, :height, :width]
    blurred = blur_around(unpadded, number.flatten(), flat_x, flat_y, DARK_KERNEL, reach=1)[:, 0]
    # Neighbours outside the map are the border pixel itself, which lies in the same square of three.
    steps = torch.arange(-1, 2, device=x.device)
    rows = (flat_y[:, None] + steps).clamp(0, height - 1) - flat_y[:, None] + 1
    columns = (flat_x[:, None] + steps).clamp(0, width - 1) - flat_x[:, None] + 1
    item = torch.arange(len(flat_x), device=x.device)
    values = torch.stack([blurred[item, rows[:, 1 + down], columns[:, 1 + right]] for right, down in NEIGHBOURS])
    return log_newton_step(values, MMPOSE_EPSILON).view(*x.shape, 2)

"""Where heatmaps are highest, and the values around that point."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lib.codecs.tracing import first_true
from lib.utils.constants import constant


@dataclass(frozen=True)
class Peaks:
    """The highest pixel of each map.

    Attributes:
        x, y: heatmap_ column and row, (B, K), int64.
        scores: the value there, (B, K), float32; 0 where it is NaN or infinite.
        responds: whether the value is positive and finite, (B, K), bool.
    """

    x: Tensor
    y: Tensor
    scores: Tensor
    responds: Tensor

    @property
    def points(self) -> Tensor:
        """heatmap_ (x, y), (B, K, 2), float32."""
        return torch.stack([self.x, self.y], dim=-1).to(torch.float32)


def find_peaks(maps: Tensor, absent: int | None = None, tolerance: float = 0.0) -> Peaks:
    """Find the highest pixel of each map, the first in reading order where several are equal.

    Args:
        maps: (B, K, h, w), float.
        absent: coordinate given to both x and y where no value is positive (published systems use 0 or -1); None
            keeps the arg-max.
        tolerance: values that are lower than the highest by up to this part of it count as equal.
    """
    # The maximum of each of a few parts of the map first, then of these: many times faster than one arg-max.
    height, width = maps.shape[-2:]
    count = math.gcd(height * width, 16)
    parts = maps.flatten(2).unflatten(-1, (count, -1))
    highest = parts.amax(dim=-1)
    scores = highest.amax(dim=-1)
    least = (scores - tolerance * scores.abs())[..., None]
    part = first_true(highest >= least)
    first = torch.arange(part.numel(), device=maps.device).view_as(part) * count
    pixels = parts.flatten(0, 2)[first + part]
    index = part * parts.shape[-1] + first_true(pixels >= least)
    x, y = index % width, index // width
    responds = (scores > 0) & torch.isfinite(scores)
    if absent is not None:
        x = torch.where(responds, x, absent)
        y = torch.where(responds, y, absent)
    return Peaks(x, y, torch.where(torch.isfinite(scores), scores, 0.0), responds)


def wrap_position(x: Tensor, y: Tensor, shape_hw: tuple[int, int], border: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Pixel positions as they come out when all maps of a batch lie one after the other in memory.

    Args:
        x, y: heatmap_ positions, (B, K) or (B, K, M).
        shape_hw: of a map.
        border: pixels by which each map is enlarged on every side, by repetition.

    Returns:
        map number in the batch (0 .. B K - 1), row and column, in the shape of x and inside the maps.

    Inside a map this changes nothing. It matters for mmpose alone, which looks for the neighbours of (-1, -1), its
    mark for "no response", in such a flat array and thus finds values of the map before.
    """
    height, width = shape_hw[0] + 2 * border, shape_hw[1] + 2 * border
    batch, count = x.shape[:2]
    number = torch.arange(batch * count, device=x.device).view(batch, count, *[1] * (x.ndim - 2))
    position = (number * height + y + border) * width + x + border
    # By a tensor: ONNX's remainder cannot take a number that depends on the batch.
    position = position % position.new_full((), batch * count * height * width)
    row = position % (height * width) // width - border
    column = position % width - border
    return position // (height * width), row.clamp(0, shape_hw[0] - 1), column.clamp(0, shape_hw[1] - 1)


def sample_around(maps: Tensor, peaks: Peaks, steps: Sequence[tuple[int, int]], border: int = 0) -> list[Tensor]:
    """The values at some steps (dx, dy) from each peak, each (B, K); see `wrap_position` for positions outside."""
    height, width = maps.shape[-2:]
    dx, dy = (constant(axis, torch.int64, maps.device) for axis in zip(*steps, strict=True))
    x, y = peaks.x[..., None] + dx, peaks.y[..., None] + dy
    number, row, column = wrap_position(x, y, (height, width), border)
    values = maps.flatten(0, 1)[number, row, column]
    return list(values.unbind(-1))

"""Heatmaps and tags with the extremes of their blocks, so that most pixels need not be looked at."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

BLOCK = 8  # pixels on a side


@dataclass(frozen=True)
class GroupMaps:
    """N = B K heatmaps and their tags, cut into R x C blocks of BLOCK x BLOCK pixels.

    Attributes:
        heatmaps: (N, h, w), float32, finite; h and w are multiples of BLOCK, padded with -inf.
        tags: T tensors (N, h, w), float32, finite; padded with 0.
        highs: the largest heatmap value of each block, (N, R, C).
        tag_lows, tag_highs: the least and largest tags of each block, T tensors (N, R, C).
        size_hw: of the maps before padding.
        num_keypoints: K; map n belongs to picture n // K and keypoint n % K.
    """

    heatmaps: Tensor
    tags: tuple[Tensor, ...]
    highs: Tensor
    tag_lows: tuple[Tensor, ...]
    tag_highs: tuple[Tensor, ...]
    size_hw: tuple[int, int]
    num_keypoints: int

    @classmethod
    def of(cls, heatmaps: Tensor, tags: Tensor) -> "GroupMaps":
        """From (B, K, h, w) and (B, K, h, w, T) of any floating dtype; both are 0 where either is not finite."""
        maps = heatmaps.detach().to(torch.float32)
        planes = [plane.to(torch.float32) for plane in tags.detach().unbind(-1)]
        made = cls._cut(maps, planes)
        extremes = torch.stack([*made.tag_lows, *made.tag_highs])
        if torch.isfinite(made.highs).all() and torch.isfinite(extremes).all():
            return made
        finite = torch.isfinite(maps)
        for plane in planes:
            finite = finite & torch.isfinite(plane)
        return cls._cut(torch.where(finite, maps, 0.0), [torch.where(finite, plane, 0.0) for plane in planes])

    @classmethod
    def _cut(cls, maps: Tensor, planes: list[Tensor]) -> "GroupMaps":
        flat = _padded(maps, -torch.inf)
        tags = tuple(_padded(plane, 0.0) for plane in planes)
        lows = tuple(_of_blocks(torch.amin, plane) for plane in tags)
        highs = tuple(_of_blocks(torch.amax, plane) for plane in tags)
        return cls(flat, tags, _of_blocks(torch.amax, flat), lows, highs, (maps.shape[2], maps.shape[3]), maps.shape[1])

    def at(self, number: Tensor, x: Tensor, y: Tensor) -> Tensor:
        """Heatmap values of pixels (x, y) of maps `number`, all of one shape; pixels outside are clamped."""
        return self.heatmaps.take(self._index(number, x, y))

    def tags_at(self, number: Tensor, x: Tensor, y: Tensor) -> Tensor:
        """Tags of pixels as for `at`, (..., T)."""
        index = self._index(number, x, y)
        return torch.stack([plane.take(index) for plane in self.tags], dim=-1)

    def blocks(self, plane: Tensor, number: Tensor, row: Tensor, column: Tensor) -> Tensor:
        """The pixels of blocks, (m, BLOCK, BLOCK), of one of the tensors (N, h, w)."""
        _, height, width = plane.shape
        # Whole rows of blocks are copied, many times faster than pixel by pixel.
        lines = (number * height + row * BLOCK)[:, None] + torch.arange(BLOCK, device=plane.device)
        index = lines * (width // BLOCK) + column[:, None]
        return plane.view(-1, BLOCK).index_select(0, index.flatten()).view(-1, BLOCK, BLOCK)

    def _index(self, number: Tensor, x: Tensor, y: Tensor) -> Tensor:
        """Positions of pixels in the tensors (N, h, w)."""
        height, width = self.size_hw
        _, padded_height, padded_width = self.heatmaps.shape
        return (number * padded_height + y.clamp(0, height - 1)) * padded_width + x.clamp(0, width - 1)


def _padded(maps: Tensor, value: float) -> Tensor:
    """(B, K, h, w) to (B K, h', w') with sides that are multiples of BLOCK."""
    flat = maps.flatten(0, 1)
    below, right = -flat.shape[1] % BLOCK, -flat.shape[2] % BLOCK
    return (F.pad(flat, (0, right, 0, below), value=value) if below or right else flat).contiguous()


def _of_blocks(extreme: Callable[..., Tensor], maps: Tensor) -> Tensor:
    """(N, h, w) to (N, R, C): rows first, which runs along memory and leaves an eighth for the columns."""
    rows = extreme(maps.unflatten(1, (-1, BLOCK)), dim=2)
    return extreme(rows.unflatten(-1, (-1, BLOCK)), dim=-1)

"""Candidates for keypoints: the pixels in which a heatmap is highest around."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lib.codecs.group.maps import BLOCK, GroupMaps

# Pixels whose surroundings are looked at together: some tens of MB.
PIXELS_AT_ONCE = 2**17

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Candidates:
    """Candidates of all keypoints of a batch of pictures, sorted by map and then from the highest to the lowest.

    Attributes:
        starts: where each of the N = B K maps begins, (N + 1,).
        x, y: pixels, (n,).
        scores: heatmap values, (n,).
        tags: (n, T).
    """

    starts: IntArray
    x: IntArray
    y: IntArray
    scores: FloatArray
    tags: FloatArray


def find_candidates(maps: GroupMaps, kernel: int, threshold: float, most: int) -> Candidates:
    """The highest local maxima of every map.

    Args:
        maps: the heatmaps and tags.
        kernel: side of the square in which a pixel must be the maximum, odd; pixels that share the maximum all count.
        threshold: value to exceed, 0 or more.
        most: candidates kept of a map, the highest ones.

    Returns:
        The candidates. Published systems compare every pixel with the maximum of its square; here only pixels of blocks
        that reach the threshold are looked at, and all but a few are ruled out within their block.

    Source: HigherHRNet lib/core/group.py, nms and top_k.
    """
    number, x, y, values = _block_maxima(maps, threshold, reach=min(kernel // 2, 1))
    keep = _is_highest_around(maps, number, x, y, values, kernel // 2)
    number, x, y, values = number[keep], x[keep], y[keep], values[keep]
    tags = maps.tags_at(number, x, y)
    whole = torch.stack([number, y, x]).cpu().numpy()
    scores, candidate_tags = values.cpu().numpy(), tags.cpu().numpy()
    # Equal values in reading order, so that the result does not depend on the device.
    order = np.lexsort((whole[2], whole[1], -scores, whole[0]))
    sorted_number = whole[0][order]
    starts = np.searchsorted(sorted_number, np.arange(len(maps.heatmaps) + 1))
    first = np.arange(len(order)) - starts[sorted_number] < most
    order = order[first]
    kept = np.minimum(np.diff(starts), most)
    return Candidates(
        np.concatenate([[0], np.cumsum(kept)]), whole[2][order], whole[1][order], scores[order], candidate_tags[order]
    )


def _block_maxima(maps: GroupMaps, threshold: float, reach: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Map, x, y and value of pixels above the threshold that no neighbour in the same block exceeds."""
    number, row, column = (maps.highs > threshold).nonzero(as_tuple=True)
    pixels = maps.blocks(maps.heatmaps, number, row, column)
    keep = pixels > threshold
    if reach:
        left, right, above, below = pixels[:, :, :-1], pixels[:, :, 1:], pixels[:, :-1], pixels[:, 1:]
        keep[:, :, 1:] &= right >= left
        keep[:, :, :-1] &= left >= right
        keep[:, 1:] &= below >= above
        keep[:, :-1] &= above >= below
    flat = keep.flatten().nonzero()[:, 0]
    block, place = flat // BLOCK**2, flat % BLOCK**2
    x, y = column[block] * BLOCK + place % BLOCK, row[block] * BLOCK + place // BLOCK
    return number[block], x, y, pixels.take(flat)


def _is_highest_around(maps: GroupMaps, number: Tensor, x: Tensor, y: Tensor, values: Tensor, reach: int) -> Tensor:
    """Which pixels no other exceeds within `reach` on either axis, (n,), bool."""
    steps = torch.arange(-reach, reach + 1, device=x.device)
    parts = []
    for some in zip(*(one[:, None, None].split(PIXELS_AT_ONCE) for one in (number, x, y, values)), strict=True):
        # A pixel outside the map is clamped to one that lies within the square as well.
        around = maps.at(some[0], some[1] + steps, some[2] + steps[:, None])
        parts.append((around <= some[3]).flatten(1).all(dim=1))
    return torch.cat(parts)

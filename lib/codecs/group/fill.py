"""Keypoints that a person misses, found by the person's mean tag."""

from dataclasses import dataclass

import torch
from torch import Tensor

from lib.codecs.group.maps import BLOCK, GroupMaps

# Queries, and blocks, looked at together: some tens of MB.
QUERIES_AT_ONCE, BLOCKS_AT_ONCE = 256, 16384


@dataclass(frozen=True)
class Found:
    """The best pixel of each of n queries.

    Attributes:
        x, y: pixels, (n,), int64.
        values: heatmap values there, (n,), float32.
    """

    x: Tensor
    y: Tensor
    values: Tensor


def best_pixels(maps: GroupMaps, number: Tensor, tags: Tensor) -> Found:
    """Where heatmap - round(distance of the tag) is largest, the first such pixel in reading order.

    Args:
        maps: the heatmaps and tags.
        number: the map of each query, (n,), int64.
        tags: the person's mean tag, (n, T), float32.

    The published systems look at every pixel. From the extremes of a block follow an upper and a lower bound of the
    values in it; only blocks whose upper bound reaches the best lower bound of the map are looked at. Roundings are
    monotonic, so the bounds hold to the last bit.

    Source: HigherHRNet lib/core/group.py, refine.
    """
    parts = [
        _best_pixels(maps, *part)
        for part in zip(number.split(QUERIES_AT_ONCE), tags.split(QUERIES_AT_ONCE), strict=True)
    ]
    width = maps.heatmaps.shape[-1]
    index = torch.cat(parts)
    x, y = index % width, index // width
    return Found(x, y, maps.at(number, x, y))


def _best_pixels(maps: GroupMaps, number: Tensor, tags: Tensor) -> Tensor:
    """y w + x on the padded map, (n,)."""
    query, row, column = _promising_blocks(maps, number, tags)
    highest = torch.cat(
        [
            _values(maps, number[some], tags[some], *place).amax(dim=1)
            for some, *place in zip(*(index.split(BLOCKS_AT_ONCE) for index in (query, row, column)), strict=True)
        ]
    )
    best = highest.new_full((len(number),), -torch.inf).scatter_reduce(0, query, highest, "amax")
    has_best = (highest == best[query]).nonzero()[:, 0]
    query, row, column = query[has_best], row[has_best], column[has_best]
    place = _values(maps, number[query], tags[query], row, column).argmax(dim=1)
    width = maps.heatmaps.shape[-1]
    index = (row * BLOCK + place // BLOCK) * width + column * BLOCK + place % BLOCK
    beyond = maps.heatmaps[0].numel()
    return index.new_full((len(number),), beyond).scatter_reduce(0, query, index, "amin")


def _promising_blocks(maps: GroupMaps, number: Tensor, tags: Tensor) -> tuple[Tensor, ...]:
    """Query, row and column of blocks that may hold a query's best pixel."""
    nearest, farthest = [], []
    for low, high, tag in zip(maps.tag_lows, maps.tag_highs, tags.unbind(-1), strict=True):
        above, below = low[number] - tag[:, None, None], tag[:, None, None] - high[number]
        nearest.append(torch.maximum(above, below).clamp_(min=0))
        farthest.append(torch.maximum(above.neg_(), below.neg_()))
    highs = maps.highs[number]
    floor = (highs - _rounded_length(farthest)).amax(dim=(-2, -1))
    ceilings = highs - _rounded_length(nearest)
    return (ceilings >= floor[:, None, None]).nonzero(as_tuple=True)


def _values(maps: GroupMaps, number: Tensor, tags: Tensor, row: Tensor, column: Tensor) -> Tensor:
    """heatmap - round(distance) of the pixels of blocks, (m, BLOCK^2)."""
    differences = [
        maps.blocks(plane, number, row, column).sub_(tag[:, None, None]).abs_()
        for plane, tag in zip(maps.tags, tags.unbind(-1), strict=True)
    ]
    return maps.blocks(maps.heatmaps, number, row, column).sub_(_rounded_length(differences)).flatten(1)


def _rounded_length(differences: list[Tensor]) -> Tensor:
    """round(sqrt(a^2 + b^2 + ...)) of tensors that are 0 or more and may be written to; halves go to even numbers."""
    if len(differences) == 1:
        return differences[0].round_()
    return torch.stack(differences).square_().sum(dim=0).sqrt_().round_()

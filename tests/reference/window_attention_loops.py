"""Attention within windows as its formulas say it: scalar loops in float64, every window and head by itself."""

import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Layer = tuple[Array, Array]


def window_attention(
    x: Array, query: Layer, key: Layer, value: Layer, out: Layer, *, window: int, num_heads: int, table: Array | None
) -> Array:
    """Attend within the windows of one map.

    Args:
        x: the map, (H, W, C).
        query, key, value, out: weight (C, C) and bias (C,) of the four projections.
        window: side of the windows, tokens.
        num_heads: heads, each with C / heads neighbouring channels.
        table: bias of the logits by relative position and head, ((2 * window - 1)², heads); None for none.

    Returns:
        (H, W, C).
    """
    height, width, channels = x.shape
    above, left = ((-length % window) // 2 for length in (height, width))
    result = np.empty_like(x)
    for y in range(height):
        for column in range(width):
            top, start = (y + above) // window * window - above, (column + left) // window * window - left
            places = [(top + dy, start + dx) for dy in range(window) for dx in range(window)]
            inside = [0 <= py < height and 0 <= px < width for py, px in places]
            tokens = [x[place] if ok else np.zeros(channels) for place, ok in zip(places, inside, strict=True)]
            attended = _attend(x[y, column], (y, column), tokens, places, query, key, value, num_heads, window, table)
            result[y, column] = out[0] @ attended + out[1]
    return result


def _attend(
    token: Array,
    place: tuple[int, int],
    tokens: list[Array],
    places: list[tuple[int, int]],
    query: Layer,
    key: Layer,
    value: Layer,
    num_heads: int,
    window: int,
    table: Array | None,
) -> Array:
    """What one token takes from those of its window, heads side by side, (C,)."""
    depth = len(token) // num_heads
    attended = np.zeros(len(token))
    wanted = query[0] @ token + query[1]
    for head in range(num_heads):
        part = slice(head * depth, (head + 1) * depth)
        weights = []
        for other, (other_y, other_x) in zip(tokens, places, strict=True):
            logit = float(wanted[part] @ (key[0] @ other + key[1])[part]) / math.sqrt(depth)
            if table is not None:
                row = (place[0] - other_y + window - 1) * (2 * window - 1) + place[1] - other_x + window - 1
                logit += table[row, head]
            weights.append(math.exp(logit))
        for weight, other in zip(weights, tokens, strict=True):
            attended[part] += weight / sum(weights) * (value[0] @ other + value[1])[part]
    return attended

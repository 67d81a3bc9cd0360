"""OpenCV's Gaussian blur on batches of maps.

A blur of a whole map is a pair of products with banded matrices, which contain the border rule: on two CPU cores
several times faster than a convolution of single-channel maps. Where only a few pixels are needed, only those are
computed.
"""

from functools import lru_cache, partial
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from lib.codecs.tracing import is_traced

# CPUs blur this many values (1 MiB) at a time: what lies between the two products stays in the cache and needs no
# fresh memory, whose first use costs more than the products.
PIECE_VALUES = 2**18
# Pixels that a CPU makes with one product: a 7-pixel blur then takes 22 of 64 pixels into account and not all of them.
BAND = 16
# OpenCV adds pixels that lie symmetrically in pairs, so that equal peaks come out equal; the sums here differ by this
# part of the value.
BLUR_NOISE = 1e-6
# OpenCV takes these for sizes up to 9 when no width is given, instead of the formula.
_SMALL_KERNELS = {
    1: (1.0,),
    3: (0.25, 0.5, 0.25),
    5: (0.0625, 0.25, 0.375, 0.25, 0.0625),
    7: (8 / 256, 28 / 256, 56 / 256, 72 / 256, 56 / 256, 28 / 256, 8 / 256),
    9: (4 / 256, 13 / 256, 30 / 256, 51 / 256, 60 / 256, 51 / 256, 30 / 256, 13 / 256, 4 / 256),
}


def gaussian_kernel(size: int) -> Tensor:
    """The kernel of cv2.GaussianBlur for an odd size and no given width, (size,), float64.

    Its width is 0.3 ((size - 1) / 2 - 1) + 0.8: 2.0 pixels for size 11, 2.9 for 17.
    """
    if size in _SMALL_KERNELS:
        return torch.tensor(_SMALL_KERNELS[size], dtype=torch.float64)
    sigma = 0.3 * ((size - 1) * 0.5 - 1) + 0.8
    steps = torch.arange(size, dtype=torch.float64) - (size - 1) / 2
    kernel = torch.exp(-(steps**2) / (2 * sigma**2))
    return kernel / kernel.sum()


def blur(maps: Tensor, size: int, *, zero_border: bool = False) -> Tensor:
    """Blur every map.

    Args:
        maps: (..., h, w), float32.
        size: of the kernel, odd.
        zero_border: take zeros outside the map; else mirror it about its outermost pixels (OpenCV's default).

    Returns:
        (..., h, w), float32, without gradient. In memory the rows come first, then the maps: reduce rows before
        columns, and index rather than flatten.
    """
    height, width = maps.shape[-2:]
    if is_traced():  # pieces have no place in a graph
        rows, columns = (blur_matrix(length, size, zero_border).to(maps.device) for length in (height, width))
        dtype = _product_dtype(maps.device)
        return _product(rows.to(dtype), maps.detach(), columns.to(dtype))
    flat, on_cpu = maps.detach()[None].flatten(0, -3), maps.device.type == "cpu"
    bands = partial(_bands, size=size, zero_border=zero_border, split=on_cpu, device=maps.device)
    count = len(flat)
    result = flat.new_empty(height, count * width, dtype=_product_dtype(maps.device))
    step = max(1, PIECE_VALUES // (height * width)) if on_cpu else max(1, count)
    with torch.autocast(maps.device.type, enabled=False):
        for first in range(0, count, step):
            part = flat[first : first + step].to(result.dtype)
            target = result[:, first * width : (first + len(part)) * width]
            _blur_piece(part, bands(width), bands(height), target)
    blurred = result.view(height, count, width).transpose(0, 1)
    return blurred.to(torch.float32).reshape(maps.shape)


def _blur_piece(maps: Tensor, columns: "list[_Band]", rows: "list[_Band]", target: Tensor) -> None:
    """Blur maps (N, h, w) into `target` (h, N w)."""
    count, height, width = maps.shape
    lines = maps.reshape(-1, width)
    across = torch.empty_like(lines)
    for band in columns:
        torch.mm(lines[:, band.source], band.weights.T, out=across[:, band.target])
    # Rows of all maps side by side: one large product per band instead of one small product per map.
    stacked = across.view(count, height, width).transpose(0, 1).reshape(height, -1)
    for band in rows:
        torch.mm(band.weights, stacked[band.source], out=target[band.target])


def blur_around(
    maps: Tensor, number: Tensor, x: Tensor, y: Tensor, size: int, reach: int = 0, *, zero_border: bool = False
) -> Tensor:
    """The values of the blurred maps in small squares alone.

    Args:
        maps: (M, C, h, w), float32.
        number: which of the M each square lies on, (N,).
        x, y: the middle of each square, (N,), on the map.
        size: of the kernel, odd.
        reach: pixels on each side of the middle.
        zero_border: as for `blur`.

    Returns:
        (N, C, 2 reach + 1, 2 reach + 1), float32.
    """
    channels, height, width = maps.shape[1:]
    steps = torch.arange(-(reach + size // 2), reach + size // 2 + 1, device=maps.device)
    rows, columns = y[:, None] + steps, x[:, None] + steps
    if zero_border:
        on_map = ((rows >= 0) & (rows < height))[:, :, None] & ((columns >= 0) & (columns < width))[:, None, :]
        rows, columns = rows.clamp(0, height - 1), columns.clamp(0, width - 1)
    else:
        rows, columns = mirror_index(rows, height), mirror_index(columns, width)
    pixels = rows[:, :, None] * width + columns[:, None, :]
    channel = number[:, None] * channels + torch.arange(channels, device=maps.device)
    patches = maps.reshape(-1)[channel[:, :, None, None] * (height * width) + pixels[:, None]]
    if zero_border:
        patches = torch.where(on_map[:, None], patches, 0.0)
    kernel = gaussian_kernel(size).to(device=maps.device, dtype=_product_dtype(maps.device))
    sliding = torch.stack([F.pad(kernel, (step, 2 * reach - step)) for step in range(2 * reach + 1)])
    return _product(sliding, patches, sliding)


def mirror_index(index: Tensor, length: int) -> Tensor:
    """Indices outside 0 .. length - 1, mirrored about the first and last one (OpenCV's BORDER_REFLECT_101)."""
    if length == 1:
        return torch.zeros_like(index)
    period = 2 * (length - 1)
    folded = index % period
    return torch.minimum(folded, period - folded)


def _product_dtype(device: torch.device) -> torch.dtype:
    # TF32 and autocast would round products to ten bits on GPUs; float64 is left alone by both.
    return torch.float32 if device.type in ("cpu", "mps") else torch.float64


def _product(left: Tensor, maps: Tensor, right: Tensor) -> Tensor:
    """left @ maps @ right^T, float32."""
    with torch.autocast(maps.device.type, enabled=False):
        return (left @ (maps.to(left.dtype) @ right.T)).to(torch.float32)


class _Band(NamedTuple):
    """A part of the blur of one axis: `weights` make the pixels `target` out of the pixels `source`."""

    weights: Tensor
    source: slice
    target: slice


@lru_cache(maxsize=64)
def _bands(length: int, size: int, zero_border: bool, split: bool, device: torch.device) -> list[_Band]:
    """The blur of one axis in parts of BAND pixels, or in one where it is not split."""
    matrix = blur_matrix(length, size, zero_border).to(device=device, dtype=_product_dtype(device))
    step, reach = BAND if split else length, size // 2
    bands = []
    for first in range(0, length, step):
        last = min(first + step, length)
        # Mirrored pixels lie within reach as well.
        source = slice(max(0, first - reach), min(length, last + reach))
        bands.append(_Band(matrix[first:last, source].contiguous(), source, slice(first, last)))
    return bands


@lru_cache(maxsize=64)
def blur_matrix(length: int, size: int, zero_border: bool = False) -> Tensor:
    """The blur of one axis as a matrix, (length, length), float64, not to be written to; arguments as for `blur`."""
    source = torch.arange(length)[:, None] + torch.arange(size) - size // 2
    weights = gaussian_kernel(size).expand(length, size)
    if zero_border:
        weights = weights * ((source >= 0) & (source < length))
        source = source.clamp(0, length - 1)
    else:
        source = mirror_index(source, length)
    return torch.zeros(length, length, dtype=torch.float64).scatter_add(1, source, weights)

"""OpenCV's Gaussian blur on batches of maps.

A blur of a whole map is two products with banded matrices, which contain the border rule: on two CPU cores several
times faster than a convolution of single-channel maps. Where only a few pixels are needed, only those are computed.
"""

from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

# CPUs blur this many values (1 MiB) at a time: what lies between the two products stays in the cache and needs no
# fresh memory, whose first use costs more than the products.
PIECE_VALUES = 2**18
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
        (..., h, w), float32, without gradient.
    """
    height, width = maps.shape[-2:]
    dtype = _product_dtype(maps.device)
    rows = _blur_matrix(height, size, zero_border, dtype, maps.device)
    columns = _blur_matrix(width, size, zero_border, dtype, maps.device)
    flat = maps.detach().flatten(0, -3)
    if maps.device.type != "cpu":
        return _product(rows, flat, columns).view(maps.shape)
    result = torch.empty_like(flat, dtype=dtype, memory_format=torch.contiguous_format)
    step = max(1, PIECE_VALUES // (height * width))
    for source, target in zip(flat.split(step), result.split(step), strict=True):
        target.copy_(_product(rows, source, columns))
    return result.view(maps.shape)


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


@lru_cache(maxsize=32)
def _blur_matrix(length: int, size: int, zero_border: bool, dtype: torch.dtype, device: torch.device) -> Tensor:
    """The blur of one axis as a matrix, (length, length)."""
    source = torch.arange(length)[:, None] + torch.arange(size) - size // 2
    weights = gaussian_kernel(size).expand(length, size)
    if zero_border:
        weights = weights * ((source >= 0) & (source < length))
        source = source.clamp(0, length - 1)
    else:
        source = mirror_index(source, length)
    matrix = torch.zeros(length, length, dtype=torch.float64).scatter_add(1, source, weights)
    return matrix.to(device=device, dtype=dtype)

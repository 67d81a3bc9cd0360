"""Cut the network's inputs out of stored pixels."""

import math
from collections.abc import Callable

import cv2
import numpy as np

from lib.dataset.pixels import StoredPixels

# a, b, x, c, d, y of the map (u, v) -> (a u + b v + x, c u + d v + y). For a few numbers at a time Python is faster
# than NumPy.
Affine = tuple[float, float, float, float, float, float]


class Cropper:
    """Warps pixels bilinearly into crops; what lies outside of them becomes 0.

    Only the rectangle that a crop can see is touched, and it is given a fourth channel on the way: OpenCV interpolates
    four channels about twice as fast as three.

    Args:
        input_size_wh: width and height of the crops.
        color_rgb: channels of the crops in the order RGB, else BGR.

    OpenCV 4 rounds the sampled positions to 1/32 pixel, OpenCV 5 does not; the crops differ by a few grey levels.
    """

    def __init__(self, input_size_wh: tuple[int, int], *, color_rgb: bool) -> None:
        self.size_wh = input_size_wh
        self._order = cv2.COLOR_BGRA2RGB if color_rgb else cv2.COLOR_BGRA2BGR

    def crops(self, matrices: np.ndarray, pixels: Callable[[int], StoredPixels]) -> np.ndarray:
        """The crops of a batch.

        Args:
            matrices: affine maps from image_ to input_ points, (B, 2, 3) float64.
            pixels: the stored pixels of each crop, by its position in the batch.

        Returns:
            (B, height, width, 3) uint8.
        """
        width, height = self.size_wh
        crops = np.empty((len(matrices), height, width, 3), np.uint8)
        # Of this call alone: several threads may cut at the same time.
        scratch = np.empty((height, width, 4), np.uint8)
        for position, (crop, matrix) in enumerate(zip(crops, matrices, strict=True)):
            stored = pixels(position)
            self._cut(stored.array, compose(_numbers(matrix), invert(_numbers(stored.to_stored))), crop, scratch)
        return crops

    def _cut(self, pixels: np.ndarray, from_pixels: Affine, crop: np.ndarray, scratch: np.ndarray) -> None:
        """Fill `crop` from the pixels; the map goes from their points to input_ points."""
        left, top, right, bottom = self._seen(pixels, from_pixels)
        if left >= right or top >= bottom:
            crop[...] = 0
            return
        seen = cv2.cvtColor(pixels[top:bottom, left:right], cv2.COLOR_BGR2BGRA)
        a, b, x, c, d, y = from_pixels
        shifted = np.array([[a, b, x + a * left + b * top], [c, d, y + c * left + d * top]])
        cv2.warpAffine(seen, shifted, self.size_wh, dst=scratch, flags=cv2.INTER_LINEAR)
        cv2.cvtColor(scratch, self._order, dst=crop)

    def _seen(self, pixels: np.ndarray, from_pixels: Affine) -> tuple[int, int, int, int]:
        """Left, top, right and bottom of the pixels that a crop shows, with those that it interpolates with."""
        a, b, x, c, d, y = invert(from_pixels)
        last_column, last_row = self.size_wh[0] - 1, self.size_wh[1] - 1
        left, right = _extent(x, a * last_column, b * last_row, pixels.shape[1])
        top, bottom = _extent(y, c * last_column, d * last_row, pixels.shape[0])
        return left, top, right, bottom


def _extent(start: float, along_row: float, along_column: float, length: int) -> tuple[int, int]:
    """First pixel and end of the pixels below a parallelogram on one axis, with one more on each side."""
    low = start + min(along_row, 0.0) + min(along_column, 0.0)
    high = start + max(along_row, 0.0) + max(along_column, 0.0)
    return min(max(math.floor(low) - 1, 0), length), min(max(math.ceil(high) + 2, 0), length)


def _numbers(matrix: np.ndarray) -> Affine:
    (a, b, x), (c, d, y) = matrix.tolist()
    return a, b, x, c, d, y


def compose(outer: Affine, inner: Affine) -> Affine:
    """The map that first applies `inner`."""
    a, b, x, c, d, y = outer
    e, f, u, g, h, v = inner
    return a * e + b * g, a * f + b * h, a * u + b * v + x, c * e + d * g, c * f + d * h, c * u + d * v + y


def invert(matrix: Affine) -> Affine:
    """The inverse map."""
    a, b, x, c, d, y = matrix
    factor = 1.0 / (a * d - b * c)
    e, f, g, h = d * factor, -b * factor, -c * factor, a * factor
    return e, f, -(e * x + f * y), g, h, -(g * x + h * y)


def mirror_maps(matrices: np.ndarray, flip: np.ndarray, widths: np.ndarray) -> np.ndarray:
    """Let maps that are meant for mirrored images read the images as they are.

    Args:
        matrices: from points of the mirrored image, (B, 2, 3).
        flip: which images are mirrored, (B,) bool.
        widths: of the images, pixels, (B,).

    Returns:
        (B, 2, 3), from points of the image, whose x is width - 1 minus that of the mirrored one.
    """
    mirrored = matrices.copy()
    mirrored[..., 0] *= -1
    mirrored[..., 2] += matrices[..., 0] * (widths[:, None] - 1)
    return np.where(flip[:, None, None], mirrored, matrices)

"""Cut the network's inputs out of stored pixels."""

from collections.abc import Callable

import cv2
import numpy as np

from lib.dataset.pixels import StoredPixels


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
        width, height = input_size_wh
        self._corners = np.array([[0, 0, 1], [width - 1, 0, 1], [0, height - 1, 1], [width - 1, height - 1, 1]], float)
        self._scratch = np.empty((height, width, 4), np.uint8)

    def crops(self, matrices: np.ndarray, pixels: Callable[[int], StoredPixels]) -> np.ndarray:
        """The crops of a batch.

        Args:
            matrices: affine maps from image_ to input_ points, (B, 2, 3) float64.
            pixels: the stored pixels of each crop, by its position in the batch.

        Returns:
            (B, height, width, 3) uint8.
        """
        crops = np.empty((len(matrices), *self._scratch.shape[:2], 3), np.uint8)
        for position, (crop, matrix) in enumerate(zip(crops, matrices, strict=True)):
            stored = pixels(position)
            self._cut(stored.array, compose(matrix, invert(stored.to_stored)), crop)
        return crops

    def _cut(self, pixels: np.ndarray, matrix: np.ndarray, crop: np.ndarray) -> None:
        """Fill `crop` from the pixels; `matrix` maps their points to input_ points."""
        left, top, right, bottom = self._seen(pixels, matrix)
        if left >= right or top >= bottom:
            crop[...] = 0
            return
        seen = cv2.cvtColor(pixels[top:bottom, left:right], cv2.COLOR_BGR2BGRA)
        shifted = matrix.copy()
        shifted[:, 2] += matrix[:, :2] @ (left, top)
        cv2.warpAffine(seen, shifted, self.size_wh, dst=self._scratch, flags=cv2.INTER_LINEAR)
        cv2.cvtColor(self._scratch, self._order, dst=crop)

    def _seen(self, pixels: np.ndarray, matrix: np.ndarray) -> tuple[int, int, int, int]:
        """Left, top, right and bottom of the pixels that a crop shows, with those that it interpolates with."""
        corners = self._corners @ invert(matrix).T
        low, high = np.floor(corners.min(axis=0)) - 1, np.ceil(corners.max(axis=0)) + 2
        height, width = pixels.shape[:2]
        left, top = (int(min(max(value, 0), limit)) for value, limit in zip(low, (width, height), strict=True))
        right, bottom = (int(min(max(value, 0), limit)) for value, limit in zip(high, (width, height), strict=True))
        return left, top, right, bottom


def compose(outer: np.ndarray, inner: np.ndarray) -> np.ndarray:
    """The affine map that first applies `inner`, (..., 2, 3)."""
    linear = outer[..., :2] @ inner[..., :2]
    shift = (outer[..., :2] @ inner[..., 2:]) + outer[..., 2:]
    return np.concatenate([linear, shift], axis=-1)


def invert(matrix: np.ndarray) -> np.ndarray:
    """The inverse of an affine map, (2, 3) float64."""
    (a, b, x), (c, d, y) = matrix.tolist()
    factor = 1.0 / (a * d - b * c)
    e, f, g, h = d * factor, -b * factor, -c * factor, a * factor
    return np.array([[e, f, -(e * x + f * y)], [g, h, -(g * x + h * y)]])


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

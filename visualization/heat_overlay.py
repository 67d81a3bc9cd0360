"""Score maps over the picture that their people are cut from."""

from functools import cache

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from visualization.drawing import HEATMAP_COLORS

MOST_OPAQUE = 0.8
ZOOM = 4
Rectangle = tuple[int, int, int, int]


def overlay_heatmaps(image: np.ndarray, maps: ArrayLike, matrices: ArrayLike) -> np.ndarray:
    """Colour a picture where scores are high.

    Args:
        image: (H, W, 3) uint8 RGB; not modified.
        maps: a score map per person, for example the maximum over the keypoints, (P, h, w); 0..1, other values are
            clipped and NaN counts as 0.
        matrices: heatmap_ -> image_ for columns (x, y, 1), (P, 2, 3); people with NaN in theirs are left out.

    Returns:
        a new picture; where maps overlap, the highest score counts, and the higher it is, the more opaque its colour.
    """
    canvas = np.array(image, order="C")
    levels = (np.nan_to_num(np.asarray(maps)).clip(0.0, 1.0) * 255).astype(np.uint8)
    warps = np.asarray(matrices, dtype=np.float64).reshape(-1, 2, 3)
    heat = np.zeros(canvas.shape[:2], dtype=np.uint8)
    for level, warp in zip(levels, warps, strict=True):
        left, top, right, bottom = _reach(level.shape, warp, canvas.shape)
        if left >= right or top >= bottom:
            continue
        part = heat[top:bottom, left:right]
        np.maximum(part, _warped(level, warp - [[0.0, 0.0, left], [0.0, 0.0, top]], part.shape), out=part)
    x, y, width, height = cv2.boundingRect((heat > 0).astype(np.uint8))
    if width and height:
        rows, columns = slice(y, y + height), slice(x, x + width)
        canvas[rows, columns] = _blend(canvas[rows, columns], heat[rows, columns])
    return canvas


def _reach(map_shape: tuple[int, ...], warp: NDArray[np.float64], image_shape: tuple[int, ...]) -> Rectangle:
    """The part of the picture that a map covers: left, top, right, bottom; empty where it lies outside."""
    if not np.isfinite(warp).all():
        return (0, 0, 0, 0)
    height, width = map_shape
    corners = np.array([(x, y, 1.0) for x in (-1.0, width) for y in (-1.0, height)]) @ warp.T
    limits = (image_shape[1], image_shape[0])
    left, top = np.floor(corners.min(axis=0)).clip(0, limits).astype(int).tolist()
    right, bottom = (np.ceil(corners.max(axis=0)) + 1).clip(0, limits).astype(int).tolist()
    return (left, top, right, bottom)


def _warped(level: NDArray[np.uint8], warp: NDArray[np.float64], shape_hw: tuple[int, ...]) -> np.ndarray:
    """One map in its part of the picture; smooth by an enlarged map, since a cubic warp takes five times as long."""
    large = cv2.resize(level, None, fx=ZOOM, fy=ZOOM, interpolation=cv2.INTER_CUBIC)
    shrink = np.diag([1 / ZOOM, 1 / ZOOM, 1.0])
    shrink[:2, 2] = (1 - ZOOM) / (2 * ZOOM)
    return cv2.warpAffine(large, warp @ shrink, shape_hw[::-1], flags=cv2.INTER_LINEAR)


def _blend(picture: np.ndarray, heat: NDArray[np.uint8]) -> np.ndarray:
    """Colours of the levels over the picture, in whole numbers: this is done for every frame of a video."""
    *colors, kept = (cv2.LUT(heat, table) for table in _tables())
    return cv2.add(cv2.multiply(picture, cv2.merge([kept] * 3), scale=1 / 255), cv2.merge(colors))


@cache
def _tables() -> NDArray[np.uint8]:
    """For the levels 0..255: red, green and blue times their opacity, and what is kept of the picture, (4, 256)."""
    levels = np.arange(256, dtype=np.uint8)
    opacity = MOST_OPAQUE * np.sqrt(levels / 255.0)
    colors = cv2.cvtColor(cv2.applyColorMap(levels[None], HEATMAP_COLORS), cv2.COLOR_BGR2RGB)[0].T
    return np.stack([*(colors * opacity), 255 * (1.0 - opacity)]).astype(np.uint8)

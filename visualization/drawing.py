"""Poses, boxes and heatmaps on pictures: (H, W, 3) uint8 RGB in, a new array out."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import ArrayLike

from lib.skeletons import Skeleton
from visualization.raster import draw_shapes, side_by_side
from visualization.shapes import BOX_COLOR, Shape, box_shapes, pose_shapes
from visualization.styles import Color, make_style

__all__ = ["draw_boxes", "draw_pose", "draw_poses", "heatmap_grid", "pose_grid", "side_by_side"]

HEATMAP_COLORS = cv2.COLORMAP_TURBO
DIMMED = 0.55
TILE_GAP = 2


def draw_pose(
    image: np.ndarray,
    keypoints: ArrayLike,
    skeleton: Skeleton,
    *,
    style: str = "chunhua",
    threshold: float = 0.2,
    radius: float | None = None,
    line_width: float | None = None,
) -> np.ndarray:
    """Draw one person.

    Args:
        image: (H, W, 3) uint8 RGB; not modified.
        keypoints: image_ (x, y, score), (K, 3).
        skeleton: the keypoint set.
        style: a name of visualization.styles.STYLE_NAMES.
        threshold: keypoints with a score above it are drawn.
        radius: of keypoints, pixels; by the size of the person when None.
        line_width: of limbs, pixels; by the size of the person when None.
    """
    people = np.asarray(keypoints, dtype=np.float64)[None]
    return draw_poses(image, people, skeleton, style=style, threshold=threshold, radius=radius, line_width=line_width)


def draw_poses(
    image: np.ndarray,
    keypoints: ArrayLike,
    skeleton: Skeleton,
    *,
    style: str = "chunhua",
    threshold: float = 0.2,
    radius: float | None = None,
    line_width: float | None = None,
) -> np.ndarray:
    """Draw people, (P, K, 3); arguments as in `draw_pose`."""
    shapes: list[Shape] = []
    for person, rows in enumerate(np.asarray(keypoints, dtype=np.float64)):
        colors = make_style(style, skeleton, person)
        shapes += pose_shapes(rows, colors, threshold=threshold, radius=radius, line_width=line_width)
    return draw_shapes(image, shapes)


def draw_boxes(
    image: np.ndarray, boxes_xywh: ArrayLike, *, line_width: float | None = None, color: Color = BOX_COLOR
) -> np.ndarray:
    """Draw boxes (N, 4): x, y, width, height in image_ pixels; the input is not modified."""
    rows = np.asarray(boxes_xywh, dtype=np.float64).reshape(-1, 4)
    return draw_shapes(image, [shape for row in rows for shape in box_shapes(row, line_width=line_width, color=color)])


def pose_grid(
    images: np.ndarray, keypoints: ArrayLike, skeleton: Skeleton, *, style: str = "sides", columns: int = 8
) -> np.ndarray:
    """A batch of crops with their poses in a grid (DEBUG.SAVE_BATCH_IMAGES_*).

    Args:
        images: (B, H, W, 3) uint8 RGB.
        keypoints: input_ (x, y, visibility or score), (B, K, 3); drawn where the third number is above 0.
        skeleton: the keypoint set.
        style: a name of visualization.styles.STYLE_NAMES.
        columns: crops per row.

    Returns:
        (rows · H, columns · W, 3) uint8 RGB with thin gaps.
    """
    rows = np.asarray(keypoints, dtype=np.float64)
    tiles = [
        draw_pose(image, row, skeleton, style=style, threshold=0.0) for image, row in zip(images, rows, strict=True)
    ]
    return _grid([tiles[start : start + columns] for start in range(0, len(tiles), columns)])


def heatmap_grid(images: np.ndarray, heatmaps: ArrayLike, *, zoom: int = 2) -> np.ndarray:
    """Score maps over their crops (DEBUG.SAVE_HEATMAPS_*): one row per sample, the crop, then a tile per keypoint.

    Args:
        images: crops, (B, H, W, 3) or one (H, W, 3), uint8 RGB.
        heatmaps: score maps, (B, K, h, w) or (K, h, w); negative values and NaN show as 0, and maps are scaled by
            the largest value of its sample, at least 1e-6.
        zoom: size of a tile relative to a map.

    Returns:
        (B · zoom · h, (K + 1) · zoom · w, 3) uint8 RGB with thin gaps; a ring marks each arg-max.
    """
    maps = np.nan_to_num(np.asarray(heatmaps, dtype=np.float32))
    maps = maps[None] if maps.ndim == 3 else maps
    crops = images[None] if images.ndim == 3 else images
    size_wh = (maps.shape[3] * zoom, maps.shape[2] * zoom)
    rows = []
    for crop, scores in zip(crops, maps, strict=True):
        tile = cv2.resize(crop, size_wh, interpolation=cv2.INTER_AREA)
        peak = max(float(scores.max()), 1e-6)
        rows.append([tile, *(_heat_tile(tile, score / peak, zoom) for score in scores)])
    return _grid(rows)


def _heat_tile(tile: np.ndarray, score: np.ndarray, zoom: int) -> np.ndarray:
    """One score map, at most 1, over a dimmed crop: the higher the score, the more opaque its colour."""
    values = np.clip(score, 0.0, 1.0)
    large = np.clip(cv2.resize(values, (tile.shape[1], tile.shape[0]), interpolation=cv2.INTER_LINEAR), 0.0, 1.0)
    colors = cv2.cvtColor(cv2.applyColorMap((large * 255).astype(np.uint8), HEATMAP_COLORS), cv2.COLOR_BGR2RGB)
    opacity = np.sqrt(large)[..., None] * 0.85
    mixed = (tile * DIMMED * (1 - opacity) + colors * opacity).astype(np.uint8)
    y, x = np.unravel_index(int(values.argmax()), values.shape)
    center = (round((x + 0.5) * zoom - 0.5), round((y + 0.5) * zoom - 0.5))
    cv2.circle(mixed, center, 2 * zoom, (255, 255, 255), 1, cv2.LINE_AA)
    return mixed


def _grid(rows: Sequence[Sequence[np.ndarray]]) -> np.ndarray:
    """Tiles of one size in rows; missing tiles at the end of the last row stay dark."""
    lines = [side_by_side(row, gap=TILE_GAP) for row in rows]
    width = max(line.shape[1] for line in lines)
    parts = []
    for line in lines:
        parts.append(np.pad(line, ((0, TILE_GAP), (0, width - line.shape[1]), (0, 0))))
    return np.concatenate(parts)[:-TILE_GAP]

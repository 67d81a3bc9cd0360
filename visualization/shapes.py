"""Poses and boxes as lines, discs and rectangles, before any program draws them.

Pictures (raster.py) and PDF files (vector.py) are made from the same shapes. All coordinates are image_ pixels with
pixel centres at integers.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from visualization.styles import FACE_SIZE, Color, Style

Point = tuple[float, float]

OUTLINE: Color = (20, 20, 20)
BOX_COLOR: Color = (255, 255, 255)
# A person of this many pixels is drawn with lines of one unit; smaller and larger ones within the limits of UNIT_RANGE.
PERSON_PIXELS_PER_UNIT = 90.0
UNIT_RANGE = (1.0, 5.0)
LINE_UNITS, RADIUS_UNITS, OUTLINE_UNITS = 1.9, 1.75, 0.45


@dataclass(frozen=True)
class Segment:
    """A straight line with round ends."""

    start: Point
    end: Point
    width: float
    color: Color


@dataclass(frozen=True)
class Disc:
    """A filled circle."""

    center: Point
    radius: float
    color: Color


@dataclass(frozen=True)
class Rectangle:
    """The outline of a box (x, y, width, height)."""

    box: tuple[float, float, float, float]
    width: float
    color: Color


Shape = Segment | Disc | Rectangle


def pose_shapes(
    keypoints: ArrayLike,
    style: Style,
    *,
    threshold: float = 0.2,
    radius: float | None = None,
    line_width: float | None = None,
    subset: NDArray[np.bool_] | None = None,
) -> list[Shape]:
    """The shapes of one person, to be drawn in their order.

    Args:
        keypoints: image_ (x, y, score), (K, 3).
        style: colours.
        threshold: a keypoint is drawn when its score is above it, and a limb when both its ends are.
        radius: of the keypoints in pixels; by the size of the person when None.
        line_width: of the limbs in pixels; by the size of the person when None.
        subset: the keypoints that may be drawn, (K,); all when None. The others still count in the person's size.

    Returns:
        dark outlines, limbs, then keypoints; nothing when no keypoint is above the threshold.
    """
    rows = np.asarray(keypoints, dtype=np.float64)
    shown = (rows[:, 2] > threshold) & np.isfinite(rows[:, :2]).all(axis=1)
    if not shown.any():
        return []
    unit = drawing_unit(rows[shown, :2])
    if subset is not None:
        shown &= subset
    width = LINE_UNITS * unit if line_width is None else line_width
    size = RADIUS_UNITS * unit if radius is None else radius
    # Outlines of what is drawn finer than a face would hide it.
    edges = [OUTLINE_UNITS * unit * min(1.0, own / FACE_SIZE) for own in style.point_sizes]
    points = [(float(x), float(y)) for x, y in rows[:, :2]]
    limbs = [
        Segment(points[a], points[b], width * max(style.point_sizes[a], style.point_sizes[b]), color)
        for (a, b), color in zip(style.limbs, style.limb_colors, strict=True)
        if shown[a] and shown[b]
    ]
    limb_edges = [max(edges[a], edges[b]) for a, b in style.limbs if shown[a] and shown[b]]
    outlines = [
        Segment(limb.start, limb.end, limb.width + 2 * edge, OUTLINE)
        for limb, edge in zip(limbs, limb_edges, strict=True)
    ]
    shapes: list[Shape] = [*outlines, *limbs]
    for index in np.flatnonzero(shown):
        own_radius = size * style.point_sizes[index]
        shapes.append(Disc(points[index], own_radius + edges[index], OUTLINE))
        shapes.append(Disc(points[index], own_radius, style.point_colors[index]))
    return shapes


def box_shapes(box_xywh: ArrayLike, *, line_width: float | None = None, color: Color = BOX_COLOR) -> list[Shape]:
    """A box with a dark outline.

    Args:
        box_xywh: image_ x, y, width, height.
        line_width: pixels; by the size of the box when None.
        color: RGB.
    """
    x, y, width, height = (float(value) for value in np.asarray(box_xywh, dtype=np.float64))
    if not np.isfinite([x, y, width, height]).all():
        return []
    unit = drawing_unit(np.array([[x, y], [x + width, y + height]]))
    line = 0.7 * unit if line_width is None else line_width
    return [
        Rectangle((x, y, width, height), line + 2 * OUTLINE_UNITS * unit, OUTLINE),
        Rectangle((x, y, width, height), line, color),
    ]


def drawing_unit(points: np.ndarray) -> float:
    """Line width in pixels that suits a person who spans `points`, (N, 2)."""
    extent = float(np.ptp(points, axis=0).max())
    return float(np.clip(extent / PERSON_PIXELS_PER_UNIT, *UNIT_RANGE))

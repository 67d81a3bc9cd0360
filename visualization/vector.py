"""Shapes over pictures as PDF files, where lines stay sharp at any size."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Circle
from matplotlib.patches import Rectangle as RectanglePatch

from lib.utils.files import atomic_path
from visualization.shapes import Disc, Segment, Shape
from visualization.styles import Color

PIXELS_PER_INCH = 100.0
POINTS_PER_PIXEL = 72.0 / PIXELS_PER_INCH
CAPTION_INCHES, GAP_INCHES = 0.3, 0.06


@dataclass(frozen=True)
class Panel:
    """A picture (H, W, 3) uint8 RGB, what is drawn on it, and its caption (may be empty)."""

    image: np.ndarray
    shapes: Sequence[Shape]
    caption: str = ""


def save_pdf(path: str | os.PathLike[str], panels: Sequence[Panel]) -> None:
    """Write panels in a row to a PDF file, atomically, one picture pixel being 1/100 inch.

    Raises:
        PoseError: the folder cannot be written to.
    """
    caption = CAPTION_INCHES if any(panel.caption for panel in panels) else 0.0
    widths = [panel.image.shape[1] / PIXELS_PER_INCH for panel in panels]
    heights = [panel.image.shape[0] / PIXELS_PER_INCH for panel in panels]
    total_wh = sum(widths) + GAP_INCHES * (len(panels) - 1), max(heights) + caption
    figure = Figure(figsize=total_wh)
    left = 0.0
    for panel, width, height in zip(panels, widths, heights, strict=True):
        bottom = total_wh[1] - caption - height
        frame = (left / total_wh[0], bottom / total_wh[1], width / total_wh[0], height / total_wh[1])
        _draw(figure.add_axes(frame), panel)
        left += width + GAP_INCHES
    with atomic_path(path) as temporary:
        FigureCanvasPdf(figure).print_pdf(temporary)


def _draw(axes: Axes, panel: Panel) -> None:
    axes.imshow(panel.image, interpolation="none")
    axes.set_axis_off()
    axes.set_autoscale_on(False)
    if panel.caption:
        axes.set_title(panel.caption, loc="left", fontsize=9, pad=4)
    for order, shape in enumerate(panel.shapes, start=1):
        axes.add_artist(_artist(shape, order))


def _artist(shape: Shape, order: int) -> Line2D | Circle | RectanglePatch:
    if isinstance(shape, Segment):
        (x0, y0), (x1, y1) = shape.start, shape.end
        width = shape.width * POINTS_PER_PIXEL
        return Line2D(
            [x0, x1], [y0, y1], linewidth=width, color=_unit(shape.color), solid_capstyle="round", zorder=order
        )
    if isinstance(shape, Disc):
        return Circle(shape.center, shape.radius, facecolor=_unit(shape.color), edgecolor="none", zorder=order)
    x, y, width, height = shape.box
    line = shape.width * POINTS_PER_PIXEL
    return RectanglePatch((x, y), width, height, fill=False, linewidth=line, edgecolor=_unit(shape.color), zorder=order)


def _unit(color: Color) -> tuple[float, float, float]:
    return color[0] / 255, color[1] / 255, color[2] / 255

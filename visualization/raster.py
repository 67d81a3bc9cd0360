"""Shapes and captions on pictures: (H, W, 3) uint8 RGB arrays in, new arrays out."""

import os
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path

import cv2
import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from lib.utils.errors import PoseError
from lib.utils.files import atomic_path
from visualization.shapes import Disc, Rectangle, Segment, Shape
from visualization.styles import Color

# OpenCV takes fixed-point coordinates with this many fractional bits, which keeps sub-pixel positions.
FRACTION_BITS = 4
# How far OpenCV's antialiased polygons reach beyond their corners: with it taken off, discs of radius 1 to 5 px cover
# their true area within 4 %.
BLEED = 0.7
CIRCLE_ANGLES = np.linspace(0.0, 2.0 * np.pi, 32, endpoint=False)
CIRCLE = np.stack([np.cos(CIRCLE_ANGLES), np.sin(CIRCLE_ANGLES)], axis=1)
CAPTION_COLOR, CAPTION_BACKGROUND = (235, 235, 235), (24, 24, 24)
JPEG_QUALITY = 95


def draw_shapes(image: np.ndarray, shapes: Iterable[Shape]) -> np.ndarray:
    """Draw shapes in their order, antialiased; the input is not modified."""
    canvas = np.ascontiguousarray(image).copy()
    for shape in shapes:
        if isinstance(shape, Segment):
            _line(canvas, shape)
        elif isinstance(shape, Disc):
            _disc(canvas, np.array(shape.center), shape.radius, shape.color)
        else:
            _rectangle(canvas, shape)
    return canvas


def side_by_side(images: Sequence[np.ndarray], captions: Sequence[str] = (), gap: int = 6) -> np.ndarray:
    """Pictures in a row, as tall as the tallest, each under its caption if there is one.

    Args:
        images: (H_i, W_i, 3) uint8 RGB each.
        captions: none, or one per picture.
        gap: pixels between pictures.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    tiles = [captioned(image, text) for image, text in zip(images, captions, strict=True)] if captions else list(images)
    height = max(tile.shape[0] for tile in tiles)
    width = sum(tile.shape[1] for tile in tiles) + gap * (len(tiles) - 1)
    row = np.full((height, width, 3), CAPTION_BACKGROUND, dtype=np.uint8)
    left = 0
    for tile in tiles:
        row[: tile.shape[0], left : left + tile.shape[1]] = tile
        left += tile.shape[1] + gap
    return row


def captioned(image: np.ndarray, text: str) -> np.ndarray:
    """The picture under a dark bar with a line of text; text too long for the bar is cut at its end."""
    size = int(np.clip(image.shape[1] / 32, 11, 22))
    bar = Image.new("RGB", (image.shape[1], round(size * 1.9)), CAPTION_BACKGROUND)
    middle = (round(size * 0.6), bar.height // 2)
    ImageDraw.Draw(bar).text(middle, text, fill=CAPTION_COLOR, font=_font(size), anchor="lm")
    return np.concatenate([np.asarray(bar), image])


def save_image(path: str | os.PathLike[str], image: np.ndarray) -> None:
    """Write a picture, atomically; the suffix decides the format (.png, .jpg, ...).

    Args:
        path: the file; its folder is made.
        image: (H, W, 3) uint8 RGB.

    Raises:
        PoseError: the folder cannot be written to, or the suffix is not a picture format.
    """
    suffix = Path(path).suffix
    if not cv2.haveImageWriter(f"picture{suffix}"):
        raise PoseError(f"{path} has no suffix of a picture format that can be written; use .png or .jpg.")
    options = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY] if suffix.lower() in (".jpg", ".jpeg") else []
    with atomic_path(path) as temporary:
        _, content = cv2.imencode(suffix, cv2.cvtColor(image, cv2.COLOR_RGB2BGR), options)
        temporary.write_bytes(content.tobytes())


def _disc(canvas: np.ndarray, center: np.ndarray, radius: float, color: Color) -> None:
    """A filled circle. OpenCV makes diamonds of small ones, so it is filled as a polygon."""
    _polygon(canvas, center + CIRCLE * max(radius - BLEED, 0.0), color)


def _line(canvas: np.ndarray, segment: Segment) -> None:
    """A line of any width with round ends. OpenCV's own lines have whole widths, so it is filled as a polygon."""
    start, end = np.array(segment.start), np.array(segment.end)
    radius = segment.width / 2
    for point in (start, end):
        _disc(canvas, point, radius, segment.color)
    length = float(np.hypot(*(end - start)))
    if length > 0:
        normal = np.array([start[1] - end[1], end[0] - start[0]]) / length * max(radius - BLEED, 0.0)
        _polygon(canvas, np.stack([start + normal, end + normal, end - normal, start - normal]), segment.color)


def _polygon(canvas: np.ndarray, corners: np.ndarray, color: Color) -> None:
    fixed = np.rint(corners * 2**FRACTION_BITS).astype(np.int32)
    cv2.fillConvexPoly(canvas, fixed, color, cv2.LINE_AA, FRACTION_BITS)


def _rectangle(canvas: np.ndarray, rectangle: Rectangle) -> None:
    x, y, width, height = rectangle.box
    corners = [(x, y), (x + width, y), (x + width, y + height), (x, y + height)]
    for start, end in zip(corners, corners[1:] + corners[:1], strict=True):
        _line(canvas, Segment(start, end, rectangle.width, rectangle.color))


@lru_cache(maxsize=16)
def _font(size: int) -> ImageFont.FreeTypeFont:
    """The font that comes with matplotlib: the same on every machine."""
    return ImageFont.truetype(str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"), size)

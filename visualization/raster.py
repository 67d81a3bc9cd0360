"""Shapes and captions on pictures: (H, W, 3) uint8 RGB arrays in, new arrays out."""

import os
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path

import cv2
import matplotlib
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from lib.utils.errors import PoseError
from lib.utils.files import atomic_path
from visualization.shapes import Disc, Segment, Shape

# OpenCV takes fixed-point coordinates with this many fractional bits, which keeps sub-pixel positions.
FRACTION_BITS = 4
# How far OpenCV's antialiased polygons reach beyond their corners: with it taken off, discs of radius 1 to 5 px cover
# their true area within 4 %.
BLEED = 0.7
# The round ends of a line, (17, 2) each: along the line and across it, in radii from its end point.
HALF_TURN = np.linspace(0.0, np.pi, 17)
BACK_END = np.stack([-np.sin(HALF_TURN), np.cos(HALF_TURN)], axis=1)
# Points far outside the picture stay within what OpenCV's 32-bit fixed-point numbers hold.
FARTHEST = 2.0**24
CAPTION_COLOR, CAPTION_BACKGROUND = (235, 235, 235), (24, 24, 24)
JPEG_QUALITY = 95


def draw_shapes(image: np.ndarray, shapes: Iterable[Shape]) -> np.ndarray:
    """Draw shapes in their order, antialiased; the input is not modified."""
    canvas = np.array(image, order="C")
    lines = [line for shape in shapes for line in _lines(shape)]
    if lines:
        for corners, line in zip(_outlines(lines), lines, strict=True):
            cv2.fillConvexPoly(canvas, corners, line.color, cv2.LINE_AA, FRACTION_BITS)
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
    ImageDraw.Draw(bar).text(middle, text, fill=CAPTION_COLOR, font=font(size), anchor="lm")
    return np.concatenate([np.asarray(bar), image])


def save_image(path: str | os.PathLike[str], image: np.ndarray) -> None:
    """Write a picture, atomically; the suffix decides the format (.png, .jpg, ...).

    Args:
        path: the file; its folder is made.
        image: (H, W, 3) uint8 RGB.

    Raises:
        PoseError: the folder cannot be written to, the suffix is not a picture format, or the format does not take the
            picture's size.
    """
    suffix = Path(path).suffix
    if not cv2.haveImageWriter(f"picture{suffix}"):
        raise PoseError(f"{path} has no suffix of a picture format that can be written; use .png or .jpg.")
    options = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY] if suffix.lower() in (".jpg", ".jpeg") else []
    try:
        is_encoded, content = cv2.imencode(suffix, cv2.cvtColor(image, cv2.COLOR_RGB2BGR), options)
    except cv2.error:
        is_encoded = False
    if not is_encoded:
        height, width = image.shape[:2]
        raise PoseError(
            f"{path} cannot be written: {suffix} does not take {width} x {height} pixels; use another format."
        )
    with atomic_path(path) as temporary:
        temporary.write_bytes(content.tobytes())


def _lines(shape: Shape) -> list[Segment]:
    """A shape as lines with round ends; a disc is one without length."""
    if isinstance(shape, Segment):
        return [shape]
    if isinstance(shape, Disc):
        return [Segment(shape.center, shape.center, 2 * shape.radius, shape.color)]
    x, y, width, height = shape.box
    corners = [(x, y), (x + width, y), (x + width, y + height), (x, y + height)]
    pairs = zip(corners, corners[1:] + corners[:1], strict=True)
    return [Segment(start, end, shape.width, shape.color) for start, end in pairs]


def _outlines(lines: Sequence[Segment]) -> NDArray[np.int32]:
    """The polygons of lines in OpenCV's fixed-point numbers, (N, 34, 2), all at once.

    OpenCV's own lines have whole widths, and its small circles are diamonds.
    """
    ends = np.array([(line.start, line.end) for line in lines], dtype=np.float64).clip(-FARTHEST, FARTHEST)
    radii = np.maximum(np.array([line.width for line in lines]) / 2 - BLEED, 0.0)
    along = ends[:, 1] - ends[:, 0]
    lengths = np.hypot(along[:, 0], along[:, 1])
    along[lengths == 0] = (1.0, 0.0)
    along *= (radii / np.where(lengths > 0, lengths, 1.0))[:, None]
    across = np.stack([-along[:, 1], along[:, 0]], axis=1)
    back = BACK_END[:, :1] * along[:, None] + BACK_END[:, 1:] * across[:, None]
    corners = np.concatenate([ends[:, :1] + back, ends[:, 1:] - back], axis=1)
    return np.rint(corners * 2**FRACTION_BITS).astype(np.int32)


@lru_cache(maxsize=16)
def font(size: int) -> ImageFont.FreeTypeFont:
    """The font that comes with matplotlib: the same on every machine."""
    return ImageFont.truetype(str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"), size)

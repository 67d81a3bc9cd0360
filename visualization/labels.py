"""Small tags with a line of text on pictures."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageDraw

from visualization.colors import contrast
from visualization.raster import FARTHEST, font
from visualization.styles import Color

# One pixel of letters per so many of the picture's longer side, within limits that can be read and do not hide people.
PICTURE_PIXELS_PER_LETTER_PIXEL = 72
LETTER_RANGE = (11, 48)
PADDING = 0.25
# Where a tag may stand, in its own heights below its corner, in order of preference.
PLACES = (0, 1, -1, 2, -2)


def letter_size(shape_hw: tuple[int, ...]) -> int:
    """Height of letters in pixels that suits a picture."""
    return int(np.clip(round(max(shape_hw[:2]) / PICTURE_PIXELS_PER_LETTER_PIXEL), *LETTER_RANGE))


def put_tags(canvas: np.ndarray, texts: Sequence[str], corners: ArrayLike, colors: Sequence[Color]) -> None:
    """Write tags into a picture, in place.

    Args:
        canvas: (H, W, 3) uint8 RGB.
        texts: a line per tag, N of them; nothing is drawn for an empty one.
        corners: image_ (x, y) of the top left corner of what each tag belongs to, (N, 2); a tag with NaN is left out.
            Tags stand on their corners and inside the picture, or hang below where others stand already.
        colors: of the tags; letters are black or white.
    """
    size = letter_size(canvas.shape)
    taken = np.empty((0, 4), dtype=np.int64)
    points = np.asarray(corners, dtype=np.float64).reshape(-1, 2)
    for text, corner, color in zip(texts, points, colors, strict=True):
        if text and np.isfinite(corner).all():
            letters = _letters(text, size)
            place = _place(corner, letters.shape, canvas.shape, taken)
            taken = np.concatenate([taken, place[None]])
            _put(canvas, letters, place, color)


def _place(
    corner: NDArray[np.float64], tag_hw: tuple[int, ...], image_hw: tuple[int, ...], taken: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Left, top, right, bottom of a tag, (4,): on its corner, or the first of PLACES that is free; (N, 4) are taken."""
    height, width = tag_hw
    highest = max(image_hw[0] - height, 0)
    x, y = np.rint(np.clip(corner, -FARTHEST, FARTHEST)).astype(np.int64)
    left = min(max(x, 0), max(image_hw[1] - width, 0))
    # The tag covers the line of the box, whose centre is the corner.
    tops = [min(max(y + 1 - height, 0) + down * height, highest) for down in PLACES]
    places = np.array([(left, top, left + width, top + height) for top in np.maximum(tops, 0)], dtype=np.int64)
    start, end = np.maximum(places[:, None, :2], taken[:, :2]), np.minimum(places[:, None, 2:], taken[:, 2:])
    free = ~(start < end).all(axis=-1).any(axis=-1)
    return places[int(free.argmax())]


def _put(canvas: np.ndarray, letters: np.ndarray, place: NDArray[np.int64], color: Color) -> None:
    left, top, right, bottom = place.tolist()
    part = canvas[top:bottom, left:right]
    ink = letters[: part.shape[0], : part.shape[1], None] / 255.0
    part[:] = np.rint(np.array(contrast(color)) * ink + np.array(color) * (1.0 - ink)).astype(np.uint8)


@lru_cache(maxsize=512)
def _letters(text: str, size: int) -> np.ndarray:
    """How much ink there is in each pixel of a tag, 0..255, (h, w) uint8; equally high for all texts."""
    face, padding = font(size), max(round(size * PADDING), 1)
    ascent, descent = face.getmetrics()
    tag = Image.new("L", (round(face.getlength(text)) + 2 * padding, ascent + descent + padding))
    ImageDraw.Draw(tag).text((padding, padding // 2 + ascent), text, fill=255, font=face, anchor="ls")
    return np.asarray(tag)

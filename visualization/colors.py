"""Colours as people write them."""

import re
from typing import Final, Literal

from matplotlib.colors import CSS4_COLORS, to_hex

from lib.utils.errors import PoseError
from visualization.styles import Color

TRACK: Final = "track"
BoxColor = Color | Literal["track"]


def parse_color(text: str) -> BoxColor:
    """A colour from a name as in web pages (red), #rrggbb or r,g,b; `track` stands for each person's own.

    Raises:
        PoseError: it is none of these.
    """
    word = text.strip().lower()
    if word == TRACK:
        return TRACK
    digits = to_hex(word) if word in CSS4_COLORS else word
    if re.fullmatch("#[0-9a-f]{6}", digits):
        return (int(digits[1:3], 16), int(digits[3:5], 16), int(digits[5:], 16))
    numbers = re.fullmatch(r"(\d{1,3})\s*,\s*(\d{1,3})\s*,\s*(\d{1,3})", word)
    if numbers and all(int(number) <= 255 for number in numbers.groups()):
        red, green, blue = (int(number) for number in numbers.groups())
        return (red, green, blue)
    raise PoseError(
        f"{text!r} is no colour; give a name such as orange, #rrggbb, three numbers 0..255 as in 255,128,0, or "
        f"{TRACK} for each person's own colour."
    )


def contrast(color: Color) -> Color:
    """Black or white, whichever can be read on the colour."""
    red, green, blue = color
    return (0, 0, 0) if 0.299 * red + 0.587 * green + 0.114 * blue > 128 else (255, 255, 255)

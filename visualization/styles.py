"""Colours of skeletons: the published styles for COCO, and the same palettes for any other keypoint set."""

import colorsys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from lib.skeletons import Skeleton
from lib.utils.errors import PoseError

Color = tuple[int, int, int]
Limb = tuple[int, int]

FACE_WORDS = ("nose", "eye", "ear", "face", "mouth", "lip", "brow", "chin")
FACE_SIZE = 0.6
# Where a whole body is shown, its many small parts are drawn finer, by words in the keypoints' names.
FINE_SIZES = {"face-": 0.2, "thumb": 0.35, "finger": 0.35, "hand_root": 0.35, "toe": FACE_SIZE, "heel": FACE_SIZE}
BODY_WORD = "shoulder"
GOLDEN_ANGLE = 0.618034


@dataclass(frozen=True)
class Style:
    """How one person is drawn.

    Attributes:
        limbs: keypoint index pairs joined by lines.
        limb_colors: RGB 0..255, one per limb.
        point_colors: RGB, one per keypoint.
        point_sizes: radius of each keypoint relative to the others; facial ones, and limbs between them, are smaller.
    """

    limbs: tuple[Limb, ...]
    limb_colors: tuple[Color, ...]
    point_colors: tuple[Color, ...]
    point_sizes: tuple[float, ...]


@dataclass(frozen=True)
class Palette:
    """A style before it is applied to a keypoint set.

    Attributes:
        left: RGB of the person's left side.
        right: RGB of the right side.
        middle: RGB of what belongs to neither or joins both.
        coco_limbs: colours of COCO's limbs where they do not follow from the sides, and then all limbs drawn.
        coco_points: likewise for COCO's keypoints.
    """

    left: Color
    right: Color
    middle: Color
    coco_limbs: Mapping[Limb, Color]
    coco_points: tuple[Color, ...] = ()


_MAGENTA, _PINK, _SKY = (240, 2, 127), (252, 176, 243), (0, 176, 240)
_YELLOW, _SAGE, _LEMON = (255, 255, 0), (169, 209, 142), (255, 255, 51)
_CRIMSON, _RED, _GREEN, _FOREST = (179, 0, 0), (228, 26, 28), (49, 163, 84), (0, 109, 45)
_BROWN, _ORANGE, _STEEL, _BLUE = (217, 95, 14), (254, 153, 41), (44, 127, 184), (0, 0, 255)
_AZURE, _LIME, _AMBER = (51, 153, 255), (0, 255, 0), (255, 128, 0)

_WHITE: Color = (255, 255, 255)
# mmpose configs/_base_/datasets/coco_wholebody.py and onehand10k.py.
FINGER_COLORS: dict[str, Color] = {
    "thumb": _AMBER,
    "forefinger": (255, 153, 255),
    "middle_finger": (102, 178, 255),
    "ring_finger": (255, 51, 51),
    "pinky_finger": _LIME,
}

_FACE: tuple[Limb, ...] = ((3, 1), (1, 2), (1, 0), (0, 2), (2, 4))

PALETTES = {
    # HRNet visualization/plot_coco.py, both.
    "chunhua": Palette(
        _PINK,
        _SKY,
        _MAGENTA,
        {
            **dict.fromkeys([(15, 13), (13, 11), (11, 5)], _PINK),
            **dict.fromkeys([(12, 14), (14, 16), (12, 6)], _SKY),
            **dict.fromkeys(_FACE, _MAGENTA),
            **dict.fromkeys([(9, 7), (7, 5)], _YELLOW),
            **dict.fromkeys([(5, 6), (6, 8), (8, 10)], _SAGE),
        },
        (_MAGENTA,) * 5 + (_YELLOW, _SAGE) * 3 + (_PINK, _SKY) * 3,
    ),
    "xiaochu": Palette(
        _ORANGE,
        _STEEL,
        _LEMON,
        {
            (15, 13): _CRIMSON,
            (13, 11): _RED,
            (11, 5): _LEMON,
            (12, 14): _GREEN,
            (14, 16): _FOREST,
            (12, 6): _LEMON,
            **dict.fromkeys(_FACE, _MAGENTA),
            (9, 7): _BROWN,
            (7, 5): _ORANGE,
            (5, 6): _LEMON,
            (6, 8): _STEEL,
            (8, 10): _BLUE,
        },
        (
            *(_MAGENTA,) * 5,
            *(_LEMON, _LEMON, _ORANGE, _STEEL, _BROWN, _BLUE),
            *(_LEMON, _LEMON, _RED, _GREEN, _PINK, _SKY),
        ),
    ),
    # mmpose configs/_base_/datasets/coco.py: sides green and orange, torso and face blue.
    "mmpose": Palette(
        _LIME,
        _AMBER,
        _AZURE,
        {
            **dict.fromkeys([(15, 13), (13, 11), (5, 7), (7, 9)], _LIME),
            **dict.fromkeys([(16, 14), (14, 12), (6, 8), (8, 10)], _AMBER),
            **dict.fromkeys([(11, 12), (5, 11), (6, 12), (5, 6), (3, 5), (4, 6), *_FACE], _AZURE),
        },
    ),
    "sides": Palette((38, 166, 255), (255, 99, 72), (255, 214, 90), {}),
}
STYLE_NAMES = (*PALETTES, "people")


@lru_cache(maxsize=256)
def make_style(name: str, skeleton: Skeleton, person: int = 0) -> Style:
    """Apply a style to a keypoint set.

    Args:
        name: "chunhua" or "xiaochu" (HRNet), "mmpose", "sides" (left and right), "people" (a colour per person).
        skeleton: the keypoint set; sets other than COCO are coloured by side with the colours of the style, and
            fingers each in a colour where they have no side, and always in "mmpose".
        person: running number of the person, which decides the colour in "people".

    Raises:
        PoseError: no such style.
    """
    if name not in STYLE_NAMES:
        raise PoseError(f"style {name!r} does not exist; choose one of {', '.join(STYLE_NAMES)}.")
    if name == "people":
        color = person_color(person)
        palette = Palette(color, color, color, {})
    else:
        palette = PALETTES[name]
    sizes = _sizes([key.lower() for key in skeleton.names])
    sides = [_side(skeleton, index) for index in range(skeleton.num_keypoints)]
    own = [_own_color(skeleton.names[index].lower(), name, side) for index, side in enumerate(sides)]
    is_coco = skeleton.name == "coco"
    points = tuple(color or getattr(palette, side) for color, side in zip(own, sides, strict=True))
    if is_coco and palette.coco_limbs:
        points = palette.coco_points or points
        return Style(tuple(palette.coco_limbs), tuple(palette.coco_limbs.values()), points, sizes)
    limb_colors = tuple(own[b] or getattr(palette, _limb_side(sides[a], sides[b])) for a, b in skeleton.limbs)
    return Style(skeleton.limbs, limb_colors, points, sizes)


def _sizes(names: list[str]) -> tuple[float, ...]:
    """Relative size of each keypoint."""
    fine = FINE_SIZES if any(BODY_WORD in name for name in names) else {}
    face = dict.fromkeys(FACE_WORDS, FACE_SIZE)
    return tuple(next((size for word, size in {**fine, **face}.items() if word in name), 1.0) for name in names)


def _own_color(name: str, style: str, side: str) -> Color | None:
    """The colour of a keypoint of a finger or a face that does not follow from its side."""
    if style == "people" or (style != "mmpose" and side != "middle"):
        return None
    if style == "mmpose" and name.startswith("face-"):
        return _WHITE
    return next((color for finger, color in FINGER_COLORS.items() if finger in name), None)


def _side(skeleton: Skeleton, index: int) -> str:
    """left, right or middle: by the keypoint's name, else by its place in its flip pair (left comes first)."""
    name = skeleton.names[index].lower()
    for side in ("left", "right"):
        if side in name:
            return side
    for left, right in skeleton.flip_pairs:
        if index in (left, right):
            return "left" if index == left else "right"
    return "middle"


def _limb_side(first: str, second: str) -> str:
    """A limb within a side, or from the middle to a side, belongs to that side."""
    if first == second or second == "middle":
        return first
    return second if first == "middle" else "middle"


def person_color(person: int) -> Color:
    """Hues a golden angle apart differ for any number of people."""
    red, green, blue = colorsys.hsv_to_rgb((0.55 + person * GOLDEN_ANGLE) % 1.0, 0.75, 1.0)
    return int(red * 255), int(green * 255), int(blue * 255)

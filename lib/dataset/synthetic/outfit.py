"""Clothes, skin, hair and the details that tell a person's front from their back."""

from dataclasses import dataclass

import numpy as np

from lib.dataset.synthetic.draws import pick
from lib.dataset.synthetic.render import share_of_pixel
from lib.dataset.synthetic.texture import Material, sample_color, sample_material, sample_skin_and_hair

_WHITE = np.array([245, 245, 240], np.float32).reshape(3, 1, 1)
_DARK = np.array([25, 20, 25], np.float32).reshape(3, 1, 1)
_MOUTH = np.array([150, 40, 50], np.float32).reshape(3, 1, 1)

_SLEEVES = (0.0, 0.55, 0.8, 2.0)
_LEGS = (0.4, 0.8, 1.95)


@dataclass(frozen=True)
class Outfit:
    """What a person wears; the left and the right side are alike.

    Attributes:
        skin, nose, hair, top, bottom, shoe: materials; textures are in texels per metre.
        trim: colour of buttons, collar, elbow pads and cuffs, (3, 1, 1).
        band: colour of knee pads and socks, (3, 1, 1).
        pocket: colour of the pockets at the back, (3, 1, 1).
        sleeve: 0 none, 1 to the elbow, 2 to the wrist, and between.
        leg: the same for the trousers.
        collar: depth of the neckline, 0 closed to 1 deep.
        long_hair: whether hair falls over the neck.
    """

    skin: Material
    nose: Material
    hair: Material
    top: Material
    bottom: Material
    shoe: Material
    trim: np.ndarray
    band: np.ndarray
    pocket: np.ndarray
    sleeve: float
    leg: float
    collar: float
    long_hair: bool


def sample_outfit(rng: np.random.Generator, split: str) -> Outfit:
    """Draw clothes with the patterns of a split."""
    skin, hair = sample_skin_and_hair(rng)
    top, bottom = _cloth(rng, split, skin), _cloth(rng, split, skin)
    trim, band = (_WHITE if cloth.middle.mean() < 130 else _DARK for cloth in (top, bottom))
    return Outfit(
        skin=Material(skin),
        nose=Material(skin * np.float32(0.78)),
        hair=Material(hair),
        top=top,
        bottom=bottom,
        shoe=Material(sample_color(rng)),
        trim=trim,
        band=band,
        pocket=bottom.middle * np.float32(0.6),
        sleeve=_SLEEVES[pick(rng, (0.2, 0.25, 0.2, 0.35))] * rng.uniform(0.9, 1.0),
        leg=_LEGS[pick(rng, (0.2, 0.3, 0.5))],
        collar=float(rng.uniform(0.2, 1.0)),
        long_hair=bool(rng.random() < 0.4),
    )


def _cloth(rng: np.random.Generator, split: str, skin: np.ndarray) -> Material:
    """A cloth that stands out from the skin."""
    for _ in range(4):
        cloth = sample_material(rng, split, (0.15, 0.6), (120, 320))
        if np.abs(cloth.middle - skin).max() > 60:
            break
    return cloth


@dataclass(frozen=True)
class FacePaint:
    """Hair on the top and back of the head; eyes, brows and mouth on its front."""

    hair: np.ndarray
    eye: np.ndarray

    def __call__(self, color: np.ndarray, x: np.ndarray, y: np.ndarray, z: np.ndarray, pixels: float) -> np.ndarray:
        """Paint; see render.Paint."""
        # The hairline runs over the forehead and behind the ears.
        hair = np.maximum(z - np.float32(0.12), np.float32(0.15) * x * x - y - np.float32(0.62))
        front = z < 0
        if not front.any():
            return _over(color, self.hair, hair, pixels)
        eye_x, eye_y, _ = (np.float32(value) for value in self.eye)
        ax = np.abs(x)
        eye = np.hypot(ax - eye_x, y - eye_y)
        color = _over(color, _WHITE, np.float32(0.26) - eye, pixels, front)
        color = _over(color, _DARK, np.float32(0.15) - eye, pixels, front)
        mouth = np.float32(0.08) - np.maximum(np.abs(y - np.float32(0.56)), ax - np.float32(0.22))
        color = _over(color, _MOUTH, mouth, pixels, front)
        across, up = np.abs(ax - eye_x) - np.float32(0.16), np.abs(y - eye_y + np.float32(0.40))
        brow = np.where(front, np.float32(0.07) - np.maximum(across, up), np.float32(-1))
        return _over(color, self.hair, np.maximum(hair, brow), pixels)


@dataclass(frozen=True)
class ShirtPaint:
    """A neckline that shows skin and a row of buttons, both on the front."""

    trim: np.ndarray
    skin: np.ndarray | None
    collar: float

    def __call__(self, color: np.ndarray, x: np.ndarray, y: np.ndarray, z: np.ndarray, pixels: float) -> np.ndarray:
        """Paint; see render.Paint."""
        front = z < 0
        if not front.any():
            return color
        color = _over(color, self.trim, np.float32(0.07) - np.abs(x), pixels, front)
        if self.skin is None:
            return color
        depth = np.float32(0.72 - 0.3 * self.collar)
        neckline = (-y - depth) * np.float32(0.7) - np.abs(x)
        color = _over(color, self.trim, neckline + np.float32(0.09), pixels, front)
        return _over(color, self.skin, neckline, pixels, front)


@dataclass(frozen=True)
class TrousersPaint:
    """Two pockets at the back."""

    pocket: np.ndarray

    def __call__(self, color: np.ndarray, x: np.ndarray, y: np.ndarray, z: np.ndarray, pixels: float) -> np.ndarray:
        """Paint; see render.Paint."""
        pocket = np.float32(0.22) - np.maximum(np.abs(np.abs(x) - np.float32(0.45)), np.abs(y - np.float32(0.1)))
        return _over(color, self.pocket, pocket, pixels, z > 0)


def _over(
    color: np.ndarray, paint: np.ndarray, inside: np.ndarray, pixels: float, where: np.ndarray | None = None
) -> np.ndarray:
    """Paint where a signed distance in unit-sphere units is positive, with an edge one pixel wide."""
    share = share_of_pixel(inside * np.float32(pixels))
    if where is not None:
        share = share * where
    return color + (paint - color) * share

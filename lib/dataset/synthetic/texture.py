"""Patterns and colours of clothes, backgrounds and objects. Training and held-out pictures share no pattern family."""

import colorsys
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

TILE = 64
"""Side of a pattern in texels; every pattern repeats without a seam."""

PATTERNS_PER_FAMILY = 24
"""Patterns are made once per process and coloured anew for every use."""

_STEPS = (np.arange(TILE, dtype=np.float32) + 0.5) / TILE
_X, _Y = np.meshgrid(_STEPS, _STEPS)


def _stripes(rng: np.random.Generator) -> np.ndarray:
    across, down = int(rng.integers(0, 4)), int(rng.integers(1, 5))
    if rng.random() < 0.3:
        across, down = down, 0
    return np.sin(2 * np.pi * (across * _X + down * _Y)) * 4


def _checks(rng: np.random.Generator) -> np.ndarray:
    count = rng.integers(1, 5)
    return np.sin(2 * np.pi * count * _X) * np.sin(2 * np.pi * count * _Y) * 6


def _plaid(rng: np.random.Generator) -> np.ndarray:
    count = rng.integers(1, 4)
    return np.clip(4 * np.sin(2 * np.pi * count * _X), -1, 1) + np.clip(4 * np.sin(2 * np.pi * count * _Y), -1, 1)


def _clouds(rng: np.random.Generator) -> np.ndarray:
    cells = int(rng.choice((4, 8, 16)))
    values = np.pad(rng.normal(0, 1.2, (cells, cells)).astype(np.float32), 2, mode="wrap")
    size = TILE // cells
    large = cv2.resize(values, None, fx=size, fy=size, interpolation=cv2.INTER_CUBIC)
    return large[2 * size : -2 * size, 2 * size : -2 * size]


def _dots(rng: np.random.Generator) -> np.ndarray:
    rows, radius = int(rng.choice((2, 4, 6))), rng.uniform(0.2, 0.4)
    column = _X * rows + 0.5 * (np.floor(_Y * rows) % 2)
    return (radius - np.hypot(column % 1 - 0.5, (_Y * rows) % 1 - 0.5)) * 14


def _bricks(rng: np.random.Generator) -> np.ndarray:
    rows, columns = int(rng.choice((2, 4, 6))), rng.integers(1, 4)
    along = (_X * columns + 0.5 * (np.floor(_Y * rows) % 2)) % 1
    gap = np.minimum(np.minimum(along, 1 - along) / columns, np.minimum((_Y * rows) % 1, (-_Y * rows) % 1) / rows)
    return (gap - rng.uniform(0.02, 0.05)) * 60


def _cells(rng: np.random.Generator) -> np.ndarray:
    points = rng.random((int(rng.integers(6, 20)), 2)).astype(np.float32)
    dx, dy = (np.abs(_STEPS[:, None] - points[:, axis]) for axis in (0, 1))
    dx, dy = np.minimum(dx, 1 - dx) ** 2, np.minimum(dy, 1 - dy) ** 2
    nearest = np.argmin(dy[:, None] + dx[None], axis=2)
    return rng.uniform(-1.5, 1.5, len(points))[nearest]


FAMILIES: dict[str, dict[str, Callable[[np.random.Generator], np.ndarray]]] = {
    "train": {"stripes": _stripes, "checks": _checks, "plaid": _plaid, "clouds": _clouds},
    "val": {"dots": _dots, "bricks": _bricks, "cells": _cells},
}
"""Split -> name -> a function that draws a repeating pattern, (TILE, TILE); -1 and below is one colour, 1 the other."""


@lru_cache
def pattern_bank(split: str) -> np.ndarray:
    """All patterns of a split: share of the second colour, (P, TILE, TILE), float32."""
    rng = np.random.default_rng(0)
    patterns = [family(rng) for family in FAMILIES[split].values() for _ in range(PATTERNS_PER_FAMILY)]
    return np.clip(0.5 + 0.5 * np.array(patterns), 0, 1).astype(np.float32)


@dataclass(frozen=True)
class Material:
    """Colour of a surface: one colour, or two mixed by a repeating pattern.

    Attributes:
        color: RGB 0..255, (3, 1, 1), float32.
        change: what the pattern adds where it is 1, (3, 1, 1), float32.
        pattern: (TILE, TILE), float32, 0..1; None is plain.
        texels: texels of the pattern per unit of the surface.
    """

    color: np.ndarray
    change: np.ndarray | None = None
    pattern: np.ndarray | None = None
    texels: float = 1.0

    @property
    def middle(self) -> np.ndarray:
        """The colour half-way between the two, (3, 1, 1)."""
        return self.color if self.change is None else self.color + np.float32(0.5) * self.change

    def scaled(self, units: float) -> "Material":
        """The same material where one unit of its surface is `units` of the new ones."""
        return Material(self.color, self.change, self.pattern, self.texels / units)

    def at(self, across: np.ndarray, along: np.ndarray) -> np.ndarray:
        """Colours at surface coordinates, (h, w) each; (3, 1, 1) or (3, h, w), float32."""
        if self.change is None or self.pattern is None:
            return self.color
        x, y = across * np.float32(self.texels), along * np.float32(self.texels)
        return self.color + self.change * cv2.remap(self.pattern, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)


def sample_material(
    rng: np.random.Generator, split: str, contrast: tuple[float, float], texels: tuple[float, float]
) -> Material:
    """Draw a patterned material.

    Args:
        split: whose patterns, "train" or "val".
        contrast: range of the distance between its two colours, as a share of the way to an unrelated colour.
        texels: range of the texels per unit.
    """
    bank = pattern_bank(split)
    pattern, first = bank[rng.integers(len(bank))], sample_color(rng)
    change = (sample_color(rng) - first) * np.float32(rng.uniform(*contrast))
    return Material(first, change, pattern, float(rng.uniform(*texels)))


def sample_color(rng: np.random.Generator) -> np.ndarray:
    """Any colour of a cloth or a thing, RGB 0..255, (3, 1, 1), float32."""
    rgb = colorsys.hsv_to_rgb(rng.random(), rng.random() ** 0.7, 0.12 + 0.88 * rng.random())
    return np.array(rgb, np.float32).reshape(3, 1, 1) * 255


_SKIN = np.array([[250, 214, 186], [224, 172, 128], [176, 116, 76], [104, 64, 42]], np.float32)
_HAIR = np.array([[28, 22, 20], [70, 44, 26], [120, 72, 34], [206, 168, 96], [168, 168, 168]], np.float32)


def sample_skin_and_hair(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Colours of skin and hair that can be told apart, RGB 0..255, (3, 1, 1) each, float32."""
    place = rng.uniform(0, len(_SKIN) - 1)
    low = min(int(place), len(_SKIN) - 2)
    skin = _SKIN[low] + (_SKIN[low + 1] - _SKIN[low]) * np.float32(place - low)
    distinct = _HAIR[np.abs(_HAIR.mean(1) - skin.mean()) > 45]
    return skin.reshape(3, 1, 1), distinct[rng.integers(len(distinct))].reshape(3, 1, 1)


def sample_background(rng: np.random.Generator, split: str, size_wh: tuple[int, int]) -> np.ndarray:
    """Draw a textured background: a wall and perhaps a floor of different patterns under uneven light.

    It is made at half the resolution, which costs a quarter and leaves it a little out of focus.

    Returns:
        RGB 0..255, (3, H, W), float32.
    """
    width, height = ((size + 1) // 2 for size in size_wh)
    image = _cover(rng, split, width, height)
    if rng.random() < 0.6:
        horizon = int(height * rng.uniform(0.35, 0.9))
        image[:, horizon:] = _cover(rng, split, width, height - horizon)
    light = rng.normal(1.0, 0.18, (4, 5)).astype(np.float32)
    image *= cv2.resize(light, (width, height), interpolation=cv2.INTER_LINEAR)
    full = np.empty((3, *size_wh[::-1]), np.float32)
    for plane, target in zip(image, full, strict=True):
        cv2.resize(plane, size_wh, dst=target, interpolation=cv2.INTER_LINEAR)
    return full


def _faded(material: Material, share: np.float32) -> Material:
    """The material with its colours moved by `share` of the way to grey, and its contrast lowered alike."""
    grey = material.color.mean()
    change = None if material.change is None else material.change * (1 - share)
    return Material(grey + (material.color - grey) * (1 - share), change, material.pattern, material.texels)


def _cover(rng: np.random.Generator, split: str, width: int, height: int) -> np.ndarray:
    """A material that covers an area at a drawn magnification, angle and offset, (3, height, width).

    Its colours are paler than those of clothes, as what lies behind people mostly is.
    """
    material = _faded(sample_material(rng, split, (0.1, 0.5), (0.66, 4.0)), np.float32(rng.uniform(0.35, 0.9)))
    angle, offset = rng.uniform(-0.4, 0.4), rng.uniform(0, TILE, 2).astype(np.float32)
    x = np.arange(width, dtype=np.float32)[None] + offset[0]
    y = np.arange(height, dtype=np.float32)[:, None] + offset[1]
    cosine, sine = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    return material.at(x * cosine + y * sine, y * cosine - x * sine)

"""Rendering of shaded capsules and ellipsoids with exact sub-pixel edges and a depth buffer.

Image frame: x right, y down, pixel centres at integers; depth away from the camera in pixels, smaller is nearer. The
silhouettes are signed distances evaluated at the pixel centres, so nothing is rounded to a grid.
"""

import math
from dataclasses import dataclass, field
from typing import Protocol

import cv2
import numpy as np

from lib.dataset.synthetic.texture import Material

Window = tuple[slice, slice]

# NumPy takes twice as long over small arrays with Python numbers, and thrice in np.clip.
_ZERO, _ONE, _HALF = np.float32(0), np.float32(1), np.float32(0.5)

# Pixels; a limb that appears shorter than this has no direction in the image.
_TINY = 1e-3


def share_of_pixel(distance: np.ndarray) -> np.ndarray:
    """Share of a pixel that lies within an edge, from its centre's signed distance to it in pixels, positive inside."""
    return (distance + _HALF).clip(_ZERO, _ONE)


@dataclass(frozen=True)
class Light:
    """A lamp far away.

    Attributes:
        lamp: brightness that it adds to a surface facing right, down and the camera; negative where it takes away.
        ambient: brightness of a surface that is edge-on to it.
    """

    lamp: tuple[float, float, float]
    ambient: float

    @property
    def flat(self) -> float:
        """Brightness of a surface that faces the camera."""
        return self.ambient + self.lamp[2]


@dataclass
class Canvas:
    """What has been drawn so far.

    Attributes:
        image: RGB 0..255, (3, H, W), float32: planes, because NumPy is slow along axes of length 3.
        depth: depth of the nearest surface, (H, W), float32; infinite at the background.
        figure: coverage 0..1 of the current figure as if nothing stood before it, (H, W), float32.
    """

    image: np.ndarray
    depth: np.ndarray = field(init=False)
    figure: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        height, width = self.image.shape[1:]
        self.depth = np.full((height, width), np.inf, np.float32)
        self._y, self._x = np.arange(height, dtype=np.float64)[:, None], np.arange(width, dtype=np.float64)[None]
        self.start_figure()

    def start_figure(self) -> None:
        """Begin a new figure: its coverage is zero everywhere."""
        self.figure = np.zeros(self.image.shape[1:], np.float32)

    def window(self, left: float, top: float, right: float, bottom: float) -> Window | None:
        """The pixels in the image that a bounding rectangle touches, or None."""
        height, width = self.depth.shape
        # A smooth edge reaches half a pixel beyond.
        x0, y0 = max(math.floor(left - 0.5), 0), max(math.floor(top - 0.5), 0)
        x1, y1 = min(math.ceil(right + 1.5), width), min(math.ceil(bottom + 1.5), height)
        return (slice(y0, y1), slice(x0, x1)) if x1 > x0 and y1 > y0 else None

    def grid(self, window: Window, x: float, y: float) -> tuple[np.ndarray, np.ndarray]:
        """Pixel centres relative to a point: x (1, w) and y (h, 1), float32."""
        rows, columns = window
        return (self._x[:, columns] - x).astype(np.float32), (self._y[rows] - y).astype(np.float32)

    def blend(self, window: Window, coverage: np.ndarray, depth: np.ndarray, color: np.ndarray) -> None:
        """Draw a surface where it is nearer than what is there.

        Args:
            coverage: share of each pixel that the surface covers, (h, w); it is used up.
            depth: its depth, (h, w).
            color: its colours, (3, h, w).
        """
        figure = self.figure[window]
        np.maximum(figure, coverage, out=figure)
        behind = self.depth[window]
        coverage[depth >= behind] = 0
        np.copyto(behind, depth, where=coverage > _HALF)
        rows, columns = window
        image = self.image[:, rows, columns]
        image += (color - image) * coverage


class Part(Protocol):
    """Something that can be drawn."""

    @property
    def center_depth(self) -> float:
        """Depth of its middle, by which parts are drawn from back to front."""

    def draw(self, canvas: Canvas, light: Light) -> None:
        """Draw it."""


def draw_parts(canvas: Canvas, parts: list[Part], light: Light) -> None:
    """Draw parts from back to front, so that smooth edges blend with what lies behind them."""
    for part in sorted(parts, key=lambda part: -part.center_depth):
        part.draw(canvas, light)


@dataclass(frozen=True)
class Pads:
    """Bands around a limb in a colour of their own, (3, 1, 1).

    Attributes:
        start, end: where the first band ends and the last begins, shares of the way along the limb; a start below 0 or
            an end above 1 by far is none.
    """

    color: np.ndarray
    start: float
    end: float


@dataclass(frozen=True)
class Capsule:
    """Two balls and the cone around them.

    Attributes:
        start, end: centres of the balls, (x, y, depth) in pixels.
        radii: of the balls, pixels.
        material: of the surface, from the start to `cut`.
        rest: material beyond `cut`: skin below a sleeve.
        cut: share of the way from start to end where the material changes.
        pads: bands at its ends.
    """

    start: np.ndarray
    end: np.ndarray
    radii: tuple[float, float]
    material: Material
    rest: Material | None = None
    cut: float = 1.0
    pads: Pads | None = None

    @property
    def center_depth(self) -> float:
        """Depth of the middle, pixels."""
        return float(self.start[2] + self.end[2]) / 2

    def draw(self, canvas: Canvas, light: Light) -> None:
        """Draw it."""
        r0, r1 = self.radii
        (x0, y0, z0), (x1, y1, z1) = self.start.tolist(), self.end.tolist()
        window = canvas.window(
            min(x0 - r0, x1 - r1), min(y0 - r0, y1 - r1), max(x0 + r0, x1 + r1), max(y0 + r0, y1 + r1)
        )
        if window is None:
            return
        x, y = canvas.grid(window, x0, y0)
        dx, dy, dz = x1 - x0, y1 - y0, z1 - z0
        length = math.hypot(dx, dy)
        ux, uy = (np.float32(dx / length), np.float32(dy / length)) if length > _TINY else (_ONE, _ZERO)
        length = max(length, _TINY)
        along, across = x * ux + y * uy, y * ux - x * uy
        share = (along * np.float32(1 / length)).clip(_ZERO, _ONE)
        radius = _mix(share, r1 - r0, share, 0, r0)
        distance = cv2.magnitude(across, _mix(along, 1, share, -length))
        gap = radius - distance
        coverage = share_of_pixel(gap)
        bulge = np.sqrt(np.maximum(gap * (radius + distance), _ZERO))
        depth = _mix(share, dz, bulge, -1, z0)
        if abs(dz) > length:
            share, depth = self._near_ball(x, y, share, depth, dx, dy)
        # The lamp's share from the side; along the limb it hardly changes.
        right, down, _ = light.lamp
        sideways = across * np.float32((down * ux - right * uy) / max(r0, r1))
        shade = _shade(light, sideways, bulge * np.float32(1 / max(r0, r1)))
        canvas.blend(window, coverage, depth, self._color(along, across, share, length) * shade)

    def _near_ball(
        self, x: np.ndarray, y: np.ndarray, share: np.ndarray, depth: np.ndarray, dx: float, dy: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Let the nearer ball cover the rest of a capsule that points at the camera or away from it."""
        near = int(self.end[2] < self.start[2])
        if near:
            x, y = x - np.float32(dx), y - np.float32(dy)
        ball = np.float32(self.radii[near] ** 2) - x * x - y * y
        ball_depth = np.float32((self.end if near else self.start)[2]) - np.sqrt(np.maximum(ball, _ZERO))
        covers = (ball > 0) & (ball_depth < depth)
        return np.where(covers, np.float32(near), share), np.where(covers, ball_depth, depth)

    def _color(self, along: np.ndarray, across: np.ndarray, share: np.ndarray, length: float) -> np.ndarray:
        color = self.material.at(across, along)
        pixels = max(length, 2.0)
        if self.rest is not None and self.cut < 1:
            beyond = share_of_pixel(_mix(share, pixels, share, 0, -self.cut * pixels))
            color = color + (self.rest.at(across, along) - color) * beyond
        if self.pads is not None:
            first = _mix(share, -pixels, share, 0, self.pads.start * pixels)
            band = share_of_pixel(np.maximum(first, _mix(share, pixels, share, 0, -self.pads.end * pixels)))
            color = color + (self.pads.color - color) * band
        return color


class Paint(Protocol):
    """Draws details on an ellipsoid: takes colours and the unit-sphere coordinates, gives new colours."""

    def __call__(self, color: np.ndarray, x: np.ndarray, y: np.ndarray, z: np.ndarray, pixels: float) -> np.ndarray:
        """Colour the surface.

        Args:
            color: (3, 1, 1) or (3, h, w), not modified.
            x, y, z: the body's axes divided by the half axes of the ellipsoid, (h, w) each.
            pixels: pixels per unit of them, for edges one pixel wide.

        Returns:
            (3, 1, 1) or (3, h, w).
        """


@dataclass(frozen=True)
class Ellipsoid:
    """An ellipsoid.

    Attributes:
        center: (x, y, depth), pixels.
        axes: rotation into the camera frame, (3, 3).
        radii: half axes, pixels, (3,).
        material: of the surface.
        paint: details on it.
    """

    center: np.ndarray
    axes: np.ndarray
    radii: np.ndarray
    material: Material
    paint: Paint | None = None

    @property
    def center_depth(self) -> float:
        """Depth of the middle, pixels."""
        return float(self.center[2])

    def draw(self, canvas: Canvas, light: Light) -> None:
        """Draw it."""
        extent = np.sqrt(((self.axes * self.radii) ** 2).sum(1))
        (x0, y0, z0), (reach_x, reach_y, _) = self.center.tolist(), extent.tolist()
        window = canvas.window(x0 - reach_x, y0 - reach_y, x0 + reach_x, y0 + reach_y)
        if window is None:
            return
        x, y = canvas.grid(window, x0, y0)
        # A point p of the camera frame has unit-sphere coordinates s = to_unit p; the ray meets |s| = 1 at the
        # smaller root of a quadratic in depth, whose discriminant `inside` is positive within the silhouette.
        to_unit = (self.axes / self.radii).T.astype(np.float32)
        form = to_unit.T @ to_unit
        across = form[:2, 2] / form[2, 2]
        flat = form[:2, :2] - np.outer(across, across) * form[2, 2]
        gx, gy = flat[0, 0] * x + flat[0, 1] * y, flat[0, 1] * x + flat[1, 1] * y
        inside = _ONE - (x * gx + y * gy)
        slope = cv2.magnitude(gx, gy)
        coverage = share_of_pixel(inside / _mix(slope, 2, slope, 0, 1e-9))
        facing = np.sqrt(np.maximum(inside, _ZERO))
        depth = _mix(-across[0] * x - across[1] * y, 1, facing, -1 / math.sqrt(form[2, 2]))
        right, down, _ = light.lamp
        sideways = x * np.float32(right / reach_x) + y * np.float32(down / reach_y)
        color = self._color(x, y, depth, to_unit) * _shade(light, sideways, facing)
        canvas.blend(window, coverage, depth + np.float32(z0), color)

    def _color(self, x: np.ndarray, y: np.ndarray, depth: np.ndarray, to_unit: np.ndarray) -> np.ndarray:
        if self.material.pattern is None and self.paint is None:
            return self.material.color
        right, down, back = (_mix(row[0] * x + row[1] * y, 1, depth, float(row[2])) for row in to_unit)
        color = self.material.at(right * np.float32(self.radii[0]), down * np.float32(self.radii[1]))
        if self.paint is None:
            return color
        return self.paint(color, right, down, back, float(self.radii.mean()))


@dataclass(frozen=True)
class Board:
    """A flat rectangle that faces the camera.

    Attributes:
        center: (x, y, depth), pixels.
        half_wh: half width and height, pixels.
        angle: of its width against the x axis, radians.
        material: of the surface.
    """

    center: np.ndarray
    half_wh: tuple[float, float]
    angle: float
    material: Material

    @property
    def center_depth(self) -> float:
        """Depth, pixels."""
        return float(self.center[2])

    def draw(self, canvas: Canvas, light: Light) -> None:
        """Draw it."""
        reach = float(np.hypot(*self.half_wh))
        x0, y0, z0 = self.center.tolist()
        window = canvas.window(x0 - reach, y0 - reach, x0 + reach, y0 + reach)
        if window is None:
            return
        x, y = canvas.grid(window, x0, y0)
        cosine, sine = np.float32(np.cos(self.angle)), np.float32(np.sin(self.angle))
        u, v = x * cosine + y * sine, y * cosine - x * sine
        inside = np.minimum(np.float32(self.half_wh[0]) - np.abs(u), np.float32(self.half_wh[1]) - np.abs(v))
        coverage = share_of_pixel(inside)
        canvas.blend(window, coverage, np.full_like(coverage, z0), self.material.at(u, v) * np.float32(light.flat))


def _shade(light: Light, sideways: np.ndarray, facing: np.ndarray) -> np.ndarray:
    """Brightness of a surface.

    Args:
        sideways: brightness by the lamp's place to the side of the camera, (h, w).
        facing: cosine between the surface and the view, (h, w); 0 at the silhouette, where a dark rim sets parts apart.
    """
    lit = _mix(facing, light.lamp[2], sideways, 1, light.ambient)
    return lit * np.minimum(_mix(facing, 0.8, facing, 0, 0.5), _ONE)


def _mix(first: np.ndarray, a: float, second: np.ndarray, b: float, c: float = 0.0) -> np.ndarray:
    """a first + b second + c: one call in place of four, which is what small arrays cost."""
    return cv2.addWeighted(first, a, second, b, c)

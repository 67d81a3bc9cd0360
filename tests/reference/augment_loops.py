"""RSN's and mmpose's random changes of one person, one number after the other, in float64.

Sources: RSN dataset/JointsDataset.py (__getitem__ and half_body_transform), mmpose 0.29
mmpose/datasets/pipelines/top_down_transform.py. What is drawn there is an argument here.
"""

import math
from typing import Any

Point = tuple[float, float]


def fit_aspect(w: float, h: float, aspect: float) -> Point:
    """Extend the short side."""
    return (w, w / aspect) if w > aspect * h else (h * aspect, h)


def rsn_half_body(
    points: list[Point], flags: list[float], upper_body: list[int], prefer_upper: bool, growth: Point, aspect: float
) -> tuple[Point, Point] | None:
    """Centre and scale of half a body."""
    upper, lower = [], []
    for index, (point, flag) in enumerate(zip(points, flags, strict=True)):
        if flag > 0:
            (upper if index in upper_body else lower).append(point)
    if prefer_upper and len(upper) > 3:
        chosen = upper
    elif len(lower) > 3:
        chosen = lower
    else:
        chosen = upper
    if len(chosen) < 3:
        return None
    xs, ys = [x for x, _ in chosen], [y for _, y in chosen]
    center = ((min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2)
    w, h = fit_aspect((max(xs) - min(xs)) * (1 + growth[0]), (max(ys) - min(ys)) * (1 + growth[1]), aspect)
    return center, (w / 200, h / 200)


def rsn_person(person: dict[str, Any], drawn: dict[str, Any], options: dict[str, Any]) -> tuple[Point, Point]:
    """Centre and scale of the crop: the extended box, or half a body; then the scale, then the flip.

    Args:
        person: box (x, y, w, h), points, flags.
        drawn: growth_w, growth_h (parts), half_body (bool), prefer_upper, half_growth (parts), scale (factor), flip.
        options: extend, shrink, above, upper_body, aspect, width (of the image).
    """
    x, y, w, h = person["box"]
    center = (x + w / 2, y + h / 2)
    w, h = w * (1 + options["extend"]), h * (1 + options["extend"])
    w, h = fit_aspect(w * (1 + drawn["growth_w"]), h * (1 + drawn["growth_h"]), options["aspect"])
    scale = (w / 200, h / 200)
    if sum(flag > 0 for flag in person["flags"]) > options["above"] and drawn["half_body"]:
        half = rsn_half_body(
            person["points"],
            person["flags"],
            options["upper_body"],
            drawn["prefer_upper"],
            drawn["half_growth"],
            options["aspect"],
        )
        if half is not None:
            center, scale = half
    factor = options["shrink"] * drawn["scale"]
    if drawn["flip"]:
        center = (options["width"] - center[0] - 1, center[1])
    return center, (scale[0] * factor, scale[1] * factor)


def rsn_flags(points: list[Point], flags: list[float], center: Point, scale: Point, degrees: float) -> list[float]:
    """Flags after those outside of a 192x256 crop are set to 0; crops with HRNet's one factor."""
    result = []
    angle, factor = math.radians(degrees), 192 / (scale[0] * 200)
    for (x, y), flag in zip(points, flags, strict=True):
        dx, dy = x - center[0], y - center[1]
        u = (dx * math.cos(angle) + dy * math.sin(angle)) * factor + 96
        v = (dy * math.cos(angle) - dx * math.sin(angle)) * factor + 128
        result.append(flag if 0 <= u <= 191 and 0 <= v <= 255 else 0.0)
    return result


def mmpose_center(center: Point, scale: Point, shift: Point) -> Point:
    """The moved centre, before flips and half bodies; `shift` is drawn from -0.16 to 0.16, or 0."""
    return center[0] + shift[0] * scale[0] * 200, center[1] + shift[1] * scale[1] * 200

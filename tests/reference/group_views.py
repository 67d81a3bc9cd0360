"""Views of whole pictures and test inputs, one number at a time, after the formulas of the published systems.

Written from HigherHRNet lib/dataset/transforms/transforms.py and lib/utils/transforms.py, and mmpose 0.x
mmpose/datasets/pipelines/bottom_up_transform.py.
"""

import math

Point = tuple[float, float]


def plain_view(point: Point, center: Point, side: float, degrees: float, size: int) -> Point:
    """Scale about the centre of a square of `side` pixels to one of `size`, then turn about its middle."""
    x = size * ((point[0] - center[0]) / side + 0.5)
    y = size * ((point[1] - center[1]) / side + 0.5)
    turn = math.radians(-degrees)
    dx, dy = x - size / 2, y - size / 2
    return (
        size / 2 + math.cos(turn) * dx - math.sin(turn) * dy,
        size / 2 + math.sin(turn) * dx + math.cos(turn) * dy,
    )


def udp_view(point: Point, center: Point, side: float, degrees: float, size: int) -> Point:
    """Turn about the centre, put it in the middle of the target square, then scale by (size - 1) / side."""
    turn = math.radians(degrees)
    dx, dy = point[0] - center[0], point[1] - center[1]
    x = math.cos(turn) * dx - math.sin(turn) * dy + side / 2
    y = math.sin(turn) * dx + math.cos(turn) * dy + side / 2
    return x * (size - 1) / side, y * (size - 1) / side


def random_square(
    size_wh: tuple[int, int],
    factor: float,
    shift: Point,
    *,
    short: bool,
    max_translate: float,
    by_axis: bool,
    udp: bool,
) -> tuple[Point, float]:
    """Centre and side of the square that a view shows; `shift` holds uniform numbers of [0, 1)."""
    width, height = size_wh
    side = (min(size_wh) if short else max(size_wh)) * factor
    center = [(width - 1) / 2, (height - 1) / 2] if udp else [width / 2, height / 2]
    for axis in (0, 1):
        limit = int(max_translate / 200 * (size_wh[axis] * factor if by_axis else side))
        choices = list(range(-limit, limit))  # numpy's randint(-limit, limit)
        if choices:
            center[axis] += choices[int(shift[axis] * len(choices))]
    return (center[0], center[1]), side


def mirrored_view(point: Point, size: int) -> Point:
    """The same point when the columns of a view change places."""
    return size - 1 - point[0], point[1]


def taught_point(
    point: Point, center: Point, side: float, degrees: float, sizes: tuple[int, int], *, udp: bool, flip_on: str
) -> Point:
    """Where an image_ point is taught on an output; `sizes` are those of the input and of the output.

    `flip_on` says of a mirrored picture whether the columns of the output have changed places, as published, or those
    of the input ("output", "input"); "" for a picture that is not mirrored.
    """
    view, (size, output) = udp_view if udp else plain_view, sizes
    if flip_on == "input":
        x, y = mirrored_view(view(point, center, side, degrees, size), size)
        factor = (output - 1) / (size - 1) if udp else output / size
        return x * factor, y * factor
    x, y = view(point, center, side, degrees, output)
    return mirrored_view((x, y), output) if flip_on else (x, y)


def bilinear(mask: list[list[float]], x: float, y: float) -> float:
    """A mask between its pixels; outside of it there is 0."""
    total = 0.0
    for column in (math.floor(x), math.floor(x) + 1):
        for row in (math.floor(y), math.floor(y) + 1):
            inside = 0 <= row < len(mask) and 0 <= column < len(mask[0])
            total += (1 - abs(x - column)) * (1 - abs(y - row)) * (mask[row][column] if inside else 0.0)
    return total


def plain_sizes(
    picture_wh: tuple[int, int], short_side: int, scale: float, smallest: float, *, mmpose: bool
) -> tuple[int, int]:
    """Width and height of a test input."""

    def up(length: float) -> int:
        return math.ceil(length / 64) * 64 if mmpose else int((length + 63) // 64 * 64)

    width, height = picture_wh
    short = up(smallest * short_side)
    if width < height:
        return int(short * scale / smallest), int(up(short / width * height) * scale / smallest)
    return int(up(short / height * width) * scale / smallest), int(short * scale / smallest)


def _rounded_up(value: float) -> int:
    return int(value + 0.5)


def plain_input(point: Point, picture_wh: tuple[int, int], size_wh: tuple[int, int], *, mmpose: bool) -> Point:
    """An image_ point in a test input: a crop of centre (cx, cy) whose side along x is w_input / w_crop."""
    width, height = picture_wh
    rounded = round if mmpose else _rounded_up
    center = rounded(width / 2.0), rounded(height / 2.0)
    crop_width = width if width < height else size_wh[0] / size_wh[1] * height
    factor = size_wh[0] / crop_width
    return size_wh[0] * 0.5 + factor * (point[0] - center[0]), size_wh[1] * 0.5 + factor * (point[1] - center[1])


def udp_covered(picture_wh: tuple[int, int], size_wh: tuple[int, int]) -> Point:
    """Width and height, between pixel centres, of what a test input of a size shows."""
    width, height = picture_wh
    if width < height:
        return width - 1.0, (size_wh[1] - 1.0) / (size_wh[0] - 1.0) * (width - 1.0)
    return (size_wh[0] - 1.0) / (size_wh[1] - 1.0) * (height - 1.0), height - 1.0

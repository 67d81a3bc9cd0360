"""RSN's encoding and decoding, one map and one pixel at a time in float64, for comparison with the batched code."""

import math

from reference.codec_loops import Map, Point, blur, gaussian, peak, zeros

BORDER = 10


def encode_megvii(point: Point, kernel: int, width: int, height: int, *, scale_by_pixel: bool) -> Map:
    """The blurred pixel that the heatmap_ point lies in; it must lie on the map."""
    x, y = int(point[0]), int(point[1])
    values = zeros(width, height)
    values[y][x] = 1.0
    blurred = blur(values, kernel, zero_border=False)
    highest = blurred[y][x] if scale_by_pixel else peak(blurred)[2]
    return [[value / highest * 255 for value in row] for row in blurred]


def encode_megvii_udp(point: Point, sigma: float, width: int, height: int) -> Map:
    return [[255 * gaussian(point, x, y, sigma) for x in range(width)] for y in range(height)]


def decode_megvii(values: Map, kernel: int) -> tuple[Point, float]:
    """RSN: input_ pixels divided by the stride, so that a pixel's middle is at one half."""
    width, height = len(values[0]), len(values)
    wide = zeros(width + 2 * BORDER, height + 2 * BORDER)
    for y in range(height):
        for x in range(width):
            wide[y + BORDER][x + BORDER] = values[y][x]
    blurred = blur(wide, kernel, zero_border=False)
    first_x, first_y, _ = peak(blurred)
    blurred[first_y][first_x] = 0.0
    second_x, second_y, _ = peak(blurred)
    dx, dy = second_x - first_x, second_y - first_y
    length = math.hypot(dx, dy)
    x, y = float(first_x - BORDER), float(first_y - BORDER)
    if length > 1e-3:
        x, y = x + 0.25 * dx / length, y + 0.25 * dy / length
    x, y = max(0.0, min(x, width - 1)), max(0.0, min(y, height - 1))
    return (x + 0.5, y + 0.5), values[round(y)][round(x)] / 255 + 0.5


def decode_megvii_mmpose(values: Map, kernel: int) -> tuple[Point, float]:
    width, height = len(values[0]), len(values)
    blurred = blur(values, kernel, zero_border=True)
    x, y, _ = peak(blurred)
    score = peak(values)[2] / 255 + 0.5
    if not (1 < x < width - 1 and 1 < y < height - 1):
        return (x, y), score
    rise_x, rise_y = blurred[y][x + 1] - blurred[y][x - 1], blurred[y + 1][x] - blurred[y - 1][x]
    return (x + math.copysign(0.25, rise_x) + 0.5, y + math.copysign(0.25, rise_y) + 0.5), score

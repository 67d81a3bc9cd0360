"""Encoders and decoders of the published systems, one map and one pixel at a time in float64.

Written from the formulas, without tensors, to compare the batched code with on fresh input. A map is a list of rows.
"""

import math

Map = list[list[float]]
Point = tuple[float, float]


def zeros(width: int, height: int) -> Map:
    return [[0.0] * width for _ in range(height)]


def gaussian(point: Point, x: int, y: int, sigma: float) -> float:
    return math.exp(-((x - point[0]) ** 2 + (y - point[1]) ** 2) / (2 * sigma**2))


def patch(middle: tuple[int, int], point: Point, sigma: int, width: int, height: int) -> tuple[Map, bool]:
    """A Gaussian around `point` in a patch of 6 sigma + 1 pixels around `middle`; false when it misses the map."""
    result = zeros(width, height)
    left, top = middle[0] - 3 * sigma, middle[1] - 3 * sigma
    right, bottom = middle[0] + 3 * sigma + 1, middle[1] + 3 * sigma + 1
    if left >= width or top >= height or right < 0 or bottom < 0:
        return result, False
    for y in range(max(0, top), min(bottom, height)):
        for x in range(max(0, left), min(right, width)):
            result[y][x] = gaussian(point, x, y, sigma)
    return result, True


def encode_msra(point: Point, sigma: int, width: int, height: int) -> tuple[Map, bool]:
    middle = int(point[0] + 0.5), int(point[1] + 0.5)
    return patch(middle, middle, sigma, width, height)


def encode_udp(point: Point, sigma: int, width: int, height: int) -> tuple[Map, bool]:
    return patch((int(point[0] + 0.5), int(point[1] + 0.5)), point, sigma, width, height)


def encode_dark(point: Point, sigma: int, width: int, height: int, *, truncate: bool) -> tuple[Map, bool]:
    ends = [point[0] - 3 * sigma, point[1] - 3 * sigma, point[0] + 3 * sigma + 1, point[1] + 3 * sigma + 1]
    if truncate:
        ends = [int(value) for value in ends]
    if ends[0] >= width or ends[1] >= height or ends[2] < 0 or ends[3] < 0:
        return zeros(width, height), False
    return [[gaussian(point, x, y, sigma) for x in range(width)] for y in range(height)], True


def encode_offset(point: Point, radius: float, width: int, height: int) -> tuple[Map, Map, Map]:
    mask, dx, dy = zeros(width, height), zeros(width, height), zeros(width, height)
    for y in range(height):
        for x in range(width):
            offset_x, offset_y = (point[0] - x) / radius, (point[1] - y) / radius
            if offset_x * offset_x + offset_y * offset_y <= 1:
                mask[y][x], dx[y][x], dy[y][x] = 1.0, offset_x, offset_y
    return mask, dx, dy


def kernel(size: int) -> list[float]:
    """OpenCV's kernel where no width is given; up to 9 they are tabulated."""
    tables = {5: (16, 64, 96), 7: (8, 28, 56, 72), 9: (4, 13, 30, 51, 60)}
    if size in tables:
        half = [value / 256 for value in tables[size]]
        return half + half[-2::-1]
    sigma = 0.3 * ((size - 1) * 0.5 - 1) + 0.8
    values = [math.exp(-((i - (size - 1) / 2) ** 2) / (2 * sigma**2)) for i in range(size)]
    return [value / sum(values) for value in values]


def blur(values: Map, size: int, *, zero_border: bool) -> Map:
    height, width = len(values), len(values[0])
    weights = kernel(size)

    def at(line: list[float], index: int) -> float:
        if zero_border and not 0 <= index < len(line):
            return 0.0
        while not 0 <= index < len(line):
            index = -index if index < 0 else 2 * (len(line) - 1) - index
        return line[index]

    def blur_line(line: list[float]) -> list[float]:
        half = size // 2
        return [sum(weights[k] * at(line, i + k - half) for k in range(size)) for i in range(len(line))]

    rows = [blur_line(row) for row in values]
    columns = [blur_line([rows[y][x] for y in range(height)]) for x in range(width)]
    return [[columns[x][y] for x in range(width)] for y in range(height)]


def peak(values: Map) -> tuple[int, int, float]:
    best_x, best_y = 0, 0
    for y, row in enumerate(values):
        for x, value in enumerate(row):
            if value > values[best_y][best_x]:
                best_x, best_y = x, y
    return best_x, best_y, values[best_y][best_x]


def decode_quarter(values: Map) -> Point:
    x, y, _ = peak(values)
    if not (1 < x < len(values[0]) - 1 and 1 < y < len(values) - 1):
        return x, y

    def sign(value: float) -> int:
        return (value > 0) - (value < 0)

    dx, dy = sign(values[y][x + 1] - values[y][x - 1]), sign(values[y + 1][x] - values[y - 1][x])
    return x + 0.25 * dx, y + 0.25 * dy


def newton(x: int, y: int, dx: float, dy: float, hessian: tuple[float, float, float]) -> Point:
    dxx, dxy, dyy = hessian
    determinant = dxx * dyy - dxy * dxy
    if determinant == 0:
        return x, y
    return x - (dyy * dx - dxy * dy) / determinant, y - (dxx * dy - dxy * dx) / determinant


def decode_dark(values: Map, size: int) -> Point:
    x, y, highest = peak(values)
    if not (1 < x < len(values[0]) - 2 and 1 < y < len(values) - 2):
        return x, y
    blurred = blur(values, size, zero_border=True)
    stretch = highest / peak(blurred)[2]

    def log(dx: int, dy: int) -> float:
        return math.log(max(blurred[y + dy][x + dx] * stretch, 1e-10))

    dxx = 0.25 * (log(2, 0) - 2 * log(0, 0) + log(-2, 0))
    dyy = 0.25 * (log(0, 2) - 2 * log(0, 0) + log(0, -2))
    dxy = 0.25 * (log(1, 1) - log(1, -1) - log(-1, 1) + log(-1, -1))
    slope_x, slope_y = 0.5 * (log(1, 0) - log(-1, 0)), 0.5 * (log(0, 1) - log(0, -1))
    return newton(x, y, slope_x, slope_y, (dxx, dxy, dyy))


def decode_udp(values: Map, size: int, *, rescale: bool) -> Point:
    x, y, highest = peak(values)
    blurred = blur(values, size, zero_border=False)
    low, high = min(map(min, blurred)), max(map(max, blurred))

    def log(dx: int, dy: int) -> float:
        row = min(max(y + dy, 0), len(values) - 1)
        column = min(max(x + dx, 0), len(values[0]) - 1)
        value = blurred[row][column]
        if rescale:
            value = (value - low) / (high - low) * highest
        return math.log(min(max(value, 0.001), 50.0))

    dxx = log(1, 0) - 2 * log(0, 0) + log(-1, 0)
    dyy = log(0, 1) - 2 * log(0, 0) + log(0, -1)
    dxy = 0.5 * (log(1, 1) - log(1, 0) - log(0, 1) + 2 * log(0, 0) - log(-1, 0) - log(0, -1) + log(-1, -1))
    epsilon = 0.0 if rescale else 2.0**-23
    slope_x, slope_y = 0.5 * (log(1, 0) - log(-1, 0)), 0.5 * (log(0, 1) - log(0, -1))
    return newton(x, y, slope_x, slope_y, (dxx + epsilon, dxy, dyy + epsilon))


def decode_offset(mask: Map, dx: Map, dy: Map, size: int, radius: float) -> tuple[Point, float]:
    x, y, score = peak(blur(mask, 2 * size + 1, zero_border=False))
    shift_x = blur(dx, size, zero_border=False)[y][x]
    shift_y = blur(dy, size, zero_border=False)[y][x]
    return (x + shift_x * radius, y + shift_y * radius), score

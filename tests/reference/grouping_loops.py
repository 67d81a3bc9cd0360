"""Associative embedding one map, one pixel and one person at a time in float64, for comparison with the batched code.

Written from the published arithmetic. Assignments are found by trying all; `Tie` is raised where two equally good ones
give different people, because the published systems leave that to their solver.
"""

import math
from functools import cache

import numpy as np

FAR = -1  # no person, or one whose tag is too far away


class Tie(Exception):
    """Two equally good assignments give different people."""


def draw(
    points: np.ndarray, visible: np.ndarray, sigma: float, width: int, height: int, *, unbiased: bool
) -> np.ndarray:
    """Maps (K, h, w) of one picture's heatmap_ points (M, K, 2)."""
    maps = np.zeros((points.shape[1], height, width))
    reach = int(3 * sigma + 1)
    for person, joint in np.ndindex(visible.shape):
        if not visible[person, joint]:
            continue
        x, y = (int(value) for value in points[person, joint])
        if not (0 <= x < width and 0 <= y < height):
            continue
        middle_x, middle_y = points[person, joint] if unbiased else (x, y)
        for row in range(max(0, y - reach), min(height, y + reach + 1)):
            for column in range(max(0, x - reach), min(width, x + reach + 1)):
                square = (column - middle_x) ** 2 + (row - middle_y) ** 2
                maps[joint, row, column] = max(maps[joint, row, column], math.exp(-square / (2 * sigma**2)))
    return maps


def candidates(values: np.ndarray, kernel: int, threshold: float, most: int) -> list[tuple[float, int, int]]:
    """(score, x, y) of a map (h, w), the highest first."""
    height, width = values.shape
    reach = kernel // 2
    found = []
    for y in range(height):
        for x in range(width):
            around = values[max(0, y - reach) : y + reach + 1, max(0, x - reach) : x + reach + 1]
            if values[y, x] > threshold and values[y, x] == around.max():
                found.append((float(values[y, x]), x, y))
    return sorted(found, key=lambda one: (-one[0], one[2], one[1]))[:most]


def assign(costs: np.ndarray, near: np.ndarray) -> list[int]:
    """The column of each row in the cheapest assignment, FAR where it is not near or there is none."""
    num_rows, num_columns = costs.shape

    @cache
    def cheapest(row: int, used: int, left_out: int) -> tuple[float, frozenset[tuple[int, ...]]]:
        if row == num_rows:
            return 0.0, frozenset([()])
        best, outcomes = math.inf, frozenset()
        choices = [column for column in range(num_columns) if not used >> column & 1]
        for column in [*choices, *([None] if left_out else [])]:
            if column is None:
                cost, rest = cheapest(row + 1, used, left_out - 1)
                outcome = FAR
            else:
                cost, rest = cheapest(row + 1, used | 1 << column, left_out)
                cost += float(costs[row, column])
                outcome = column if near[row, column] else FAR
            own = frozenset((outcome, *one) for one in rest)
            if cost < best - 1e-9:
                best, outcomes = cost, own
            elif cost < best + 1e-9:
                outcomes |= own
        return best, outcomes

    _, outcomes = cheapest(0, 0, max(0, num_rows - num_columns))
    if len(outcomes) > 1:
        raise Tie
    return list(next(iter(outcomes)))


def group(
    found: list[list[tuple[float, tuple[float, ...]]]],
    order: list[int],
    *,
    most: int = 30,
    tag_threshold: float = 1.0,
    use_scores: bool = True,
    ignore_too_much: bool = False,
    mmpose: bool = False,
) -> list[dict[int, int]]:
    """People as joint -> number of its candidate, of candidates (score, tags) per joint."""
    people: dict[float, dict[int, int]] = {}
    tags: dict[float, list[np.ndarray]] = {}
    for joint in order:
        own = [np.array(tag, float) for _, tag in found[joint]]
        if not own:
            continue
        keys = list(people)
        if not mmpose:
            keys = keys[:most]
            if ignore_too_much and len(keys) == most:
                continue
        elif ignore_too_much:
            keys = keys[:most]
        columns = [FAR] * len(own)
        if keys:
            distances = np.array([[np.linalg.norm(tag - np.mean(tags[key], axis=0)) for key in keys] for tag in own])
            scores = np.array([[score] for score, _ in found[joint]])
            costs = np.round(distances) * 100 - scores if use_scores else distances
            columns = assign(costs, distances < tag_threshold)
        for number, column in enumerate(columns):
            if column != FAR:
                people[keys[column]][joint] = number
                tags[keys[column]].append(own[number])
            else:
                key = float(own[number][0])
                people.setdefault(key, {})[joint] = number
                tags[key] = [own[number]]
    kept = list(people.values())
    return kept[:most] if mmpose and ignore_too_much else kept


def quarter(values: np.ndarray, x: int, y: int) -> tuple[float, float]:
    height, width = values.shape
    right, left = values[y, min(width - 1, x + 1)], values[y, max(0, x - 1)]
    below, above = values[min(height - 1, y + 1), x], values[max(0, y - 1), x]
    return (0.25 if right > left else -0.25), (0.25 if below > above else -0.25)


def dark(values: np.ndarray, x: int, y: int) -> tuple[float, float]:
    """The shift of UDP's DARK step with OpenCV's blur of three."""
    height, width = values.shape

    def at(row: int, column: int) -> float:
        row, column = abs(row), abs(column)
        row = 2 * (height - 1) - row if row >= height else row
        column = 2 * (width - 1) - column if column >= width else column
        return float(values[row, column])

    def log(dx: int, dy: int) -> float:
        column, row = min(max(x + dx, 0), width - 1), min(max(y + dy, 0), height - 1)
        weights = {-1: 0.25, 0: 0.5, 1: 0.25}
        blurred = sum(weights[i] * weights[j] * at(row + i, column + j) for i in weights for j in weights)
        return math.log(min(max(blurred, 0.001), 50.0))

    slope_x, slope_y = 0.5 * (log(1, 0) - log(-1, 0)), 0.5 * (log(0, 1) - log(0, -1))
    dxx = log(1, 0) - 2 * log(0, 0) + log(-1, 0) + 2.0**-23
    dyy = log(0, 1) - 2 * log(0, 0) + log(0, -1) + 2.0**-23
    dxy = 0.5 * (log(1, 1) - log(1, 0) - log(0, 1) + 2 * log(0, 0) - log(-1, 0) - log(0, -1) + log(-1, -1))
    shift = np.linalg.solve([[dxx, dxy], [dxy, dyy]], [slope_x, slope_y])
    return -float(shift[0]), -float(shift[1])


def best_pixel(values: np.ndarray, tags: np.ndarray, mean: np.ndarray) -> tuple[int, int]:
    """(x, y) of the first highest heatmap - round(distance), of maps (h, w) and (h, w, T)."""
    best, place = -math.inf, (0, 0)
    height, width = values.shape
    for y in range(height):
        for x in range(width):
            value = float(np.float32(values[y, x]) - np.float32(round(math.dist(tags[y, x], mean))))
            if value > best:
                best, place = value, (x, y)
    return place


def read_people(
    heatmaps: np.ndarray,
    tags: np.ndarray,
    order: list[int],
    *,
    kernel: int = 5,
    threshold: float = 0.1,
    adjust: bool = True,
    refine: bool = True,
    unbiased: bool = False,
    most: int = 30,
    **rules: float,
) -> list[list[tuple[float, ...]]]:
    """Rows (x, y, score, score before refinement, refined, tags...) of each person, of (K, h, w) and (K, h, w, T)."""
    num_joints, height, width = heatmaps.shape
    half = 0.0 if unbiased else 0.5
    found = [candidates(one, kernel, threshold, most) for one in heatmaps]
    tagged = [
        [(score, tuple(map(float, tags[joint, y, x]))) for score, x, y in found[joint]] for joint in range(num_joints)
    ]
    people = []
    for members in group(tagged, order, most=most, **rules):
        rows = []
        for joint in range(num_joints):
            if joint not in members:
                rows.append([0.0, 0.0, 0.0, 0.0, 0.0, *[0.0] * tags.shape[3]])
                continue
            score, x, y = found[joint][members[joint]]
            step = (0.0, 0.0)
            if adjust:
                step = dark(heatmaps[joint], x, y) if unbiased else quarter(heatmaps[joint], x, y)
                step = step[0] + half, step[1] + half
            rows.append([x + step[0], y + step[1], score, score, 0.0, *tagged[joint][members[joint]][1]])
        if refine:
            own = []
            for joint in sorted(members):
                x, y = int(rows[joint][0]), int(rows[joint][1])
                own.append(tags[joint, min(max(y, 0), height - 1), min(max(x, 0), width - 1)].astype(float))
            mean = np.mean(own, axis=0)
            for joint in set(range(num_joints)) - set(members):
                x, y = best_pixel(heatmaps[joint], tags[joint], mean)
                if heatmaps[joint, y, x] > 0:
                    step = quarter(heatmaps[joint], x, y)
                    rows[joint][:3] = x + step[0] + half, y + step[1] + half, float(heatmaps[joint, y, x])
                    rows[joint][4] = 1.0
        people.append([tuple(row) for row in rows])
    return people


def tag_losses(tags: np.ndarray, index: np.ndarray, visible: np.ndarray, kind: str) -> tuple[float, float]:
    """(push, pull) of one picture: tags (K, h, w), pixels (M, K) and which count (M, K)."""
    means, pull = [], 0.0
    for person in range(len(index)):
        own = [float(tags[joint].flat[index[person, joint]]) for joint in range(len(tags)) if visible[person, joint]]
        if own:
            means.append(sum(own) / len(own))
            pull += sum((value - means[-1]) ** 2 for value in own) / len(own)
    count = len(means)
    if count == 0:
        return 0.0, 0.0
    push = 0.0
    for first in range(count):
        for second in range(count):
            if first != second:
                gap = abs(means[first] - means[second])
                push += math.exp(-(gap**2)) if kind == "exp" else max(0.0, 1 - gap)
    return (0.5 * push / (count * (count - 1)) if count > 1 else 0.0), pull / count


def masked_error(output: np.ndarray, target: np.ndarray, mask: np.ndarray) -> float:
    """Mean over all of a batch's pixels (B, K, h, w), those outside the mask (B, h, w) as 0."""
    total = 0.0
    for picture, joint in np.ndindex(output.shape[:2]):
        squares = (output[picture, joint].astype(float) - target[picture, joint].astype(float)) ** 2
        total += float((squares * mask[picture]).sum())
    return total / output.size

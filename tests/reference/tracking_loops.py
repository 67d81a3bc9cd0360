"""Similarity of poses and the best assignment for the tracker, one number at a time, in float64.

Written from the docstrings of lib/tracking, independent of its code.
"""

import itertools
import math
from collections.abc import Sequence

Box = Sequence[float]
Points = Sequence[Sequence[float]]


def widened(box: Box, around: float) -> list[float]:
    """A box (left, top, width, height) that reaches further on every side."""
    return [box[0] - around, box[1] - around, box[2] + 2 * around, box[3] + 2 * around]


def overlap(first: Box, second: Box) -> float:
    """Intersection over union."""
    width = min(first[0] + first[2], second[0] + second[2]) - max(first[0], second[0])
    height = min(first[1] + first[3], second[1] + second[3]) - max(first[1], second[1])
    if width <= 0 or height <= 0:
        return 0.0
    return width * height / (first[2] * first[3] + second[2] * second[3] - width * height)


def similarity(
    first: tuple[Points, Sequence[bool], Box],
    second: tuple[Points, Sequence[bool], Box],
    sigmas: Sequence[float],
    drift: float,
    oks_share: float,
) -> float:
    """OKS over the keypoints that both see and overlap of the widened boxes, weighed by how many those are."""
    (points, seen, box), (other_points, other_seen, other_box) = first, second
    area = (box[2] * box[3] + other_box[2] * other_box[3]) / 2
    around = math.sqrt(area) * drift / 2
    boxes = overlap(widened(box, around), widened(other_box, around))
    if boxes == 0:
        return 0.0
    total, count = 0.0, 0
    for a, b, sigma, sees, other_sees in zip(points, other_points, sigmas, seen, other_seen, strict=True):
        if sees and other_sees:
            variance = (2 * sigma) ** 2 + drift**2
            total += math.exp(-((a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2) / (2 * area * variance))
            count += 1
    share = oks_share * count / (count + 1)
    return share * (total / count if count else 0.0) + (1 - share) * boxes


def most_worth(worth: Sequence[Sequence[float]]) -> float:
    """The largest sum that pairs of different rows and columns can have: every possibility is tried."""
    rows, columns = len(worth), len(worth[0]) if worth else 0
    if rows > columns:
        return most_worth([[worth[row][column] for row in range(rows)] for column in range(columns)])
    choices = itertools.permutations(range(columns), rows)
    return max((sum(worth[row][column] for row, column in enumerate(choice)) for choice in choices), default=0.0)

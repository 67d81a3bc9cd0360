"""OKS, hard and soft suppression and rescoring, one number at a time, in float64.

Written from the formulas (COCO keypoint evaluation; HRNet lib/nms/nms.py and lib/dataset/coco.py), independent of lib/.
"""

import math
from collections.abc import Sequence

Pose = Sequence[Sequence[float]]


def similarity(first: Pose, second: Pose, area: float, sigmas: Sequence[float], labelled: Sequence[bool]) -> float:
    """Mean of exp(-d² / (2 · area · (2·sigma)²)) over the labelled keypoints; 0 without any."""
    total, count = 0.0, 0
    for a, b, sigma, counts in zip(first, second, sigmas, labelled, strict=True):
        if counts:
            squared = (a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2
            total += math.exp(-squared / (2 * sigma) ** 2 / (area + math.ulp(1.0)) / 2)
            count += 1
    return total / count if count else 0.0


def between(poses: Sequence[Pose], areas: Sequence[float], sigmas: Sequence[float], i: int, j: int) -> float:
    """Similarity of two predictions."""
    return similarity(poses[i], poses[j], (areas[i] + areas[j]) / 2, sigmas, [True] * len(sigmas))


def best_first(indices: list[int], scores: dict[int, float]) -> list[int]:
    """Descending scores; among equal ones the later record first."""
    return sorted(indices, key=lambda index: (-scores[index], -index))


def images_in_order(image_ids: Sequence[int]) -> list[list[int]]:
    """Record indices per image, images in order of first appearance."""
    groups: dict[int, list[int]] = {}
    for index, image in enumerate(image_ids):
        groups.setdefault(image, []).append(index)
    return list(groups.values())


def hard(
    poses: Sequence[Pose],
    areas: Sequence[float],
    scores: Sequence[float],
    image_ids: Sequence[int],
    sigmas: Sequence[float],
    threshold: float,
) -> list[int]:
    """Kept records, images in order of first appearance, best first."""
    kept = []
    for records in images_in_order(image_ids):
        left = best_first(records, dict(enumerate(scores)))
        while left:
            best = left.pop(0)
            kept.append(best)
            left = [index for index in left if between(poses, areas, sigmas, best, index) <= threshold]
    return kept


def soft(
    poses: Sequence[Pose],
    areas: Sequence[float],
    scores: Sequence[float],
    image_ids: Sequence[int],
    sigmas: Sequence[float],
    threshold: float,
    limit: int = 20,
) -> list[int]:
    """Chosen records, images in order of first appearance, in the order of choice; ties as in the first ranking."""
    chosen = []
    for records in images_in_order(image_ids):
        lowered = {index: scores[index] for index in records}
        left = best_first(records, lowered)
        for _ in range(min(limit, len(records))):
            best = max(left, key=lambda index: lowered[index])
            left.remove(best)
            chosen.append(best)
            for index in left:
                lowered[index] *= math.exp(-(between(poses, areas, sigmas, best, index) ** 2) / threshold)
    return chosen


def rescored(joint_scores: Sequence[float], box_score: float, threshold: float) -> float:
    """Mean joint score above the threshold, times the box score."""
    above = [score for score in joint_scores if score > threshold]
    return sum(above) / len(above) * box_score if above else 0.0

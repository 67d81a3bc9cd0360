"""Crops from three point pairs, as HRNet and DarkPose define them, and UDP's rotation about the centre, in float64."""

import math

import numpy as np


def three_point_warp(
    center: np.ndarray, scale: np.ndarray, degrees: float, size_wh: tuple[int, int], less: int
) -> np.ndarray:
    """image -> input, (2, 3): `less` is 0 for HRNet and 1 for DarkPose, which subtracts it from every length."""
    angle = math.radians(degrees)
    length = (200.0 * scale[0] - less) * -0.5
    direction = np.array([-length * math.sin(angle), length * math.cos(angle)])
    middle = np.array([(size_wh[0] - less) * 0.5, (size_wh[1] - less) * 0.5])
    source = [np.asarray(center, dtype=float), center + direction]
    target = [middle, middle + np.array([0.0, (size_wh[0] - less) * -0.5])]
    for points in (source, target):
        difference = points[0] - points[1]
        points.append(points[1] + np.array([-difference[1], difference[0]]))
    return np.linalg.solve(np.column_stack([np.array(source), np.ones(3)]), np.array(target)).T


def udp_input_point(
    image_point: np.ndarray, center: np.ndarray, scale: np.ndarray, degrees: float, size_wh: tuple[int, int]
) -> np.ndarray:
    angle = math.radians(degrees)
    x, y = image_point - center
    turned = np.array([math.cos(angle) * x - math.sin(angle) * y, math.sin(angle) * x + math.cos(angle) * y])
    side = 200.0 * np.asarray(scale, dtype=float)
    return (turned + side / 2) * (np.array(size_wh) - 1) / side


def padded_box(
    box_xywh: list[float], factors: tuple[float, float], aspect: float
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Centre and scale as in RSN's tests (dataset/JointsDataset.py): enlarged, then brought to the aspect."""
    x, y, width, height = box_xywh
    width, height = width * factors[0], height * factors[1]
    if width > aspect * height:
        height = width / aspect
    else:
        width = height * aspect
    return (x + box_xywh[2] / 2, y + box_xywh[3] / 2), (width / 200, height / 200)

"""Crops around the upper or the lower half of a body, as HRNet and RSN make them."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from lib.utils.geometry import PIXELS_PER_SCALE, with_aspect

HRNET_MIN_KEYPOINTS, HRNET_LEFT_KEYPOINTS = 3, 2
HRNET_PADDING = 1.5
RSN_MIN_KEYPOINTS, RSN_LEFT_KEYPOINTS = 4, 3


class _Half(NamedTuple):
    """The chosen half of B bodies: its keypoints (B, K) bool, and their extent, first and last (x, y), (B, 2)."""

    chosen: np.ndarray
    first: np.ndarray
    last: np.ndarray


def half_body_boxes(
    image_keypoints: np.ndarray,
    visible: np.ndarray,
    upper_body: Sequence[int],
    prefer_upper: np.ndarray,
    aspect: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """HRNet's crops: around the mean of the keypoints, half as large again as their box.

    Args:
        image_keypoints: (B, K, 2).
        visible: (B, K), above 0 where a keypoint is labelled.
        upper_body: indices of the upper body; all others are the lower body.
        prefer_upper: take the upper body if it has three visible keypoints; otherwise the lower body comes first, (B,).
        aspect: width / height of the crop.

    Returns:
        centre (B, 2) and scale (B, 2), float32, and whether there is such a crop, (B,) bool: not where fewer than two
        keypoints, or one single point, are left.

    Source: HRNet lib/dataset/JointsDataset.py:65-108, where a half body without extent gives an undefined crop.
    """
    half = _choose_half(image_keypoints, visible, upper_body, prefer_upper, HRNET_MIN_KEYPOINTS)
    count = half.chosen.sum(axis=1)
    size = np.where((count >= HRNET_LEFT_KEYPOINTS)[:, None], half.last - half.first, np.float32(0))
    total = np.where(half.chosen[..., None], image_keypoints.astype(np.float32), np.float32(0)).sum(axis=1)
    center = total / np.maximum(count, 1).astype(np.float32)[:, None]
    scale = with_aspect(size, aspect).astype(np.float32) / np.float32(PIXELS_PER_SCALE) * np.float32(HRNET_PADDING)
    return center, scale, (scale > 0).all(axis=1)


def stretched_half_body_boxes(
    image_keypoints: np.ndarray,
    visible: np.ndarray,
    upper_body: Sequence[int],
    prefer_upper: np.ndarray,
    stretch: np.ndarray,
    aspect: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """RSN's crops: the box of the keypoints, its width and height stretched each by a factor of its own.

    Args:
        image_keypoints, visible, upper_body, aspect: as in `half_body_boxes`.
        prefer_upper: take the upper body if it has four visible keypoints; otherwise the lower body comes first, (B,).
        stretch: factors on width and height, (B, 2).

    Returns:
        As `half_body_boxes`; there is no such crop where fewer than three keypoints, or one single point, are left.

    Source: RSN dataset/JointsDataset.py, half_body_transform.
    """
    half = _choose_half(image_keypoints, visible, upper_body, prefer_upper, RSN_MIN_KEYPOINTS)
    usable = half.chosen.sum(axis=1) >= RSN_LEFT_KEYPOINTS
    first, last = (np.where(usable[:, None], side, np.float32(0)) for side in (half.first, half.last))
    scale = (with_aspect((last - first) * stretch, aspect) / PIXELS_PER_SCALE).astype(np.float32)
    return (first + last) / np.float32(2), scale, usable & (scale > 0).all(axis=1)


def _choose_half(
    image_keypoints: np.ndarray,
    visible: np.ndarray,
    upper_body: Sequence[int],
    prefer_upper: np.ndarray,
    min_keypoints: int,
) -> _Half:
    """The preferred half if it has enough keypoints, else the lower, and without enough there the upper."""
    is_upper = np.zeros(visible.shape[1], bool)
    is_upper[list(upper_body)] = True
    upper, lower = (visible > 0) & is_upper, (visible > 0) & ~is_upper
    enough_upper, enough_lower = ((half.sum(axis=1) >= min_keypoints) for half in (upper, lower))
    chosen = np.where(((prefer_upper & enough_upper) | ~enough_lower)[:, None], upper, lower)
    points = image_keypoints.astype(np.float32)
    first = np.where(chosen[..., None], points, np.inf).min(axis=1).astype(np.float32)
    last = np.where(chosen[..., None], points, -np.inf).max(axis=1).astype(np.float32)
    return _Half(chosen, first, last)

"""Random changes of training samples: drawn first, then applied to whole batches by functions without randomness.

Distributions: HRNet lib/dataset/JointsDataset.py:143-166, the same in UDP-Pose and DarkPose.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch

from lib.skeletons.skeleton import Skeleton
from lib.utils.geometry import PIXELS_PER_SCALE, mirror_points

ROTATION_PROBABILITY = 0.6
ROTATION_LIMIT = 2.0  # in units of the rotation factor
FLIP_PROBABILITY = 0.5
# The published code compares a normal, not a uniform, draw with 0.5: the upper body is preferred in 69 % of the cases.
UPPER_BODY_BELOW = 0.5
HALF_BODY_MIN_KEYPOINTS = 3
HALF_BODY_PADDING = 1.5


@dataclass(frozen=True)
class AugmentSettings:
    """How strongly training samples are changed.

    Attributes:
        flip: mirror with probability 0.5.
        scale_factor: standard deviation and limit of the relative change of scale.
        rotation_factor: standard deviation of the rotation in degrees; the limit is twice that.
        half_body_probability: of showing half a body, where enough keypoints are visible.
        half_body_above: half bodies are shown of people with more visible keypoints than this.
    """

    flip: bool
    scale_factor: float
    rotation_factor: float
    half_body_probability: float
    half_body_above: int


class AugmentParams(NamedTuple):
    """What is done to B samples; each field is (B,).

    Attributes:
        half_body: show half a body if the person has enough visible keypoints.
        prefer_upper: then the upper half if it has enough keypoints, else the lower.
        scale_factor: the box's size is multiplied by this, float64.
        rotation_degrees: the crop is turned by this, float64.
        flip: the image is mirrored.
    """

    half_body: np.ndarray
    prefer_upper: np.ndarray
    scale_factor: np.ndarray
    rotation_degrees: np.ndarray
    flip: np.ndarray

    def take(self, indices: np.ndarray) -> "AugmentParams":
        """Those of the samples at the given positions."""
        return AugmentParams(*(field[indices] for field in self))


class People(NamedTuple):
    """B people in image_ pixels.

    Attributes:
        center: of the crop, (B, 2) float32.
        scale: of the crop, (B, 2) float32, units of 200 pixels.
        keypoints: (x, y), (B, K, 2) float32.
        visible: (B, K) float32.
    """

    center: np.ndarray
    scale: np.ndarray
    keypoints: np.ndarray
    visible: np.ndarray


def no_augmentation(count: int) -> AugmentParams:
    """Parameters that change nothing."""
    off = np.zeros(count, bool)
    return AugmentParams(off, off, np.ones(count), np.zeros(count), off)


def draw(settings: AugmentSettings, seed: int, epoch: int, count: int) -> AugmentParams:
    """Draw the parameters of an epoch's first `count` records.

    What a record gets depends on seed, epoch and its number alone: not on `count`, nor on which process asks. Every
    number is drawn whether it is needed or not, so that one setting does not change the draws of another.
    """
    sources = np.random.SeedSequence((seed, epoch)).spawn(2)
    uniform, normal = (np.random.Generator(np.random.PCG64(source)) for source in sources)
    half_body, rotated, flipped = uniform.random((count, 3)).T
    preference, scale, rotation = normal.standard_normal((count, 3)).T
    limit = ROTATION_LIMIT * settings.rotation_factor
    degrees = np.clip(rotation * settings.rotation_factor, -limit, limit)
    return AugmentParams(
        half_body=half_body < settings.half_body_probability,
        prefer_upper=preference < UPPER_BODY_BELOW,
        scale_factor=1 + np.clip(scale * settings.scale_factor, -settings.scale_factor, settings.scale_factor),
        rotation_degrees=np.where(rotated <= ROTATION_PROBABILITY, degrees, 0.0),
        flip=settings.flip & (flipped <= FLIP_PROBABILITY),
    )


def half_body_boxes(
    image_keypoints: np.ndarray,
    visible: np.ndarray,
    upper_body: Sequence[int],
    prefer_upper: np.ndarray,
    aspect: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The crops around the upper or the lower bodies.

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
    is_upper = np.zeros(visible.shape[1], bool)
    is_upper[list(upper_body)] = True
    upper, lower = (visible > 0) & is_upper, (visible > 0) & ~is_upper
    enough_upper, enough_lower = ((half.sum(axis=1) >= HALF_BODY_MIN_KEYPOINTS) for half in (upper, lower))
    chosen = np.where(((prefer_upper & enough_upper) | ~enough_lower)[:, None], upper, lower)
    points, count = image_keypoints.astype(np.float32), chosen.sum(axis=1)
    low = np.where(chosen[..., None], points, np.inf).min(axis=1)
    high = np.where(chosen[..., None], points, -np.inf).max(axis=1)
    width, height = np.where(count > 1, (high - low).T, 0)
    size = np.stack([np.maximum(width, height * aspect), np.maximum(height, width / aspect)], axis=1)
    total = np.where(chosen[..., None], points, np.float32(0)).sum(axis=1)
    center = total / np.maximum(count, 1).astype(np.float32)[:, None]
    scale = size.astype(np.float32) / np.float32(PIXELS_PER_SCALE) * np.float32(HALF_BODY_PADDING)
    return center, scale, (scale > 0).all(axis=1)


def change_people(
    people: People,
    params: AugmentParams,
    settings: AugmentSettings,
    skeleton: Skeleton,
    aspect: float,
    widths: np.ndarray,
) -> People:
    """People as the drawn parameters show them; the rotation is left to the crop.

    Args:
        people: in the stored images.
        params: from `draw`.
        settings: those that the parameters were drawn with.
        skeleton: keypoint set with the upper body and the flip pairs.
        aspect: width / height of the crop.
        widths: of the images, pixels, (B,).

    Returns:
        The people in the images, which must be mirrored as well where `params.flip`.
    """
    boxes = half_body_boxes(people.keypoints, people.visible, skeleton.upper_body, params.prefer_upper, aspect)
    half_center, half_scale, usable = boxes
    half = (params.half_body & usable & ((people.visible > 0).sum(axis=1) > settings.half_body_above))[:, None]
    center, scale = np.where(half, half_center, people.center), np.where(half, half_scale, people.scale)
    scale = scale * params.scale_factor.astype(np.float32)[:, None]

    order = list(skeleton.flip_permutation)
    mirrored = mirror_points(torch.from_numpy(people.keypoints), torch.from_numpy(widths)[:, None], order).numpy()
    mirrored_center = np.stack([widths - 1 - center[:, 0], center[:, 1]], axis=1).astype(np.float32)
    flip = params.flip[:, None]
    return People(
        np.where(flip, mirrored_center, center),
        scale,
        np.where(flip[..., None], mirrored, people.keypoints),
        np.where(flip, people.visible[:, order], people.visible),
    )

"""Random changes of a training sample: drawn first, then applied by functions without randomness.

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
    """What is done to one sample.

    Attributes:
        half_body: show half a body if the person has enough visible keypoints.
        prefer_upper: then the upper half if it has enough keypoints, else the lower.
        scale_factor: the box's size is multiplied by this.
        rotation_degrees: the crop is turned by this.
        flip: the image is mirrored.
    """

    half_body: bool
    prefer_upper: bool
    scale_factor: float
    rotation_degrees: float
    flip: bool


class Person(NamedTuple):
    """A person in image_ pixels.

    Attributes:
        center: of the crop, (2,) float32.
        scale: of the crop, (2,) float32, units of 200 pixels.
        keypoints: (x, y), (K, 2) float32.
        visible: (K,) float32.
    """

    center: np.ndarray
    scale: np.ndarray
    keypoints: np.ndarray
    visible: np.ndarray


NO_AUGMENTATION = AugmentParams(False, False, 1.0, 0.0, False)


def sample_generator(seed: int, epoch: int, index: int) -> np.random.Generator:
    """The random numbers of one sample: the same for any number of workers and processes."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence((seed, epoch, index))))


def draw(settings: AugmentSettings, generator: np.random.Generator) -> AugmentParams:
    """Draw the parameters of one sample.

    Every number is drawn whether it is needed or not, so that one setting does not change the draws of another.
    """
    half_body, rotated, flipped = generator.random(3)
    preference, scale, rotation = generator.standard_normal(3)
    limit = ROTATION_LIMIT * settings.rotation_factor
    degrees = float(np.clip(rotation * settings.rotation_factor, -limit, limit))
    return AugmentParams(
        half_body=bool(half_body < settings.half_body_probability),
        prefer_upper=bool(preference < UPPER_BODY_BELOW),
        scale_factor=float(1 + np.clip(scale * settings.scale_factor, -settings.scale_factor, settings.scale_factor)),
        rotation_degrees=degrees if rotated <= ROTATION_PROBABILITY else 0.0,
        flip=bool(settings.flip and flipped <= FLIP_PROBABILITY),
    )


def half_body_box(
    image_keypoints: np.ndarray, visible: np.ndarray, upper_body: Sequence[int], prefer_upper: bool, aspect: float
) -> tuple[np.ndarray, np.ndarray] | None:
    """The crop around the upper or the lower body.

    Args:
        image_keypoints: (K, 2).
        visible: (K,), above 0 where a keypoint is labelled.
        upper_body: indices of the upper body; all others are the lower body.
        prefer_upper: take the upper body if it has three visible keypoints; otherwise the lower body comes first.
        aspect: width / height of the crop.

    Returns:
        centre (2,) and scale (2,) float32, or None where fewer than two keypoints, or one single point, are left.

    Source: HRNet lib/dataset/JointsDataset.py:65-108, where a half body without extent gives an undefined crop.
    """
    is_upper = np.zeros(len(visible), bool)
    is_upper[list(upper_body)] = True
    upper, lower = image_keypoints[(visible > 0) & is_upper], image_keypoints[(visible > 0) & ~is_upper]
    use_upper = prefer_upper and len(upper) >= HALF_BODY_MIN_KEYPOINTS
    points = upper if use_upper or len(lower) < HALF_BODY_MIN_KEYPOINTS else lower
    if len(points) < 2:
        return None
    points = points.astype(np.float32)
    width, height = np.ptp(points, axis=0)
    size = np.array([max(width, height * aspect), max(height, width / aspect)], np.float32)
    if not size.all():
        return None
    return points.mean(axis=0), size / np.float32(PIXELS_PER_SCALE) * np.float32(HALF_BODY_PADDING)


def change_person(
    person: Person, params: AugmentParams, settings: AugmentSettings, skeleton: Skeleton, aspect: float, width: int
) -> Person:
    """A person as the drawn parameters show them; the rotation is left to the crop.

    Args:
        person: in the stored image.
        params: from `draw`.
        settings: those that the parameters were drawn with.
        skeleton: keypoint set with the upper body and the flip pairs.
        aspect: width / height of the crop.
        width: of the image, pixels.

    Returns:
        The person in the image, which must be mirrored as well when `params.flip`.
    """
    center, scale = person.center, person.scale
    if params.half_body and (person.visible > 0).sum() > settings.half_body_above:
        box = half_body_box(person.keypoints, person.visible, skeleton.upper_body, params.prefer_upper, aspect)
        center, scale = box or (center, scale)
    scale = scale * np.float32(params.scale_factor)
    if not params.flip:
        return Person(center, scale, person.keypoints, person.visible)
    order = list(skeleton.flip_permutation)
    keypoints = mirror_points(torch.from_numpy(person.keypoints), width, order).numpy()
    mirrored_center = np.array([width - 1 - center[0], center[1]], np.float32)
    return Person(mirrored_center, scale, keypoints, person.visible[order])

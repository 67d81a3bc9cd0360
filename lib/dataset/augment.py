"""Random changes of training samples: drawn first, then applied to whole batches by functions without randomness.

Each published way is a `Recipe`: HRNet's (lib/dataset/JointsDataset.py:143-166, the same in UDP-Pose and DarkPose),
mmpose's, and RSN's for COCO and for MPII (dataset/JointsDataset.py and dataset/attribute.py; the same in UDP-RSN).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from lib.dataset.half_body import half_body_boxes, stretched_half_body_boxes
from lib.skeletons.skeleton import Skeleton
from lib.utils.geometry import PIXELS_PER_SCALE, mirror_points, with_aspect

ROTATION_LIMIT = 2.0  # of normal draws, in units of the rotation factor
FLIP_PROBABILITY = 0.5
# The published code compares a normal, not a uniform, draw with 0.5: the upper body is preferred in 69 % of the cases.
UPPER_BODY_BELOW = 0.5


@dataclass(frozen=True)
class Stretch:
    """RSN's crops, which start from the box as annotated.

    Attributes:
        extend: factor on width and height.
        random_wh: they grow by up to these parts more, each by itself.
        half_body_wh: the same for the boxes of half bodies, which are not extended before.
        shrink: factor on the size of every crop.
    """

    extend: float
    random_wh: tuple[float, float]
    half_body_wh: tuple[float, float]
    shrink: float


@dataclass(frozen=True)
class Recipe:
    """What the published ways differ in.

    Attributes:
        rotation_probability: of turning a crop.
        shift_probability, shift: of moving the centre of a crop, by up to this part of its size on each axis.
        stretch: for RSN's crops, whose scale and rotation are uniform and outside of which keypoints count as not
            labelled; None for crops that start from the padded box and have clipped normal draws.
    """

    rotation_probability: float
    shift_probability: float = 0.0
    shift: float = 0.0
    stretch: Stretch | None = None


RECIPES = {
    "hrnet": Recipe(0.6),
    # mmpose 0.29 mmpose/datasets/pipelines/top_down_transform.py, TopDownRandomShiftBboxCenter, which COCO's files use.
    "mmpose": Recipe(0.6, shift_probability=0.3, shift=0.16),
    "rsn": Recipe(0.5, stretch=Stretch(1.05, (0.6, 0.8), (0.6, 0.8), 0.8)),
    "rsn_mpii": Recipe(0.5, stretch=Stretch(1.25, (0.0, 0.0), (0.6, 0.6), 1.0)),
}


@dataclass(frozen=True)
class AugmentSettings:
    """How strongly training samples are changed.

    Attributes:
        flip: mirror with probability 0.5.
        scale_factor: standard deviation and limit of the relative change of scale; RSN: its limit.
        rotation_factor: standard deviation of the rotation in degrees, whose limit is twice that; RSN: its limit.
        half_body_probability: of showing half a body, where enough keypoints are visible.
        half_body_above: half bodies are shown of people with more visible keypoints than this.
        way: one of `RECIPES`.
    """

    flip: bool
    scale_factor: float
    rotation_factor: float
    half_body_probability: float
    half_body_above: int
    way: str = "hrnet"

    @property
    def recipe(self) -> Recipe:
        """What belongs to the way."""
        return RECIPES[self.way]

    @property
    def largest_rotation(self) -> float:
        """Degrees that no crop is turned by more than."""
        return self.rotation_factor * (ROTATION_LIMIT if self.recipe.stretch is None else 1.0)


class AugmentParams(NamedTuple):
    """What is done to B samples; each field is (B,) or (B, 2).

    Attributes:
        half_body: show half a body if the person has enough visible keypoints.
        prefer_upper: then the upper half if it has enough keypoints, else the lower.
        scale_factor: the box's size is multiplied by this, float64.
        rotation_degrees: the crop is turned by this, float64.
        flip: the image is mirrored.
        shift: the centre of a whole body's crop moves by these parts of its width and height, float64.
        stretch: factors on the width and height of the annotated box; RSN only, as the next.
        half_body_stretch: factors on those of a half body's box.
    """

    half_body: np.ndarray
    prefer_upper: np.ndarray
    scale_factor: np.ndarray
    rotation_degrees: np.ndarray
    flip: np.ndarray
    shift: np.ndarray
    stretch: np.ndarray
    half_body_stretch: np.ndarray

    def take(self, indices: np.ndarray) -> "AugmentParams":
        """Those of the samples at the given positions."""
        return AugmentParams(*(field[indices] for field in self))


class People(NamedTuple):
    """B people in image_ pixels.

    Attributes:
        center: of the crop, (B, 2) float32.
        scale: of the crop, (B, 2) float32, units of 200 pixels.
        box: left, top, width, height as annotated, (B, 4) float32.
        keypoints: (x, y), (B, K, 2) float32.
        visible: above 0 where a keypoint is labelled, (B, K) float32.
    """

    center: np.ndarray
    scale: np.ndarray
    box: np.ndarray
    keypoints: np.ndarray
    visible: np.ndarray


def no_augmentation(count: int) -> AugmentParams:
    """Parameters that change nothing."""
    off, pair = np.zeros(count, bool), (count, 2)
    # Views of one number: what a way does not draw takes no memory.
    zeros, ones = (np.broadcast_to(np.float64(value), pair) for value in (0, 1))
    return AugmentParams(off, off, np.ones(count), np.zeros(count), off, zeros, ones, ones)


def draw(settings: AugmentSettings, seed: int, epoch: int, count: int) -> AugmentParams:
    """Draw the parameters of an epoch's first `count` records.

    What a record gets depends on seed, epoch and its number alone: not on `count`, nor on which process asks. Every
    number is drawn whether it is needed or not, so that one setting does not change the draws of another.
    """
    sources = np.random.SeedSequence((seed, epoch)).spawn(3)
    uniform, normal, own = (np.random.Generator(np.random.PCG64(source)) for source in sources)
    recipe = settings.recipe
    half_body, rotated, flipped = uniform.random((count, 3)).T
    preference, scale, rotation = normal.standard_normal((count, 3)).T
    params = no_augmentation(count)._replace(
        half_body=half_body < settings.half_body_probability,
        prefer_upper=preference < UPPER_BODY_BELOW,
        flip=settings.flip & (flipped <= FLIP_PROBABILITY),
    )
    if recipe.stretch is not None:
        params, degrees = _draw_stretched(params, settings, recipe.stretch, own)
    else:
        factor, limit = settings.scale_factor, settings.largest_rotation
        degrees = np.clip(rotation * settings.rotation_factor, -limit, limit)
        params = params._replace(scale_factor=1 + np.clip(scale * factor, -factor, factor))
    if recipe.shift_probability > 0:
        shifted, *shift = own.random((count, 3)).T
        moves = (shifted < recipe.shift_probability)[:, None]
        params = params._replace(shift=np.where(moves, recipe.shift * (2 * np.stack(shift, axis=1) - 1), 0.0))
    return params._replace(rotation_degrees=np.where(rotated <= recipe.rotation_probability, degrees, 0.0))


def _draw_stretched(
    params: AugmentParams, settings: AugmentSettings, stretch: Stretch, source: np.random.Generator
) -> tuple[AugmentParams, np.ndarray]:
    """RSN's uniform draws, and the degrees of those that are turned."""
    numbers = source.random((len(params.flip), 6))
    params = params._replace(
        stretch=stretch.extend * (1 + numbers[:, :2] * stretch.random_wh),
        half_body_stretch=1 + numbers[:, 2:4] * stretch.half_body_wh,
        scale_factor=stretch.shrink * (1 + settings.scale_factor * (2 * numbers[:, 4] - 1)),
    )
    return params, settings.rotation_factor * (2 * numbers[:, 5] - 1)


def extremes(settings: AugmentSettings, count: int) -> Iterator[AugmentParams]:
    """Parameters that, turned and mirrored, show all that any drawn parameters can show of each of B people."""
    recipe = settings.recipe
    stretch = recipe.stretch or Stretch(1.0, (0.0, 0.0), (0.0, 0.0), 1.0)
    corners = list(product((-recipe.shift, recipe.shift), repeat=2)) if recipe.shift_probability > 0 else [(0.0, 0.0)]
    halves = ((False, False), (True, False), (True, True)) if settings.half_body_probability > 0 else ((False, False),)
    for (half_body, prefer_upper), shift, large in product(halves, corners, (False, True)):
        yield AugmentParams(
            half_body=np.full(count, half_body),
            prefer_upper=np.full(count, prefer_upper),
            scale_factor=np.full(count, stretch.shrink * (1 + settings.scale_factor * (1 if large else -1))),
            rotation_degrees=np.zeros(count),
            flip=np.zeros(count, bool),
            shift=np.tile(shift, (count, 1)),
            stretch=np.tile(stretch.extend * (1 + large * np.array(stretch.random_wh)), (count, 1)),
            half_body_stretch=np.tile(1 + large * np.array(stretch.half_body_wh), (count, 1)),
        )


def crop_boxes(
    people: People, params: AugmentParams, settings: AugmentSettings, skeleton: Skeleton, aspect: float
) -> tuple[np.ndarray, np.ndarray]:
    """Centre (B, 2) and scale (B, 2) of the crops before they are turned and mirrored, float32.

    Args:
        people: in the stored images.
        params: from `draw`.
        settings: those that the parameters were drawn with.
        skeleton: keypoint set with the upper body.
        aspect: width / height of the crop.
    """
    body = people.keypoints, people.visible, skeleton.upper_body, params.prefer_upper
    if settings.recipe.stretch is None:
        center = people.center + params.shift.astype(np.float32) * (people.scale * np.float32(PIXELS_PER_SCALE))
        scale = people.scale
        half_center, half_scale, usable = half_body_boxes(*body, aspect)
    else:
        corner, size = people.box[:, :2].astype(np.float64), people.box[:, 2:]
        center = (corner + size / 2).astype(np.float32)
        scale = (with_aspect(size * params.stretch, aspect) / PIXELS_PER_SCALE).astype(np.float32)
        half_center, half_scale, usable = stretched_half_body_boxes(*body, params.half_body_stretch, aspect)
    half = (params.half_body & usable & ((people.visible > 0).sum(axis=1) > settings.half_body_above))[:, None]
    center, scale = np.where(half, half_center, center), np.where(half, half_scale, scale)
    return center, scale * params.scale_factor.astype(np.float32)[:, None]


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
        people, params, settings, aspect: as in `crop_boxes`.
        skeleton: keypoint set with the upper body and the flip pairs.
        widths: of the images, pixels, (B,).

    Returns:
        The people in the images, which must be mirrored as well where `params.flip`.
    """
    center, scale = crop_boxes(people, params, settings, skeleton, aspect)
    order = list(skeleton.flip_permutation)
    mirrored = mirror_points(torch.from_numpy(people.keypoints), torch.from_numpy(widths)[:, None], order).numpy()
    mirrored_center = np.stack([widths - 1 - center[:, 0], center[:, 1]], axis=1).astype(np.float32)
    mirrored_box = people.box.copy()
    mirrored_box[:, 0] = widths - 1 - people.box[:, 0] - people.box[:, 2]
    flip = params.flip[:, None]
    return People(
        np.where(flip, mirrored_center, center),
        scale,
        np.where(flip, mirrored_box, people.box),
        np.where(flip[..., None], mirrored, people.keypoints),
        np.where(flip, people.visible[:, order], people.visible),
    )


def visible_in_crop(
    input_keypoints: Tensor, visible: np.ndarray, settings: AugmentSettings, input_size_wh: tuple[int, int]
) -> np.ndarray:
    """The flags (B, K) that are taught: for RSN keypoints (B, K, 2) outside of the crop count as not labelled."""
    if settings.recipe.stretch is None:
        return visible
    points = input_keypoints.numpy()
    inside = ((points >= 0) & (points <= np.array(input_size_wh) - 1)).all(axis=-1)
    return np.where(inside, visible, np.float32(0))

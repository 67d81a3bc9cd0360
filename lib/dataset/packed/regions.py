"""Which part of its image training can show of a person, and at which resolution it is kept."""

import numpy as np

from lib.codecs.base import Codec
from lib.dataset.augment import AugmentSettings, People, crop_boxes, extremes
from lib.dataset.records import Records
from lib.skeletons.skeleton import Skeleton

# Image pixels more than computed, for roundings of the warp.
MARGIN = 1


def sampled_rectangles(
    records: Records, codec: Codec, settings: AugmentSettings, skeleton: Skeleton
) -> tuple[np.ndarray, np.ndarray]:
    """The smallest upright rectangles that hold every position that a training crop of a person can be sampled at.

    Args:
        records: N people.
        codec: gives the crop convention and the input size.
        settings: the random changes; mirroring is always included, half bodies where their probability is above 0.
        skeleton: keypoint set with the upper body.

    Returns:
        First and last position, image_ (x, y), (N, 2) each, float64; not clipped to the image. Sizes between the
        extreme ones lie between these.
    """
    people = People(records.center, records.scale, records.box, records.keypoints, records.visible)
    aspect = codec.input_size_wh[0] / codec.input_size_wh[1]
    first, last = np.full((len(records), 2), np.inf), np.full((len(records), 2), -np.inf)
    for params in extremes(settings, len(records)):
        center, scale = crop_boxes(people, params, settings, skeleton, aspect)
        low, high = _turned(center, scale, codec, settings.largest_rotation)
        first, last = np.minimum(first, low), np.maximum(last, high)
    return first, last


def stored_density(records: Records, codec: Codec, density: float | None) -> np.ndarray:
    """How many pixels are stored per image pixel, on each axis.

    Args:
        records: N people.
        codec: gives the crop convention and the input size.
        density: stored pixels per input pixel of a crop that is not enlarged; None keeps the image's.

    Returns:
        (N,) float64, at most 1.
    """
    if density is None:
        return np.ones(len(records))
    ends = np.stack([np.zeros(2), np.asarray(codec.input_size_wh) - 1.0])
    corners = codec.to_image(np.broadcast_to(ends, (len(records), 2, 2)), records.center, records.scale).numpy()
    image_per_input = (np.abs(corners[:, 1] - corners[:, 0]) / (ends[1] - ends[0])).min(axis=1)
    return np.minimum(1.0, density / np.maximum(image_per_input, 1e-9))


def pixel_regions(first: np.ndarray, last: np.ndarray, density: np.ndarray, size_wh: np.ndarray) -> np.ndarray:
    """Whole image pixels to store, so that every position can be interpolated as in the whole image.

    Args:
        first, last: from `sampled_rectangles`, (N, 2).
        density: from `stored_density`, (N,); a pixel that stands for several reaches farther.
        size_wh: of the images, (N, 2).

    Returns:
        left, top, right, bottom, (N, 4) int64; right and bottom are not included. At least one pixel is.
    """
    reach = (MARGIN + 0.5 / density)[:, None]
    low = np.clip(np.floor(first - reach), 0, size_wh - 1)
    high = np.clip(np.ceil(last + reach) + 1, low + 1, size_wh)
    return np.concatenate([low, high], axis=1).astype(np.int64)


def _turned(
    center: np.ndarray, scale: np.ndarray, codec: Codec, largest_rotation: float
) -> tuple[np.ndarray, np.ndarray]:
    """First and last position, (N, 2), of crops turned by up to so many degrees to either side, mirrored or not.

    A crop turns about its centre, so that its corners move on arcs.
    """
    width, height = codec.input_size_wh
    corners = np.array([[0, 0], [width - 1, 0], [0, height - 1], [width - 1, height - 1]], np.float64)
    wide = center.astype(np.float64)
    image = codec.to_image(np.broadcast_to(corners, (len(center), 4, 2)), center, scale).numpy()
    x, y = np.moveaxis(image - wide[:, None], 2, 0)
    radius, angle = np.hypot(x, y), np.arctan2(y, x)
    limit = np.deg2rad(largest_rotation)

    def farthest(direction: float) -> np.ndarray:
        """How far any corner gets in a direction, (N,)."""
        apart = np.abs(np.remainder(angle - direction + np.pi, 2 * np.pi) - np.pi)
        return (radius * np.cos(np.maximum(apart - limit, 0))).max(axis=1)

    aside = np.maximum(farthest(0), farthest(np.pi))
    before, after = np.stack([aside, farthest(-np.pi / 2)], axis=1), np.stack([aside, farthest(np.pi / 2)], axis=1)
    return wide - before, wide + after

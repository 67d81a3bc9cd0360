"""Where every person's pixels will lie, known before the first image is read."""

from dataclasses import dataclass, fields

import numpy as np

from lib.codecs.base import Codec
from lib.dataset.augment import AugmentSettings
from lib.dataset.coco import Images
from lib.dataset.packed.format import Shard
from lib.dataset.packed.regions import pixel_regions, sampled_rectangles, stored_density
from lib.dataset.records import Records
from lib.skeletons.skeleton import Skeleton

CHANNELS = 3
MEGABYTE = 1_000_000
# Chosen by measurement, see docs/DATA.md.
DEFAULT_DENSITY, DEFAULT_SHARD_BYTES = 1.5, 512 * MEGABYTE


@dataclass(frozen=True)
class Layout:
    """Which pixels are stored for N records, and where; records stand in the order of their images.

    Attributes:
        region: left, top, right, bottom in the image, the last two not included, (N, 4) int64.
        stored_wh: size that the region is reduced to, (N, 2) int64.
        to_stored: affine maps from image_ points to points of the stored pixels, (N, 2, 3) float64.
        shard: number of the shard, (N,) int64.
        offset: of the first byte in the shard, (N,) int64.
    """

    region: np.ndarray
    stored_wh: np.ndarray
    to_stored: np.ndarray
    shard: np.ndarray
    offset: np.ndarray

    def arrays(self) -> dict[str, np.ndarray]:
        """The fields by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def take(self, selection: np.ndarray) -> "Layout":
        """The records where a mask is true."""
        return Layout(**{name: array[selection] for name, array in self.arrays().items()})

    def shards(self) -> tuple[Shard, ...]:
        """The files that this makes."""
        people = np.bincount(self.shard)
        sizes = np.bincount(self.shard, weights=self.stored_wh.prod(axis=1) * CHANNELS)
        return tuple(
            Shard(f"shard-{number:05d}.bin", int(size), int(count))
            for number, (size, count) in enumerate(zip(sizes, people, strict=True))
        )


def plan_layout(
    records: Records,
    images: Images,
    codec: Codec,
    skeleton: Skeleton,
    settings: AugmentSettings,
    *,
    density: float | None,
    shard_bytes: int,
) -> Layout:
    """Choose the pixels to store and their places.

    Args:
        records: N people, in the order of their images.
        images: that they are in.
        codec: gives the crop convention and the input size.
        skeleton: keypoint set with the upper body.
        settings: the random changes that the pixels shall be enough for.
        density: see `lib.dataset.packed.regions.stored_density`.
        shard_bytes: size of a shard; shards are of about equal size, none larger than this and one image's people.
    """
    first, last = sampled_rectangles(records, codec, settings, skeleton)
    per_pixel = stored_density(records, codec, density)
    region = pixel_regions(first, last, per_pixel, images.size_wh[records.image_index])
    region_wh = region[:, 2:] - region[:, :2]
    stored_wh = np.clip(np.round(region_wh * per_pixel[:, None]), 1, region_wh).astype(np.int64)
    num_bytes = stored_wh.prod(axis=1) * CHANNELS
    shard = _assign_shards(records.image_index, num_bytes, shard_bytes)
    start = np.cumsum(num_bytes) - num_bytes
    first_of_shard = np.searchsorted(shard, np.arange(shard[-1] + 1))
    return Layout(region, stored_wh, _stored_maps(region, stored_wh), shard, start - start[first_of_shard][shard])


def _assign_shards(image_index: np.ndarray, num_bytes: np.ndarray, shard_bytes: int) -> np.ndarray:
    """The shard of each record, (N,): equal shares of all bytes, in which no image is parted."""
    total = int(num_bytes.sum())
    share = total / -(-total // shard_bytes)
    first_of_image = np.searchsorted(image_index, image_index)
    start_of_image = (np.cumsum(num_bytes) - num_bytes)[first_of_image]
    # Images larger than a share leave numbers out, which are closed up.
    return np.unique((start_of_image / share).astype(np.int64), return_inverse=True)[1]


def _stored_maps(region: np.ndarray, stored_wh: np.ndarray) -> np.ndarray:
    """Affine maps (N, 2, 3): pixels are areas, so that their edges and not their centres are what scales."""
    factor = stored_wh / (region[:, 2:] - region[:, :2])
    maps = np.zeros((len(region), 2, 3))
    maps[:, [0, 1], [0, 1]] = factor
    maps[:, :, 2] = (0.5 - region[:, :2]) * factor - 0.5
    return maps

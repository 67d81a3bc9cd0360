"""Random views of whole pictures: drawn first, then applied by functions without randomness.

Source: HigherHRNet lib/dataset/transforms/transforms.py, RandomAffineTransform and RandomHorizontalFlip; mmpose 0.x
mmpose/datasets/pipelines/bottom_up_transform.py, BottomUpRandomAffine and BottomUpRandomFlip. They differ in the shift
alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from lib.utils.geometry import PIXELS_PER_SCALE, Crop

FLIP_PROBABILITY = 0.5


@dataclass(frozen=True)
class ViewSettings:
    """How strongly training pictures are changed.

    Attributes:
        flip: mirror with probability 0.5.
        max_rotation: degrees; uniform in both directions.
        min_scale, max_scale: the square that is seen has a side of the picture times a uniform number between these.
        scale_by_short: that side is the short one, else the long one.
        max_translate: largest shift on each axis, in units of 1/200 of the square's side, in whole picture pixels.
        shift_by_axis: mmpose's shift, which is by the scaled width along x and by the scaled height along y.
        flip_on_output: keypoints and masks of a mirrored picture are mirrored on each of the network's outputs, as
            published, which is not where the picture has them; else with the picture.
    """

    flip: bool
    max_rotation: float
    min_scale: float
    max_scale: float
    scale_by_short: bool
    max_translate: float
    shift_by_axis: bool
    flip_on_output: bool


class ViewParams(NamedTuple):
    """What is drawn for B pictures; each field is (B,) or (B, 2).

    Attributes:
        scale: factor on the side of the square that is seen, float64.
        rotation_degrees: float64.
        shift: of the square's centre, uniform in [0, 1) from left or top to right or bottom, float64.
        flip: the view is mirrored.
    """

    scale: np.ndarray
    rotation_degrees: np.ndarray
    shift: np.ndarray
    flip: np.ndarray

    def take(self, indices: np.ndarray) -> "ViewParams":
        """Those of the pictures at the given positions."""
        return ViewParams(*(field[indices] for field in self))


def draw_views(settings: ViewSettings, seed: int, epoch: int, count: int) -> ViewParams:
    """Draw the parameters of an epoch's first `count` pictures.

    What a picture gets depends on seed, epoch and its number alone: not on `count`, nor on which process asks.
    """
    source = np.random.SeedSequence((seed, epoch)).spawn(1)[0]
    numbers = np.random.Generator(np.random.PCG64(source)).random((count, 5))
    return ViewParams(
        scale=settings.min_scale + (settings.max_scale - settings.min_scale) * numbers[:, 0],
        rotation_degrees=settings.max_rotation * (2 * numbers[:, 1] - 1),
        shift=numbers[:, 2:4],
        flip=settings.flip & (numbers[:, 4] < FLIP_PROBABILITY),
    )


def view_maps(params: ViewParams, settings: ViewSettings, size_wh: np.ndarray, crop: Crop) -> np.ndarray:
    """The affine maps from B pictures to the network's square input.

    Args:
        params: from `draw_views`.
        settings: those that they were drawn with.
        size_wh: of the pictures, pixels, (B, 2).
        crop: the convention and size of the input: plain, or UDP's.

    Returns:
        (B, 2, 3) float64. A mirrored view is the view with column x at W - 1 - x.
    """
    sizes = size_wh.astype(np.float64)
    side = (sizes.min(axis=1) if settings.scale_by_short else sizes.max(axis=1)) * params.scale
    reach = sizes * params.scale[:, None] if settings.shift_by_axis else side[:, None]
    # Published: a whole number from -limit to limit - 1.
    limit = np.floor(settings.max_translate * reach / PIXELS_PER_SCALE)
    center = picture_centers(sizes, crop) + np.floor(params.shift * 2 * limit) - limit
    scale = np.repeat(side[:, None], 2, axis=1) / PIXELS_PER_SCALE
    maps = crop.warp_matrix(center, scale, params.rotation_degrees).numpy().copy()
    maps[params.flip, 0] *= -1
    maps[params.flip, 0, 2] += crop.input_size_wh[0] - 1
    return maps


def output_shifts(params: ViewParams, settings: ViewSettings, crops: Sequence[Crop]) -> np.ndarray:
    """How far right of their place in the picture B views have keypoints and masks on L outputs, (B, L), heatmap_ px.

    A picture is mirrored on the input: plain pixels have what was in x of an output in w - w / W - x then. Published
    keypoints and masks are mirrored on the output, to w - 1 - x. UDP's pixels have both in one place.

    Source: HigherHRNet, RandomHorizontalFlip; mmpose 0.x, BottomUpRandomFlip.
    """
    shifts = [0.0 if crop.name == "udp" else crop.heatmap_size_wh[0] / crop.input_size_wh[0] - 1 for crop in crops]
    return np.where(params.flip[:, None] & settings.flip_on_output, np.array(shifts), 0.0)


def picture_centers(size_wh: np.ndarray, crop: Crop) -> np.ndarray:
    """The middle of pictures, (B, 2): of their pixels' area, or with UDP of the pixels' centres."""
    return (size_wh - 1) / 2 if crop.name == "udp" else size_wh / 2

"""UDP's offset encoding: a disc around the keypoint and, inside it, the way to the keypoint."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

import torch
from torch import Tensor

from lib.codecs.base import Codec
from lib.codecs.blur import BLUR_NOISE, blur, blur_around
from lib.codecs.exact import vote_shift
from lib.codecs.peaks import Peaks, find_peaks, wrap_position
from lib.utils.constants import constant
from lib.utils.errors import PoseError
from lib.utils.geometry import ArrayLike, Crop

# mmpose's valid_radius_factor: its radius is this part of the map's height.
MMPOSE_RADIUS_FACTOR = 0.0546875
# Side of the blur of the offset maps where TEST.BLUR_KERNEL is 0; the mask's blur is twice that and one.
PUBLISHED_KERNEL = {"original": 7, "mmpose": 11}
# A disc must hold a pixel wherever the keypoint is: half the diagonal of a pixel.
MIN_RADIUS = 0.71


class UdpOffsetCodec(Codec):
    """UDP's encoding for TARGET_TYPE offset (mmpose: CombinedTarget): channels [mask, dx, dy] for each keypoint.

    dx = (x - column) / radius, dy alike; the mask is 1 where dx^2 + dy^2 <= 1, all are 0 elsewhere.

    Args:
        crop, flip_permutation, variant, decoder, no_response, joint_weights: see `Codec`.
        radius: LOSS.KPD, heatmap pixels.
        blur_kernel: side of the offset maps' blur, odd; 0 for the published one.

    Source: UDP lib/dataset/JointsDataset.py, generate_target, and lib/core/inference.py, get_final_preds; mmpose 0.29
    _udp_generate_target and keypoints_from_heatmaps.
    """

    name = "udp_offset"
    DECODERS: ClassVar[tuple[str, ...]] = ("offset", "exact")
    CHANNELS_PER_KEYPOINT: ClassVar[int] = 3

    def __init__(
        self,
        crop: Crop,
        flip_permutation: Sequence[int],
        *,
        variant: str,
        decoder: str,
        radius: float,
        blur_kernel: int = 0,
        no_response: str = "argmax",
        joint_weights: Sequence[float] | None = None,
    ) -> None:
        super().__init__(
            crop,
            flip_permutation,
            variant=variant,
            decoder=decoder,
            no_response=no_response,
            joint_weights=joint_weights,
        )
        if radius < MIN_RADIUS:
            raise PoseError(f"LOSS.KPD {radius} is so small that a disc may hold no pixel; use {MIN_RADIUS} or more.")
        self.radius = float(radius)
        self.blur_kernel = blur_kernel or PUBLISHED_KERNEL[variant]

    def flip_back(self, heatmaps: ArrayLike) -> Tensor:
        """Mirror, let left and right change places, and turn the x offsets round; see `Codec.flip_back`."""
        flipped = super().flip_back(heatmaps)
        sign = constant((1.0, -1.0, 1.0) * self.num_keypoints, flipped.dtype, flipped.device)
        return flipped * sign[:, None, None]

    def score_maps(self, heatmaps: ArrayLike) -> Tensor:
        """The blurred masks, (B, K, h, w): a disc is flat, and only its blur is highest at the keypoint."""
        return blur(super().score_maps(heatmaps), 2 * self.blur_kernel + 1)

    def _encode(self, heatmap_points: Tensor, visible: Tensor) -> tuple[Tensor, Tensor]:
        height, width = self.heatmap_shape_hw
        columns = torch.arange(width, device=heatmap_points.device, dtype=heatmap_points.dtype)
        rows = torch.arange(height, device=heatmap_points.device, dtype=heatmap_points.dtype)
        dx = (heatmap_points[..., :1] - columns) / self.radius
        dy = (heatmap_points[..., 1:] - rows) / self.radius
        distance = (dx * dx)[..., None, :] + (dy * dy)[..., :, None]
        # NaN compares false, so points that are not shown have no pixel inside.
        inside = torch.where(visible[..., None, None], distance, torch.nan) <= 1
        maps = heatmap_points.new_empty(*visible.shape, 3, height, width, dtype=torch.float32)
        maps[:, :, 0] = inside
        maps[:, :, 1] = torch.where(inside, dx.to(torch.float32)[..., None, :], 0.0)
        maps[:, :, 2] = torch.where(inside, dy.to(torch.float32)[..., :, None], 0.0)
        return maps.flatten(1, 2), visible

    def _decode(self, heatmaps: Tensor) -> tuple[Tensor, Tensor]:
        grouped = heatmaps.unflatten(1, (self.num_keypoints, 3))
        mask = grouped[:, :, 0]
        if self.decoder == "exact":
            peaks = find_peaks(mask, self.absent)
            shift = vote_shift(grouped, peaks, self.radius)
        else:
            peaks = self._blurred_peaks(mask)
            number, y, x = (index.flatten() for index in wrap_position(peaks.x, peaks.y, self.heatmap_shape_hw))
            blurred = blur_around(grouped.flatten(0, 1), number, x, y, self.blur_kernel).view(*peaks.x.shape, 3)
            shift = blurred[..., 1:] * self.radius
        return self._moved(peaks, shift), peaks.scores

    def _blurred_peaks(self, mask: Tensor) -> Peaks:
        # Blurred discs often have several equally high pixels, of which the first is taken.
        blurred = blur(mask, 2 * self.blur_kernel + 1)
        peaks = find_peaks(blurred, self.absent, BLUR_NOISE)
        if self.absent is not None:
            return peaks
        # Without a response the blur's rounding would choose the point on a constant mask; the mask itself shall.
        raw = find_peaks(mask)
        x = torch.where(peaks.responds, peaks.x, raw.x)
        y = torch.where(peaks.responds, peaks.y, raw.y)
        return replace(peaks, x=x, y=y)

    def _encoding_description(self) -> dict[str, Any]:
        return {"radius": self.radius}

"""RSN's encoding: one pixel per keypoint, blurred five times, and its way to read such maps."""

from functools import lru_cache
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from lib.codecs.blur import BLUR_NOISE, blur, blur_matrix
from lib.codecs.levels import KERNELS, PEAK, LevelCodec
from lib.codecs.peaks import Peaks, find_peaks
from lib.codecs.refine import inside_map, quarter_shift
from lib.utils.constants import constant

# Side of the decoder's blur where TEST.BLUR_KERNEL is 0 (RSN's COCO experiments and mmpose's; RSN's MPII takes 9).
PUBLISHED_KERNEL = 5
# Zeros that RSN puts around a map before it blurs it.
BORDER = 10
# The way from the highest pixel towards the second highest.
STEP = 0.25
# A keypoint lies in its pixel, not on a pixel's corner: this is the pixel's middle, from its upper left corner.
MIDDLE = 0.5


class MegviiCodec(LevelCodec):
    """RSN's own encoding (mmpose: "Megvii"): the pixel that the point lies in, blurred by OpenCV.

    The blur mirrors the map at its border, where the sum of a peak and its mirror image may be higher beside the pixel
    than on it. RSN scales the highest value to 255, mmpose the pixel's. A point outside the input has weight 0 in RSN;
    mmpose rounds towards zero first and so takes points less than a heatmap pixel outside for the first one.

    The decoder "megvii" differs, too. RSN takes the highest pixel of the blurred map and moves a quarter of a pixel
    towards the second highest; mmpose moves a quarter of a pixel on each axis, and in the outermost two pixels it
    neither moves nor takes the pixel's middle.

    Source: RSN dataset/JointsDataset.py, generate_heatmap, and exps/*/test.py, get_results; mmpose 0.29
    _megvii_generate_target and keypoints_from_heatmaps.
    """

    name = "megvii"
    DECODERS: ClassVar[tuple[str, ...]] = ("argmax", "quarter", "dark", "udp", "megvii")

    def _published_kernel(self) -> int:
        return PUBLISHED_KERNEL if self.decoder == "megvii" else super()._published_kernel()

    def _encode(self, heatmap_points: Tensor, visible: Tensor) -> tuple[Tensor, Tensor]:
        pixels = torch.where(visible[..., None], heatmap_points, -1.0).trunc()
        if self.variant == "mmpose":
            size = constant(self.heatmap_size_wh, pixels.dtype, pixels.device)
            drawn = visible & ((pixels >= 0) & (pixels < size)).all(dim=-1)
        else:
            drawn = visible & self._on_input(heatmap_points)
        columns, rows = torch.where(drawn[..., None], pixels, 0.0).long().unbind(-1)
        width, height = self.heatmap_size_wh
        peaks = torch.where(drawn, PEAK, 0.0)[..., None]
        maps = [
            (peaks * self._profiles(rows, height, kernel))[..., None]
            * self._profiles(columns, width, kernel)[..., None, :]
            for kernel in KERNELS
        ]
        return torch.stack(maps, dim=1), drawn

    def _profiles(self, pixels: Tensor, length: int, kernel: int) -> Tensor:
        """Single pixels (B, K) of one axis blurred, (B, K, length), float32: what they are on the whole map, too."""
        return _blurred_pixels(length, kernel, self.variant == "mmpose", pixels.device)[pixels]

    def _decode(self, heatmaps: Tensor) -> tuple[Tensor, Tensor]:
        if self.decoder != "megvii":
            points, scores = super()._decode(heatmaps)
            return points + MIDDLE, scores
        maps = heatmaps / PEAK
        read = self._read_mmpose if self.variant == "mmpose" else self._read_original
        raw = find_peaks(maps)
        points, scores = read(maps)
        if self.absent is None:
            points = torch.where(raw.responds[..., None], points, raw.points + MIDDLE)
            scores = torch.where(raw.responds, scores, raw.scores)
        faulty = ~(torch.isfinite(maps.amax(dim=(-2, -1))) & torch.isfinite(scores))
        return points, torch.where(faulty, 0.0, scores + 0.5)

    def _read_original(self, maps: Tensor) -> tuple[Tensor, Tensor]:
        """RSN's points, heatmap_ (x, y) (B, K, 2), and the maps' values there, (B, K)."""
        blurred = blur(F.pad(maps, (BORDER,) * 4), self.blur_kernel)
        first = find_peaks(blurred, tolerance=BLUR_NOISE)
        second = find_peaks(_without(blurred, first), tolerance=BLUR_NOISE)
        way = second.points - first.points
        length = torch.linalg.vector_norm(way, dim=-1, keepdim=True)
        points = first.points - BORDER + STEP * way / length.clamp(min=1)
        last = constant((maps.shape[-1] - 1, maps.shape[-2] - 1), points.dtype, points.device)
        points = torch.minimum(points.clamp(min=0), last)
        x, y = points.round().long().unbind(-1)
        values = maps.flatten(2).gather(2, (y * maps.shape[-1] + x)[..., None])[..., 0]
        return points + MIDDLE, values

    def _read_mmpose(self, maps: Tensor) -> tuple[Tensor, Tensor]:
        """mmpose's points and scores, as above."""
        highest = maps.amax(dim=(-2, -1))
        blurred = blur(maps, self.blur_kernel, zero_border=True)
        blurred = blurred * (highest / blurred.amax(dim=-2).amax(dim=-1))[..., None, None]
        peaks = find_peaks(blurred, self.absent, BLUR_NOISE)
        shift = quarter_shift(blurred, peaks, BLUR_NOISE) + MIDDLE
        return peaks.points + torch.where(inside_map(peaks, maps, 2, 1)[..., None], shift, 0.0), highest


@lru_cache(maxsize=64)
def _blurred_pixels(length: int, kernel: int, by_pixel: bool, device: torch.device) -> Tensor:
    """Every pixel of one axis blurred by itself, a row each, (length, length), float32, not to be written to.

    1 is the value on the pixel (`by_pixel`) or the highest. Kept on the device, where each copy would make a training
    step wait for all that a GPU has been given before.
    """
    spread = blur_matrix(length, kernel).T
    peaks = spread.diagonal() if by_pixel else spread.amax(dim=1)
    return (spread / peaks[:, None]).to(device=device, dtype=torch.float32)


def _without(maps: Tensor, peaks: Peaks) -> Tensor:
    """The maps (B, K, h, w) with zeros at their peaks."""
    height, width = maps.shape[-2:]
    index = (peaks.y * width + peaks.x)[..., None]
    return maps.flatten(2).scatter(2, index, 0.0).unflatten(2, (height, width))

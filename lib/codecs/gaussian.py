"""What the codecs with one Gaussian per keypoint share: drawing it and the choice of decoders."""

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from lib.codecs.base import Codec
from lib.codecs.exact import fit_shift
from lib.codecs.peaks import find_peaks
from lib.codecs.refine import dark_shift, quarter_shift, udp_shift
from lib.utils.constants import constant
from lib.utils.geometry import Crop

# Side of the decoders' blur where TEST.BLUR_KERNEL is 0. DarkPose keeps 11 for sigma 3 too, mmpose takes 17 there.
DARK_KERNEL = 11
UDP_KERNEL = 7
MMPOSE_KERNEL = 11
MMPOSE_KERNEL_SIGMA_3 = 17


class GaussianCodec(Codec):
    """One map per keypoint, a Gaussian around it.

    Args:
        crop, flip_permutation, variant, decoder, no_response, joint_weights, shift_flipped: see `Codec`.
        sigma: width of the Gaussian, heatmap pixels.
        blur_kernel: side of the decoder's blur, odd; 0 for the published one.
    """

    DECODERS: ClassVar[tuple[str, ...]] = ("argmax", "quarter", "dark", "udp", "exact")

    def __init__(
        self,
        crop: Crop,
        flip_permutation: Sequence[int],
        *,
        variant: str,
        decoder: str,
        sigma: float,
        blur_kernel: int = 0,
        no_response: str = "argmax",
        joint_weights: Sequence[float] | None = None,
        shift_flipped: bool = False,
    ) -> None:
        super().__init__(
            crop,
            flip_permutation,
            variant=variant,
            decoder=decoder,
            no_response=no_response,
            joint_weights=joint_weights,
            shift_flipped=shift_flipped,
        )
        self.sigma = float(sigma)
        self.blur_kernel = blur_kernel or self._published_kernel()

    def _published_kernel(self) -> int:
        if self.variant == "mmpose":
            return MMPOSE_KERNEL_SIGMA_3 if self.sigma == 3 else MMPOSE_KERNEL
        return UDP_KERNEL if self.decoder == "udp" else DARK_KERNEL

    def _decode(self, heatmaps: Tensor) -> tuple[Tensor, Tensor]:
        peaks = find_peaks(heatmaps, self.absent)
        if self.decoder == "argmax":
            return peaks.points, peaks.scores
        if self.decoder == "quarter":
            shift = quarter_shift(heatmaps, peaks)
        elif self.decoder == "dark":
            shift = dark_shift(heatmaps, peaks, self.blur_kernel)
        elif self.decoder == "udp":
            shift = udp_shift(heatmaps, peaks, self.blur_kernel, rescale=self.variant == "original")
        else:
            shift = fit_shift(heatmaps, peaks, self.sigma)
        return self._moved(peaks, shift), peaks.scores

    def _encoding_description(self) -> dict[str, Any]:
        return {"sigma": self.sigma}


def draw_gaussians(
    centers: Tensor, drawn: Tensor, sigma: float, shape_hw: tuple[int, int], window_centers: Tensor | None = None
) -> Tensor:
    """Gaussians with value 1 at their centre.

    Args:
        centers: heatmap_ (x, y), (B, K, 2).
        drawn: which maps are not left zero, (B, K), bool.
        sigma: heatmap pixels.
        shape_hw: of the maps.
        window_centers: whole numbers, (B, K, 2): nothing is drawn farther than 3 sigma from them on either axis; None
            draws on the whole map.

    Returns:
        (B, K, h, w), float32.
    """
    profiles = []
    for axis, length in ((0, shape_hw[1]), (1, shape_hw[0])):
        pixels = torch.arange(length, device=centers.device, dtype=centers.dtype)
        profile = torch.exp(-((pixels - centers[..., axis, None]) ** 2) / (2 * sigma**2))
        shown = drawn[..., None]
        if window_centers is not None:
            shown = shown & ((pixels - window_centers[..., axis, None]).abs() <= 3 * sigma)
        profiles.append(torch.where(shown, profile, 0.0).to(torch.float32))
    return profiles[1][..., :, None] * profiles[0][..., None, :]


def reaches_map(low: Tensor, high: Tensor, size_wh: tuple[int, int]) -> Tensor:
    """Whether patches from `low` to just before `high`, heatmap_ (x, y) (B, K, 2), count as on the map, (B, K), bool.

    The published test lets a patch pass that ends exactly at the border and thus has no pixel on the map.
    """
    return ((low < constant(size_wh, low.dtype, low.device)) & (high >= 0)).all(dim=-1)

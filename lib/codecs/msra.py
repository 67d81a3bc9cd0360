"""The classic encoding: a Gaussian around the pixel nearest to the keypoint."""

from typing import ClassVar

import torch
from torch import Tensor

from lib.codecs.gaussian import GaussianCodec, draw_gaussians, reaches_map


class MsraCodec(GaussianCodec):
    """HRNet's and mmpose's default ("MSRA") encoding.

    The point is rounded to a pixel, so half a heatmap pixel per axis is lost for good: there is no exact decoder.
    Source: HRNet lib/dataset/JointsDataset.py, generate_target; mmpose 0.29 _msra_generate_target without
    unbiased_encoding. For a sigma that is not a whole number these draw the patch a pixel off; here it stays centred.
    """

    name = "msra"
    DECODERS: ClassVar[tuple[str, ...]] = ("argmax", "quarter", "dark", "udp")

    def _encode(self, heatmap_points: Tensor, visible: Tensor) -> tuple[Tensor, Tensor]:
        centers = torch.trunc(heatmap_points + 0.5)
        reach = 3 * self.sigma
        drawn = visible & reaches_map(centers - reach, centers + reach + 1, self.heatmap_size_wh)
        return draw_gaussians(centers, drawn, self.sigma, self.heatmap_shape_hw, centers), drawn

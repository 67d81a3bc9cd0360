"""UDP's Gaussian encoding: an integer-placed patch with an unrounded Gaussian in it."""

import torch
from torch import Tensor

from lib.codecs.gaussian import GaussianCodec, draw_gaussians, reaches_map


class UdpGaussianCodec(GaussianCodec):
    """UDP's encoding for TARGET_TYPE gaussian.

    Source: UDP lib/dataset/JointsDataset.py, generate_target; mmpose 0.29 _udp_generate_target, GaussianHeatmap.
    """

    name = "udp_gaussian"

    def _encode(self, heatmap_points: Tensor, visible: Tensor) -> tuple[Tensor, Tensor]:
        window_centers = torch.trunc(heatmap_points + 0.5)
        reach = 3 * self.sigma
        drawn = visible & reaches_map(window_centers - reach, window_centers + reach + 1, self.heatmap_size_wh)
        maps = draw_gaussians(heatmap_points, drawn, self.sigma, self.heatmap_shape_hw, window_centers)
        return maps, drawn

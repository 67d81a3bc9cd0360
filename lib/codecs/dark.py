"""DARK's encoding: a Gaussian on the whole map around the unrounded keypoint."""

import torch
from torch import Tensor

from lib.codecs.gaussian import GaussianCodec, draw_gaussians, reaches_map


class DarkCodec(GaussianCodec):
    """DarkPose's encoding in its own geometry, or mmpose's `unbiased_encoding` in the plain one.

    Source: DarkPose lib/dataset/JointsDataset.py, generate_target; mmpose 0.29 _msra_generate_target. They differ in
    when a point outside gets weight 0: DarkPose rounds the ends of its patch towards zero first.
    """

    name = "dark"

    def _encode(self, heatmap_points: Tensor, visible: Tensor) -> tuple[Tensor, Tensor]:
        low, high = heatmap_points - 3 * self.sigma, heatmap_points + 3 * self.sigma + 1
        if self.variant == "original":
            low, high = torch.trunc(low), torch.trunc(high)
        drawn = visible & reaches_map(low, high, self.heatmap_size_wh)
        return draw_gaussians(heatmap_points, drawn, self.sigma, self.heatmap_shape_hw), drawn

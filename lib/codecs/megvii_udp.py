"""UDP-RSN's encoding: unrounded Gaussians on the whole map."""

from typing import ClassVar

import torch
from torch import Tensor

from lib.codecs.gaussian import draw_gaussians
from lib.codecs.levels import PEAK, SIGMAS, LevelCodec


class MegviiUdpCodec(LevelCodec):
    """RSN's levels in UDP's geometry.

    A point outside the input is drawn as far as its Gaussian reaches, but has weight 0.
    Source: UDP-Pose RSN/dataset/JointsDataset.py, generate_heatmap; RSN/exps/.../test.py, post, is decoder "udp".
    """

    name = "megvii_udp"
    DECODERS: ClassVar[tuple[str, ...]] = ("argmax", "quarter", "dark", "udp", "exact")

    def _encode(self, heatmap_points: Tensor, visible: Tensor) -> tuple[Tensor, Tensor]:
        maps = [draw_gaussians(heatmap_points, visible, sigma, self.heatmap_shape_hw) for sigma in SIGMAS]
        return torch.stack(maps, dim=1).mul_(PEAK), visible & self._on_input(heatmap_points)

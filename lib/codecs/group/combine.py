"""One set of heatmaps and tags out of a network's outputs, those of the mirrored picture and those of other scales."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from lib.utils.constants import constant
from lib.utils.errors import PoseError

Outputs = Tensor | Sequence[Tensor]


@dataclass(frozen=True)
class Combiner:
    """How the published systems put a network's outputs together.

    Attributes:
        flip_permutation: which keypoint each one becomes when left and right change places, K indices.
        align_corners: enlarge so that corner pixels keep their values (UDP's pixels); else by the plain convention.
        mmpose: enlarge every output to the final size at once. HigherHRNet brings all to the size of its last output
            first, tags too, which smooths them a little more.

    Source: HigherHRNet lib/core/inference.py; mmpose 0.29 bottom_up_eval.py. Their order of sums and enlargements is
    changed where that changes nothing but rounding.
    """

    flip_permutation: tuple[int, ...]
    align_corners: bool
    mmpose: bool

    def heatmaps(
        self, outputs: Outputs, mirrored: Outputs | None = None, size_hw: tuple[int, int] | None = None
    ) -> Tensor:
        """The mean of all outputs' heatmaps.

        Args:
            outputs: of the network, from coarse to fine: (B, 2K, h, w), then (B, K, 2h, 2w).
            mirrored: those of the mirrored pictures, as the network gave them; None for none.
            size_hw: of the result; None for the size of the last output.

        Returns:
            (B, K, H', W'), float32.
        """
        maps = [output[:, : self.num_keypoints] for output in self._checked(outputs)]
        if mirrored is not None:
            others = [self._flipped(output[:, : self.num_keypoints]) for output in self._checked(mirrored)]
            maps = [(one + other) / 2 for one, other in zip(maps, others, strict=True)]
        last = _size_hw(maps[-1])
        size_hw = size_hw or last
        stages = [self.resize(one, size_hw if self.mmpose else last) for one in maps]
        mean = stages[0] if len(stages) == 1 else torch.stack(stages).mean(dim=0)
        return self.resize(mean, size_hw)

    def tags(self, outputs: Outputs, mirrored: Outputs | None = None, size_hw: tuple[int, int] | None = None) -> Tensor:
        """The tags of the first output, and of the mirrored picture as a second number; arguments as for `heatmaps`.

        Returns:
            (B, K, H', W', T), float32, T is 1 or 2; in memory the numbers lie map by map.
        """
        checked = self._checked(outputs)
        last = _size_hw(checked[-1])
        size_hw = size_hw or last
        maps = [checked[0][:, self.num_keypoints :]]
        if mirrored is not None:
            maps.append(self._flipped(self._checked(mirrored)[0][:, self.num_keypoints :]))
        if not self.mmpose:
            maps = [self.resize(one, last) for one in maps]
        return torch.stack([self.resize(one, size_hw) for one in maps]).permute(1, 2, 3, 4, 0)

    def mean_of_scales(self, heatmaps: Sequence[Tensor]) -> Tensor:
        """The mean of heatmaps (B, K, H_i, W_i) of several scales, in the size of the first, which shall be largest."""
        size_hw = _size_hw(heatmaps[0])
        return torch.stack([self.resize(one, size_hw) for one in heatmaps]).mean(dim=0)

    def resize(self, maps: Tensor, size_hw: tuple[int, int]) -> Tensor:
        """Bilinear, (B, C, h, w) to (B, C, H', W')."""
        if _size_hw(maps) == tuple(size_hw):
            return maps
        return F.interpolate(maps, size=size_hw, mode="bilinear", align_corners=self.align_corners)

    @property
    def num_keypoints(self) -> int:
        """K."""
        return len(self.flip_permutation)

    def _flipped(self, maps: Tensor) -> Tensor:
        return maps.index_select(1, constant(self.flip_permutation, torch.int64, maps.device)).flip(-1)

    def _checked(self, outputs: Outputs) -> list[Tensor]:
        maps = [outputs] if isinstance(outputs, Tensor) else list(outputs)
        channels = [one.shape[1] for one in maps]
        expected = [2 * self.num_keypoints, *[self.num_keypoints] * (len(maps) - 1)]
        if channels != expected:
            raise PoseError(
                f"a bottom-up network for {self.num_keypoints} keypoints gives outputs of {expected} channels, got "
                f"{channels}; check MODEL.NUM_JOINTS and MODEL.CODEC against the network."
            )
        return [one.detach().to(torch.float32) for one in maps]


def _size_hw(maps: Tensor) -> tuple[int, int]:
    return maps.shape[-2], maps.shape[-1]

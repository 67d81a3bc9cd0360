"""The loss of networks that answer several times: four units per stage, each finer than the one before (RSN)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from lib.core.outputs import Outputs, all_heatmaps
from lib.utils.constants import constant

UNITS = 4  # per stage
COARSE_SHARE = 0.25  # of the loss of a unit that is not the last of its stage


class UnitLoss(nn.Module):
    """One loss for the last unit of each stage and another, counted a quarter, for the three before it.

    Every unit learns the same target (deep supervision).

    Args:
        final: of the last units; outputs (B, C, h, w), targets and weights to named terms.
        coarse: of the others, alike.
    """

    def __init__(self, final: nn.Module, coarse: nn.Module) -> None:
        super().__init__()
        self.final = final
        self.coarse = coarse

    def forward(self, outputs: Outputs, targets: Tensor, weights: Tensor) -> dict[str, Tensor]:
        """The term "coarse" and the terms of `final`, each added up over its units; scalars.

        Args:
            outputs: of every unit, stage by stage, each (B, C, h, w); or that of the last unit alone, whose loss has
                no term "coarse".
            targets, weights: as the codec made them.
        """
        maps = all_heatmaps(outputs)
        if len(maps) == 1:
            return dict(self.final(maps[0], *self._final_case(targets, weights, UNITS)))
        coarse, final = [], []
        for index, heatmaps in enumerate(maps):
            unit = index % UNITS
            # The last stage's targets are finer by one level.
            level = unit + (index >= len(maps) - UNITS)
            if unit == UNITS - 1:
                final.append(self.final(heatmaps, *self._final_case(targets, weights, level)))
            else:
                coarse += self.coarse(heatmaps, *self._coarse_case(targets, weights, level)).values()
        terms = {name: torch.stack([one[name] for one in final]).sum() for name in final[0]}
        return {"coarse": COARSE_SHARE * torch.stack(coarse).sum(), **terms}

    def _final_case(self, targets: Tensor, weights: Tensor, level: int) -> tuple[Tensor, Tensor]:
        """Targets (B, C, h, w) and weights (B, K) of a last unit; `level` counts from coarse to fine."""
        del level
        return targets, weights

    def _coarse_case(self, targets: Tensor, weights: Tensor, level: int) -> tuple[Tensor, Tensor]:
        """The same for another unit."""
        return self._final_case(targets, weights, level)


class LevelLoss(UnitLoss):
    """`UnitLoss` for targets (B, 5, K, h, w) with the annotation's flags as weights (`LevelCodec`).

    Earlier stages learn the levels 0 to 3 and the last one 1 to 4; a network with one output learns the finest.

    Args:
        final, coarse: as above; their weights are `joint_weights` for labelled keypoints and 0 for others.
        zeroes_hidden: RSN's own way: the coarse units count every keypoint and learn an empty map for those that are
            hidden or not labelled. mmpose leaves out those not labelled and learns hidden ones.
        joint_weights: factor per keypoint, K values; None for 1.

    Source: RSN exps/*/network.py, _calculate_loss, and lib/utils/loss.py, JointsL2Loss; mmpose 0.29
    topdown_heatmap_multi_stage_head.py, TopdownHeatmapMSMUHead.
    """

    def __init__(
        self, final: nn.Module, coarse: nn.Module, *, zeroes_hidden: bool, joint_weights: Sequence[float] | None = None
    ) -> None:
        super().__init__(final, coarse)
        self.zeroes_hidden = zeroes_hidden
        self.joint_weights = None if joint_weights is None else tuple(map(float, joint_weights))

    def _final_case(self, targets: Tensor, weights: Tensor, level: int) -> tuple[Tensor, Tensor]:
        return targets[:, level], self._weighted(weights > 0)

    def _coarse_case(self, targets: Tensor, weights: Tensor, level: int) -> tuple[Tensor, Tensor]:
        if not self.zeroes_hidden:
            return self._final_case(targets, weights, level)
        visible = (weights > 1)[..., None, None]
        return targets[:, level] * visible, self._weighted(torch.ones_like(weights))

    def _weighted(self, counted: Tensor) -> Tensor:
        weights = counted.to(torch.float32)
        if self.joint_weights is None:
            return weights
        return weights * constant(self.joint_weights, weights.dtype, weights.device)

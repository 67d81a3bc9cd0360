"""Losses of heatmap networks: named terms whose sum is the loss.

Every loss takes outputs and targets (B, C, h, w) and weights (B, K) and computes in float32 whatever the outputs'
dtype; `lib.core.unit_loss` has those for networks with several outputs. Weights are applied here and nowhere else. The
two published families differ in how: HRNet and UDP multiply output and target by the weight, so that it counts squared,
and halve the error; mmpose 0.29 weights the squared error once. With weights of 0 and 1 that is a factor of two alone.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class HeatmapLoss(nn.Module):
    """Mean squared error of heatmaps.

    Args:
        use_weights: leave keypoints of weight 0 out (LOSS.USE_TARGET_WEIGHT); else all count fully.
        mmpose: mmpose's weighting and scale.

    Source: HRNet lib/core/loss.py, JointsMSELoss; mmpose 0.29 mse_loss.py, JointsMSELoss.
    """

    def __init__(self, *, use_weights: bool = True, mmpose: bool = False) -> None:
        super().__init__()
        self.use_weights = use_weights
        self.mmpose = mmpose

    def forward(self, outputs: Tensor, targets: Tensor, weights: Tensor) -> dict[str, Tensor]:
        """The term "heatmap", a scalar."""
        weights = _weights(weights, self.use_weights)
        errors = _squared_error(outputs, targets)
        return {"heatmap": (errors * weights).mean() if self.mmpose else 0.5 * (errors * weights**2).mean()}


class HardKeypointLoss(nn.Module):
    """Mean squared error of each person's worst keypoints (online hard keypoint mining).

    Args:
        top: keypoints kept of each person (LOSS.TOPK).
        use_weights: as for `HeatmapLoss`.
        mmpose: without the factor of a half; the weight counts squared there too.

    Source: HRNet lib/core/loss.py, JointsOHKMMSELoss; mmpose 0.29 mse_loss.py, JointsOHKMMSELoss.
    """

    def __init__(self, top: int, *, use_weights: bool = True, mmpose: bool = False) -> None:
        super().__init__()
        self.top = top
        self.use_weights = use_weights
        self.factor = 1.0 if mmpose else 0.5

    def forward(self, outputs: Tensor, targets: Tensor, weights: Tensor) -> dict[str, Tensor]:
        """The term "heatmap", a scalar."""
        errors = _squared_error(outputs, targets) * _weights(weights, self.use_weights) ** 2
        return {"heatmap": self.factor * errors.topk(self.top, dim=1).values.mean()}


class OffsetLoss(nn.Module):
    """Errors of the mask and, where the target's mask is set, of the offsets.

    Args:
        use_weights: as for `HeatmapLoss`. UDP's own loss is zero without them; here all keypoints count fully then.
        smooth_l1: smooth L1 errors in place of squared ones.
        mmpose: the weight counts for the offsets too; UDP weights the mask alone.

    Source: UDP lib/core/loss.py, JointsMSELoss_offset and JointsL1Loss_offset; mmpose 0.29 mse_loss.py,
    CombinedTargetMSELoss.
    """

    def __init__(self, *, use_weights: bool = True, smooth_l1: bool = False, mmpose: bool = False) -> None:
        super().__init__()
        self.use_weights = use_weights
        self.error = F.smooth_l1_loss if smooth_l1 else F.mse_loss
        self.mmpose = mmpose

    def forward(self, outputs: Tensor, targets: Tensor, weights: Tensor) -> dict[str, Tensor]:
        """The terms "heatmap" and "offset", scalars."""
        grouped_output = outputs.float().unflatten(1, (-1, 3))
        grouped_target = targets.float().unflatten(1, (-1, 3))
        weight = _weights(weights, self.use_weights)[..., None, None]
        mask = grouped_target[:, :, 0]
        heatmap = self.error(grouped_output[:, :, 0] * weight, mask * weight)
        within = (mask * weight if self.mmpose else mask)[:, :, None]
        # The mean runs over x and y; published are two means, added.
        offset = 2 * self.error(grouped_output[:, :, 1:] * within, grouped_target[:, :, 1:] * within)
        return {"heatmap": 0.5 * heatmap, "offset": 0.5 * offset}


def _weights(weights: Tensor, use_weights: bool) -> Tensor:
    weights = weights.float()
    return weights if use_weights else torch.ones_like(weights)


def _squared_error(outputs: Tensor, targets: Tensor) -> Tensor:
    """Mean over the pixels of each map, (B, K)."""
    return (outputs.float() - targets.float()).square().mean(dim=(-2, -1))

"""Losses of bottom-up networks: heatmaps of all people, and tags alike on one person and different between people.

Everything is computed in float32 whatever the outputs' dtype.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from lib.codecs.group.people import GroupTargets
from lib.core.outputs import Outputs, all_heatmaps
from lib.utils.errors import PoseError

KINDS = ("exp", "max")


class GroupLoss(nn.Module):
    """Heatmap, push and pull losses with their factors.

    Args:
        kind: how tags of two people are pushed apart, "exp" or "max" (LOSS.AE_LOSS_TYPE).
        heatmap_factor: of the heatmap loss of every output.
        push_factor, pull_factor: of the losses of the tags.

    Raises:
        PoseError: there is no such kind.

    Source: HigherHRNet lib/core/loss.py; mmpose 0.29 multi_loss_factory.py (the same).
    """

    def __init__(
        self, kind: str = "exp", *, heatmap_factor: float = 1.0, push_factor: float = 1e-3, pull_factor: float = 1e-3
    ) -> None:
        super().__init__()
        if kind not in KINDS:
            raise PoseError(f"LOSS.AE_LOSS_TYPE is {kind!r}; choose exp or max.")
        self.kind = kind
        self.heatmap_factor = heatmap_factor
        self.push_factor = push_factor
        self.pull_factor = pull_factor

    def forward(self, outputs: Outputs, targets: GroupTargets, masks: Sequence[Tensor]) -> dict[str, Tensor]:
        """The terms "heatmap_0", "heatmap_1" (one per output), "push" and "pull", scalars whose sum is the loss.

        Args:
            outputs: (B, 2K, h, w), or that and (B, K, 2h, 2w).
            targets: as the codec made them.
            masks: one per output, which pixels count, (B, h_i, w_i), bool or 0 and 1.

        Raises:
            PoseError: outputs, targets and masks do not fit together.
        """
        maps = all_heatmaps(outputs)
        num_keypoints = targets.tag_index.shape[2]
        _check(maps, targets, masks)
        terms = {
            f"heatmap_{index}": self.heatmap_factor * masked_error(one[:, :num_keypoints], target, mask)
            for index, (one, target, mask) in enumerate(zip(maps, targets.heatmaps, masks, strict=True))
        }
        push, pull = tag_losses(maps[0][:, num_keypoints:], targets.tag_index, targets.tag_visible, self.kind)
        return terms | {"push": self.push_factor * push.mean(), "pull": self.pull_factor * pull.mean()}


def masked_error(heatmaps: Tensor, targets: Tensor, mask: Tensor) -> Tensor:
    """Mean squared error over all pixels, of which those outside the mask count as 0.

    Args:
        heatmaps, targets: (B, K, h, w).
        mask: (B, h, w), bool or 0 and 1.

    Returns:
        A scalar, float32; 0 where the mask leaves nothing.
    """
    errors = (heatmaps.float() - targets.float()).square() * mask[:, None].to(torch.float32)
    return errors.mean()


def tag_losses(tags: Tensor, index: Tensor, visible: Tensor, kind: str) -> tuple[Tensor, Tensor]:
    """How far people's tags are from apart, and each person's from alike.

    Args:
        tags: (B, K, h, w).
        index: pixel y w + x of each keypoint, (B, M, K), int64.
        visible: which keypoints count, (B, M, K), bool. People without any do not count.
        kind: "exp" or "max".

    Returns:
        push and pull, (B,) each, float32. With means t_p of n people: push is the sum over pairs p != q of
        exp(-(t_p - t_q)^2) or max(0, 1 - |t_p - t_q|), over n (n - 1), halved; 0 for fewer than two people. Pull is the
        mean over people of the variance of their tags; 0 for nobody.
    """
    chosen = tags.flatten(2).gather(2, index.transpose(1, 2)).transpose(1, 2).float()
    # Replaced rather than multiplied by 0, so that what lies at the place of absent keypoints cannot spread.
    chosen = torch.where(visible, chosen, 0.0)
    sizes = visible.sum(dim=2)
    present = sizes > 0
    counts = present.sum(dim=1)
    at_least_one = sizes.clamp(min=1)
    means = chosen.sum(dim=2) / at_least_one
    variances = torch.where(visible, chosen - means[..., None], 0.0).square().sum(dim=2) / at_least_one
    pull = variances.sum(dim=1) / counts.clamp(min=1)

    differences = means[:, :, None] - means[:, None, :]
    closeness = torch.exp(-differences.square()) if kind == "exp" else (1 - differences.abs()).clamp(min=0)
    pairs = present[:, :, None] & present[:, None, :]
    pairs = pairs & ~torch.eye(pairs.shape[1], dtype=torch.bool, device=pairs.device)
    push = 0.5 * torch.where(pairs, closeness, 0.0).sum(dim=(1, 2)) / (counts * (counts - 1)).clamp(min=1)
    return push, pull


def _check(maps: list[Tensor], targets: GroupTargets, masks: Sequence[Tensor]) -> None:
    num_keypoints = targets.tag_index.shape[2]
    channels = [2 * num_keypoints, *[num_keypoints] * (len(maps) - 1)]
    shapes = [(one.shape[0], count, *one.shape[2:]) for one, count in zip(maps, channels, strict=True)]
    fits = [tuple(one.shape) for one in maps] == shapes
    fits &= [tuple(one.shape) for one in targets.heatmaps] == [(s[0], num_keypoints, *s[2:]) for s in shapes]
    fits &= [tuple(one.shape) for one in masks] == [(s[0], *s[2:]) for s in shapes]
    if not fits:
        raise PoseError(
            f"outputs {[tuple(one.shape) for one in maps]} do not fit targets "
            f"{[tuple(one.shape) for one in targets.heatmaps]} and masks {[tuple(one.shape) for one in masks]}; check "
            "MODEL.HEATMAP_SIZE and MODEL.CODEC against the network."
        )

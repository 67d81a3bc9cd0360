"""Share of correct keypoints (PCK) on heatmaps, the figure shown while training."""

from dataclasses import dataclass

import torch
from torch import Tensor

from lib.codecs.peaks import find_peaks

# A tenth of the heatmap is the unit of distance; half a unit is correct (HRNet lib/core/evaluate.py, accuracy).
UNITS_PER_SIDE = 10.0


@dataclass(frozen=True)
class Pck:
    """Counts of correct keypoints; counts of several batches or processes are added up.

    Attributes:
        correct: keypoints near enough to their target, (K,), float.
        total: keypoints that have a target, (K,), float.
    """

    correct: Tensor
    total: Tensor

    def __add__(self, other: "Pck") -> "Pck":
        return Pck(self.correct + other.correct, self.total + other.total)

    @property
    def per_joint(self) -> Tensor:
        """Share per joint, (K,); NaN where no keypoint of that joint has a target."""
        return self.correct / self.total

    @property
    def mean(self) -> float | None:
        """Mean over the joints that have targets; None when there is no target at all."""
        mean = float(self.per_joint.nanmean())
        return None if mean != mean else mean

    def __str__(self) -> str:
        return "n/a" if self.mean is None else f"{self.mean:.3f}"


@torch.no_grad()
def heatmap_pck(outputs: Tensor, targets: Tensor, threshold: float = 0.5) -> Pck:
    """PCK between the peaks of two stacks of maps.

    Args:
        outputs: maps whose arg-max is the keypoint (Codec.score_maps), (B, K, h, w).
        targets: the same for the truth; a joint counts where its peak is positive and beyond 1 in x and y.
        threshold: distance in tenths of the map below which a keypoint is correct.
    """
    height, width = outputs.shape[-2:]
    # Without a positive value the point is (0, 0), as published: no target, or a wrong answer.
    truth = find_peaks(targets, absent=0).points
    present = (truth > 1).all(dim=-1)
    return keypoint_pck(find_peaks(outputs, absent=0).points, truth, present, (width, height), threshold)


@torch.no_grad()
def keypoint_pck(
    heatmap_keypoints: Tensor,
    heatmap_truth: Tensor,
    present: Tensor,
    heatmap_size_wh: tuple[int, int],
    threshold: float = 0.5,
) -> Pck:
    """PCK between points.

    Args:
        heatmap_keypoints: predicted (x, y), (B, K, 2), pixels of a frame of size `heatmap_size_wh`.
        heatmap_truth: (x, y), (B, K, 2).
        present: whether a joint has a target, (B, K), bool.
        heatmap_size_wh: (w, h) of that frame.
        threshold: distance in tenths of the frame below which a keypoint is correct.

    x is measured in tenths of the width and y in tenths of the height. HRNet lib/core/evaluate.py:accuracy divides x
    by the height and y by the width; this does not.
    """
    unit = heatmap_keypoints.new_tensor(heatmap_size_wh, dtype=torch.float32) / UNITS_PER_SIDE
    distances = torch.linalg.vector_norm((heatmap_keypoints.float() - heatmap_truth.float()) / unit, dim=-1)
    counted = present.bool()
    correct = counted & (distances < threshold)
    return Pck(correct.sum(dim=0).float(), counted.sum(dim=0).float())

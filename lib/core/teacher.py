"""What the training loop needs of an encoding: the targets of a batch, and what is to be seen of the outputs."""

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor

from lib.codecs.base import Codec
from lib.codecs.group.codec import GroupCodec
from lib.core.hooks import Batch
from lib.core.measures import Measures
from lib.core.outputs import Outputs, all_heatmaps, final_heatmaps


class Teacher(ABC):
    """Makes targets on the network's device and measures outputs."""

    @abstractmethod
    def targets(self, batch: Batch, device: torch.device) -> tuple[Any, Any]:
        """Targets of a batch and their weights, as the loss takes them."""

    @abstractmethod
    def measure(self, outputs: Outputs, targets: Any, measures: Measures) -> Tensor:
        """Add what is measured of a batch; gives the final heatmaps, (B, C, h, w), float32, detached."""


class PoseTeacher(Teacher):
    """Crops of one person each: target heatmaps, weights (B, K), and PCK."""

    def __init__(self, codec: Codec) -> None:
        self.codec = codec

    def targets(self, batch: Batch, device: torch.device) -> tuple[Tensor, Tensor]:
        """See `Teacher`."""
        # Not blocking: a copy that does would wait for all that the GPU has been given before.
        points, visible = (field.to(device, non_blocking=True) for field in (batch.input_keypoints, batch.visible))
        return self.codec.encode(points, visible)

    def measure(self, outputs: Outputs, targets: Tensor, measures: Measures) -> Tensor:
        """See `Teacher`."""
        heatmaps = final_heatmaps(outputs).detach()
        measures.add_pck(self.codec.score_maps(heatmaps), self.codec.score_maps(targets))
        return heatmaps


class GroupTeacher(Teacher):
    """Whole pictures: `GroupTargets`, and masks of the heatmap loss as weights; there is no PCK."""

    def __init__(self, codec: GroupCodec) -> None:
        self.codec = codec

    def targets(self, batch: Any, device: torch.device) -> tuple[Any, tuple[Tensor, ...]]:
        """See `Teacher`; the batch has `shifts` (B, L), and `masks`, one (B, h, w) bool per output."""
        fields = batch.input_keypoints, batch.visible, batch.shifts
        points, visible, shifts = (field.to(device, non_blocking=True) for field in fields)
        masks = tuple(mask.to(device, non_blocking=True) for mask in batch.masks)
        return self.codec.encode(points, visible, shifts), masks

    def measure(self, outputs: Outputs, targets: Any, measures: Measures) -> Tensor:  # noqa: ARG002
        """See `Teacher`; the heatmaps are those of the last output, without tags."""
        return all_heatmaps(outputs)[-1][:, : self.codec.num_keypoints].detach()


def teacher_of(codec: Codec | GroupCodec) -> Teacher:
    """The teacher that belongs to a codec."""
    return GroupTeacher(codec) if isinstance(codec, GroupCodec) else PoseTeacher(codec)

"""What the loops show to those who watch them: progress bars, TensorBoard, pictures, checkpoints."""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor


class Crops(Protocol):
    """Crops that come into being on the device they are moved to; tensors are such."""

    def to(self, device: torch.device, non_blocking: bool = False) -> Tensor:
        """(B, 3, H, W), uint8, on the device."""


class Batch(Protocol):
    """The fields of a batched sample that the loops read; lib/dataset makes them."""

    @property
    def image(self) -> Tensor | Crops:
        """Crops, (B, 3, H, W), uint8."""

    @property
    def input_keypoints(self) -> Tensor:
        """True (x, y), (B, K, 2), float32."""

    @property
    def visible(self) -> Tensor:
        """The flag 0, 1 or 2; above 0 where a keypoint is labelled, (B, K), float32; all 0 where there is no truth."""

    @property
    def center(self) -> Tensor:
        """image_ centre of the crop, (B, 2), float32."""

    @property
    def scale(self) -> Tensor:
        """Size of the crop in the image, (B, 2), units of 200 px, float32."""

    @property
    def index(self) -> Tensor:
        """Positions of the records in the data set, (B,), int64."""


@dataclass(frozen=True)
class StepReport:
    """One batch that has passed through the network.

    Attributes:
        step: batches of the epoch done so far, this one included.
        batch: as it came from the data set.
        images: the network's input, (B, 3, H, W), float32, normalised.
        outputs: the network's final heatmaps, (B, C, h, w), float32, detached.
        targets: as the codec made them; its `score_maps` gives those of the final heatmaps.
        rate: learning rate; 0 when not training.
        is_save_point: the run is to be saved here (TRAIN.SAVE_EVERY_STEPS).
        is_last: the epoch ends with this batch.
    """

    step: int
    batch: Batch
    images: Tensor
    outputs: Tensor
    targets: Tensor
    rate: float = 0.0
    is_save_point: bool = False
    is_last: bool = False


class Listener(Protocol):
    """Sees every batch of a loop."""

    def after_step(self, report: StepReport) -> None:
        """Called once per batch, on every process."""


class Silence:
    """A listener that does nothing."""

    def after_step(self, report: StepReport) -> None:
        """Ignore the batch."""

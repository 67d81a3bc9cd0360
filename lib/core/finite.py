"""A loss or weights that are not numbers end a run, with the step named, before they reach a checkpoint."""

import numpy as np
import torch
from torch import Tensor, nn

from lib.utils.distributed import gather_values
from lib.utils.errors import PoseError

MAX_NAMED = 8
REMEDY = "lower TRAIN.LR or set TRAIN.CLIP_GRAD, with AMP fp16 try --amp bf16"


class LossGuard:
    """Collects losses and checks them together, so that the GPU is waited for only now and then.

    Check before every checkpoint: a checkpoint then never holds weights that such a loss has spoilt.
    """

    def __init__(self, epoch: int, image_ids: np.ndarray) -> None:
        """Start an epoch.

        Args:
            epoch: counted from 0, for the message.
            image_ids: image id of each record of the training data, (N,).
        """
        self._epoch = epoch
        self._image_ids = image_ids
        self._pending: list[tuple[int, Tensor, Tensor]] = []

    def add(self, step: int, loss: Tensor, index: Tensor) -> None:
        """Note the loss of a batch.

        Args:
            step: batches of the epoch done, this one included.
            loss: a scalar.
            index: the batch's records, (B,).
        """
        # Copied: a tensor of a worker process holds a file descriptor for as long as it is kept.
        self._pending.append((step, loss.detach(), index.clone()))

    def check(self) -> None:
        """Check what has been added since the last check; every process must call at the same step.

        Raises:
            PoseError: a loss is NaN or infinite; names the first such step of all processes and its images.
        """
        if not self._pending:
            return
        finite = torch.isfinite(torch.stack([loss for _, loss, _ in self._pending])).tolist()
        spoilt = [entry for entry, fine in zip(self._pending, finite, strict=True) if not fine]
        self._pending = []
        own = None
        if spoilt:
            step, loss, index = spoilt[0]
            own = (step, float(loss), self._image_ids[index.cpu().numpy()].tolist())
        faults = [fault for fault in gather_values(own) if fault is not None]
        if faults:
            self._complain(*min(faults))

    def _complain(self, step: int, loss: float, images: list[int]) -> None:
        more = f" and {len(images) - MAX_NAMED} more" if len(images) > MAX_NAMED else ""
        raise PoseError(
            f"the loss is {loss} in epoch {self._epoch}, step {step} (images {images[:MAX_NAMED]}{more}); {REMEDY}, "
            "check these images with tools/check_dataset.py, and continue from the last checkpoint with --resume."
        )


def check_weights(model: nn.Module, epoch: int, step: int) -> None:
    """Refuse weights that an update has spoilt although its loss was a number; no run could continue from them.

    Args:
        model: to be saved.
        epoch: counted from 0, for the message.
        step: batches of the epoch done, for the message.

    Raises:
        PoseError: a weight is NaN or infinite; names the first.
    """
    for name, value in model.state_dict().items():
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            raise PoseError(
                f"{name} became NaN or infinite in epoch {epoch}, step {step}; {REMEDY}, and continue from the last "
                "checkpoint with --resume."
            )

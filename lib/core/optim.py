"""Optimisers and the learning rate of every step."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from torch import nn, optim

from lib.core.muon import Muon
from lib.utils.errors import PoseError

# Where PyTorch has fused optimisers.
FUSED_DEVICES = ("cpu", "cuda")


def build_optimizer(
    name: str,
    parameters: Iterable[nn.Parameter],
    rate: float,
    *,
    weight_decay: float,
    adam_weight_decay: float,
    momentum: float,
    nesterov: bool,
    betas: tuple[float, float] = (0.9, 0.999),
) -> optim.Optimizer:
    """Make an optimiser.

    Args:
        name: 'adam', 'adamw', 'muon' or 'sgd' (TRAIN.OPTIMIZER).
        parameters: what to optimise; those without gradient are left out.
        rate: learning rate (TRAIN.LR).
        weight_decay: for SGD, AdamW and Muon (TRAIN.WD).
        adam_weight_decay: for Adam (TRAIN.ADAM_WD). The published code never passed TRAIN.WD to Adam, and its numbers
            were made so; therefore Adam has a key of its own.
        momentum: for SGD and Muon (TRAIN.MOMENTUM).
        nesterov: for SGD (TRAIN.NESTEROV).
        betas: for Adam, AdamW and the vectors of Muon.

    Raises:
        PoseError: an unknown name, or Nesterov without momentum.
    """
    trained = [parameter for parameter in parameters if parameter.requires_grad]
    # One call for all parameters: the plain loop costs a small network a tenth of its step on a CPU.
    fused = all(parameter.device.type in FUSED_DEVICES for parameter in trained)
    kind = name.lower()
    if kind == "adam":
        return optim.Adam(trained, rate, betas, weight_decay=adam_weight_decay, fused=fused)
    if kind == "adamw":
        return optim.AdamW(trained, rate, betas, weight_decay=weight_decay, fused=fused)
    if kind == "muon":
        return Muon(trained, rate, momentum, betas, weight_decay)
    if kind == "sgd":
        if nesterov and momentum <= 0:
            raise PoseError(f"TRAIN.NESTEROV needs TRAIN.MOMENTUM above 0, not {momentum}.")
        return optim.SGD(trained, rate, momentum, weight_decay=weight_decay, nesterov=nesterov, fused=fused)
    raise PoseError(f"TRAIN.OPTIMIZER {name!r} is unknown; use adam, adamw, muon or sgd.")


@dataclass(frozen=True)
class Schedule:
    """Linear warm-up by optimiser steps, then drops at epochs or a line down to zero.

    It is a pure function, so there is no state to restore.

    Attributes:
        rate: the learning rate, which drops, the line and warm-up multiply.
        drop_epochs: epochs, counted from 0, at whose start the rate is multiplied by `factor` (TRAIN.LR_STEP).
        factor: TRAIN.LR_FACTOR.
        warmup_steps: optimiser steps until the full rate (TRAIN.WARMUP_ITERS); 0 for none.
        warmup_factor: part of the rate at the first step (TRAIN.WARMUP_FACTOR).
        line: first epoch and the epoch at which the rate is zero, for TRAIN.LR_SCHEDULE linear; None for drops. Epochs
            and not steps, so that a run continues on it with another number of processes.
    """

    rate: float
    drop_epochs: Sequence[int]
    factor: float
    warmup_steps: int = 0
    warmup_factor: float = 0.001
    line: tuple[int, int] | None = None

    def rate_at(self, epoch: int, update: int, part: float = 0.0) -> float:
        """The learning rate.

        Args:
            epoch: counted from 0.
            update: optimiser steps done before this one, over the whole run.
            part: part of the epoch done before this step, 0 to 1.

        Source: torch.optim.lr_scheduler.MultiStepLR and LinearLR; the warm-up is mmcv's 'linear'.
        """
        if self.line is not None:
            first, end = self.line
            left = (end - epoch - part) / max(end - first, 1)
            rate = self.rate * min(max(left, 0.0), 1.0)
        else:
            rate = self.rate * self.factor ** bisect_right(sorted(self.drop_epochs), epoch)
        if update >= self.warmup_steps:
            return rate
        return rate * (1.0 - (1.0 - update / self.warmup_steps) * (1.0 - self.warmup_factor))

    def apply(self, optimizer: optim.Optimizer, epoch: int, update: int, part: float = 0.0) -> float:
        """Set the optimiser's learning rate, in place, and return it."""
        rate = self.rate_at(epoch, update, part)
        for group in optimizer.param_groups:
            group["lr"] = rate
        return rate

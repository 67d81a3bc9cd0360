"""Optimisers and the learning rate of every step."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn, optim

from lib.core.muon import Muon
from lib.utils.errors import PoseError

# Where PyTorch has fused optimisers.
FUSED_DEVICES = ("cpu", "cuda")


def build_optimizer(
    name: str,
    named_parameters: Iterable[tuple[str, nn.Parameter]],
    rate: float,
    *,
    weight_decay: float,
    adam_weight_decay: float,
    momentum: float,
    nesterov: bool,
    betas: tuple[float, float] = (0.9, 0.999),
    no_decay: Sequence[str] = (),
) -> optim.Optimizer:
    """Make an optimiser.

    Args:
        name: 'adam', 'adamw', 'muon' or 'sgd' (TRAIN.OPTIMIZER).
        named_parameters: what to optimise, as `named_parameters()` of a network gives it; those without gradient are
            left out.
        rate: learning rate (TRAIN.LR).
        weight_decay: for SGD, AdamW and Muon (TRAIN.WD).
        adam_weight_decay: for Adam (TRAIN.ADAM_WD). The published code never passed TRAIN.WD to Adam, and its numbers
            were made so; therefore Adam has a key of its own.
        momentum: for SGD and Muon (TRAIN.MOMENTUM).
        nesterov: for SGD (TRAIN.NESTEROV).
        betas: for Adam, AdamW and the vectors of Muon.
        no_decay: parameters whose name contains one of these have no weight decay (TRAIN.NO_DECAY).

    Raises:
        PoseError: an unknown name, Nesterov without momentum, or a part that no name contains.
    """
    trained = _groups(list(named_parameters), no_decay)
    # One call for all parameters: the plain loop costs a small network a tenth of its step on a CPU.
    fused = all(parameter.device.type in FUSED_DEVICES for group in trained for parameter in group["params"])
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


def _groups(named_parameters: list[tuple[str, nn.Parameter]], no_decay: Sequence[str]) -> list[dict[str, Any]]:
    """Parameter groups for an optimiser: those with the common weight decay, then those without; none is empty."""
    for part in no_decay:
        if not any(part in name for name, _ in named_parameters):
            raise PoseError(
                f"TRAIN.NO_DECAY names {part!r}, which is part of no parameter's name of this network; correct or "
                "remove it."
            )
    decayed: dict[str, Any] = {"params": []}
    others: dict[str, Any] = {"params": [], "weight_decay": 0.0}
    for name, parameter in named_parameters:
        if parameter.requires_grad:
            (others if any(part in name for part in no_decay) else decayed)["params"].append(parameter)
    return [group for group in (decayed, others) if group["params"]]


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
        line_end: optimiser step at which the rate is zero, for a line that starts where the warm-up ends
            (TRAIN.MAX_ITERS with TRAIN.LR_SCHEDULE linear), in place of drops and `line`; 0 for none.
    """

    rate: float
    drop_epochs: Sequence[int]
    factor: float
    warmup_steps: int = 0
    warmup_factor: float = 0.001
    line: tuple[int, int] | None = None
    line_end: int = 0

    def rate_at(self, epoch: int, update: int, part: float = 0.0) -> float:
        """The learning rate.

        Args:
            epoch: counted from 0.
            update: optimiser steps done before this one, over the whole run.
            part: part of the epoch done before this step, 0 to 1.

        Source: torch.optim.lr_scheduler.MultiStepLR and LinearLR; the warm-up is mmcv's 'linear'. The line by steps is
        RSN's (lib/utils/solver.py), whose loop runs one step ahead of it: its last step has the rate 0.
        """
        if self.line_end > 0:
            steps = self.line_end - self.warmup_steps
            left = (self.line_end - max(update, self.warmup_steps)) / max(steps, 1)
            rate = self.rate * min(max(left, 0.0), 1.0)
        elif self.line is not None:
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

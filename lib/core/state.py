"""Everything that changes in the course of a run."""

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from lib.core.ema import AverageModel
from lib.core.measures import Measures

# The plain numbers of a state; the rest has state_dicts of its own.
COUNTERS = ("epoch", "step", "updates", "criterion", "best_score", "best_epoch", "history")


@dataclass
class RunState:
    """The state of a training run; what a checkpoint holds beside random states.

    Attributes:
        model: the network, not wrapped for distributed training.
        optimizer: its optimiser.
        scaler: fp16 loss scaling; disabled for other precisions.
        average: the moving average of the weights, if wanted.
        epoch: the epoch in progress, counted from 0.
        step: batches of that epoch that are done, on each process.
        updates: optimiser steps done since the start of the run.
        criterion: name of the figure that chooses the best weights.
        best_score: its best value so far, negative where less is better; None before the first evaluation.
        best_epoch: the epoch it was reached in.
        measures: loss and PCK of the epoch in progress, on this process.
        history: one row per finished epoch, for history.csv.
    """

    model: nn.Module
    optimizer: Optimizer
    scaler: torch.amp.GradScaler
    average: AverageModel | None = None
    epoch: int = 0
    step: int = 0
    updates: int = 0
    criterion: str = "AP"
    best_score: float | None = None
    best_epoch: int | None = None
    measures: Measures = field(default_factory=Measures)
    history: list[dict[str, float | None]] = field(default_factory=list)

    @property
    def evaluated_model(self) -> nn.Module:
        """The network that is evaluated and kept as the best: the average where there is one."""
        return self.average.module if self.average is not None else self.model

    def finish_epoch(self) -> None:
        """Move on to the next epoch."""
        self.epoch += 1
        self.step = 0
        self.measures = Measures()

    def judge_by(self, criterion: str) -> bool:
        """Choose the best weights by this figure; tells whether a best by another one is forgotten with that."""
        forgets = criterion != self.criterion and self.best_score is not None
        if forgets:
            self.best_score = self.best_epoch = None
        self.criterion = criterion
        return forgets

    def is_best(self, score: float) -> bool:
        """Note the score of the current epoch and tell whether it is the highest so far; the first always is."""
        if self.best_score is not None and not score > self.best_score:
            return False
        self.best_score, self.best_epoch = score, self.epoch
        return True

    def state_dict(self) -> dict[str, Any]:
        """What all processes share, but for the model's own weights: plain types and tensors."""
        return {
            **{name: getattr(self, name) for name in COUNTERS},
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(),
            "average": self.average.module.state_dict() if self.average is not None else None,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from `state_dict`; the model's weights are loaded before by the caller.

        The optimiser keeps the options it was made with (weight decay, momentum), so that they can be changed in a
        continued run. An average that the checkpoint lacks starts from the model's weights.
        """
        for name in COUNTERS:
            # Checkpoints from when there was only AP do not name it.
            setattr(self, name, state.get(name, "AP") if name == "criterion" else state[name])
        options = [
            {name: group[name] for name in group.keys() - {"params", "lr"}} for group in self.optimizer.param_groups
        ]
        self.optimizer.load_state_dict(state["optimizer"])
        for group, own in zip(self.optimizer.param_groups, options, strict=True):
            group.update(own)
        if self.scaler.is_enabled() and state["scaler"]:
            self.scaler.load_state_dict(state["scaler"])
        if self.average is not None:
            self.average.module.load_state_dict(state["average"] or self.model.state_dict())

"""An exponential moving average of the weights."""

from copy import deepcopy

import torch
from torch import Tensor, nn

# The average would remember its random start for 1 / (1 - decay) updates; a decay that starts low and grows with the
# number of updates forgets it at once. Source: TensorFlow's ExponentialMovingAverage (num_updates).
GROWTH = 10.0


class AverageModel:
    """A copy of a model whose weights follow it slowly; it is what is evaluated and kept as the best."""

    def __init__(self, model: nn.Module, decay: float) -> None:
        """Start from the model's weights.

        Args:
            model: the model in training.
            decay: the part of the old average that each update keeps, in (0, 1); published recipes use 0.999 or more.
        """
        self.module = deepcopy(model).eval().requires_grad_(False)
        self.decay = decay

    @torch.no_grad()
    def update(self, model: nn.Module, updates: int) -> None:
        """Move the average towards `model`.

        Args:
            model: the model after an optimiser step.
            updates: optimiser steps so far.

        Buffers (batch-norm statistics are averages already) are copied.
        """
        decay = min(self.decay, (1.0 + updates) / (GROWTH + updates))
        averages: list[Tensor] = list(self.module.parameters())
        torch._foreach_lerp_(averages, list(model.parameters()), 1.0 - decay)
        for own, theirs in zip(self.module.buffers(), model.buffers(), strict=True):
            own.copy_(theirs)

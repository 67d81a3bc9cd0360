"""One epoch of training, and validation."""

from collections.abc import Callable, Iterator, Sized
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from itertools import count
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from lib.codecs.base import Codec
from lib.codecs.group.codec import GroupCodec
from lib.core.finite import LossGuard
from lib.core.hooks import Batch, Listener, Silence, StepReport
from lib.core.inference import Predictions, Preparation, predict
from lib.core.measures import Measures
from lib.core.optim import Schedule
from lib.core.outputs import Outputs
from lib.core.pck import Pck
from lib.core.precision import Precision
from lib.core.state import RunState
from lib.core.teacher import PoseTeacher, teacher_of

# loss(the network's outputs, the codec's targets, weights (B, K)) -> named terms whose sum is the loss; for whole
# pictures masks (B, h, w) take the place of the weights.
LossFunction = Callable[[Outputs, Any, Any], dict[str, Tensor]]


class Loader(Sized, Protocol):
    """A data loader; its length is that of a whole epoch, whichever step it starts from."""

    def __iter__(self) -> Iterator[Batch]:
        """The batches that are left."""


@dataclass(frozen=True)
class StepSettings:
    """How a training step is done.

    Attributes:
        prepare: stored crops to network input.
        precision: of the network's arithmetic.
        schedule: learning rate per step.
        accumulate: batches per optimiser step (TRAIN.ACCUMULATE).
        max_norm: largest norm of all gradients together; 0 = no clipping (TRAIN.CLIP_GRAD).
        check_every: batches between checks for a loss that is not a number.
        save_every: optimiser steps between save points; 0 = none within an epoch (TRAIN.SAVE_EVERY_STEPS).
        image_ids: image id of each training record, (N,), to name the images of such a loss.
        max_updates: optimiser steps after which the training ends; 0 = none (TRAIN.MAX_ITERS).
    """

    prepare: Preparation
    precision: Precision
    schedule: Schedule
    accumulate: int
    max_norm: float
    check_every: int
    save_every: int
    image_ids: np.ndarray
    max_updates: int = 0

    def end_at(self, updates: int) -> bool:
        """Whether the training ends with this many optimiser steps."""
        return 0 < self.max_updates <= updates


def train_one_epoch(
    network: nn.Module,
    codec: Codec | GroupCodec,
    loss_function: LossFunction,
    loader: Loader,
    state: RunState,
    settings: StepSettings,
    listener: Listener,
) -> None:
    """Train on the batches that the epoch still has, or up to the training's last step; `state` moves along.

    Args:
        network: state.model, wrapped in DistributedDataParallel where there are several processes.
        codec: makes the targets.
        loss_function: named loss terms.
        loader: batches from `state.step` on.
        state: of the run; its means are those of the epoch.
        settings: how a step is done.
        listener: sees every batch.

    Raises:
        PoseError: the loss is NaN or infinite.
    """
    if settings.end_at(state.updates):
        return
    network.train()
    state.optimizer.zero_grad()
    teacher, guard = teacher_of(codec), LossGuard(state.epoch, settings.image_ids)
    for batch, size, closes in _in_groups(loader, settings.accumulate, state.step):
        images = settings.prepare(batch.image)
        targets, weights = teacher.targets(batch, images.device)
        with nullcontext() if closes else _without_sync(network):
            with settings.precision.autocast():
                outputs = network(images)
            terms = loss_function(outputs, targets, weights)
            loss = torch.stack(list(terms.values())).sum()
            state.scaler.scale(loss / size).backward()
        rate = settings.schedule.apply(state.optimizer, state.epoch, state.updates, state.step / len(loader))
        if closes:
            _update_weights(state, settings.max_norm)
        state.step += 1
        guard.add(state.step, loss, batch.index)
        state.measures.add_loss(terms, len(images))
        heatmaps = teacher.measure(outputs, targets, state.measures)
        saves = closes and settings.save_every > 0 and state.updates % settings.save_every == 0
        ends = state.step == len(loader) or settings.end_at(state.updates)
        if saves or state.step % settings.check_every == 0:
            guard.check()
        listener.after_step(StepReport(state.step, batch, images, heatmaps, targets, rate, saves, ends))
        if settings.end_at(state.updates):
            break
    guard.check()


def _in_groups(loader: Loader, group: int, done: int) -> Iterator[tuple[Batch, int, bool]]:
    """Each batch after the first `done`, with the number of batches in its optimiser step and whether it ends it."""
    total = len(loader)
    for position, batch in enumerate(loader, done):
        size = min(group, total - position // group * group)
        yield batch, size, position % group == size - 1


def _without_sync(network: nn.Module) -> AbstractContextManager[None]:
    """Gradients of the batches before the last of an optimiser step need not travel."""
    return network.no_sync() if isinstance(network, DistributedDataParallel) else nullcontext()


def _update_weights(state: RunState, max_norm: float) -> None:
    """One optimiser step; gradients are used up."""
    if max_norm > 0:
        state.scaler.unscale_(state.optimizer)
        nn.utils.clip_grad_norm_(state.model.parameters(), max_norm)
    state.scaler.step(state.optimizer)
    state.scaler.update()
    state.optimizer.zero_grad()
    state.updates += 1
    if state.average is not None:
        state.average.update(state.model, state.updates)


@dataclass(frozen=True)
class Validation:
    """What a pass over the test records gives, the same on every process.

    Attributes:
        predictions: keypoints of all records.
        loss: mean over the batches that have targets; NaN where none has (boxes of a detector).
        pck: against the truth, at heatmap resolution; n/a where there is none.
    """

    predictions: Predictions
    loss: float
    pck: Pck


def validate(
    model: nn.Module,
    codec: Codec,
    loss_function: LossFunction,
    loader: Loader,
    prepare: Preparation,
    precision: Precision,
    *,
    flip_test: bool,
    listener: Listener | None = None,
) -> Validation:
    """Predict all test records and measure loss and PCK on the way.

    Args:
        model: not wrapped; every process has the same weights and buffers.
        codec: of the model.
        loss_function: named loss terms.
        loader: the records of this process.
        prepare: stored crops to network input.
        precision: of the network's arithmetic.
        flip_test: average with the mirrored images' heatmaps; loss and PCK are those of the average.
            Of a network with several outputs only the final one counts here.
        listener: sees every batch.

    Raises:
        PoseError: the network's output is not a number.
    """
    teacher, measures, watcher, step = PoseTeacher(codec), Measures(), listener or Silence(), count(1)

    def measure(batch: Batch, images: Tensor, heatmaps: Tensor) -> None:
        targets, weights = teacher.targets(batch, prepare.device)
        measures.add_loss(loss_function(heatmaps, targets, weights), (weights > 0).any() * len(images))
        teacher.measure(heatmaps, targets, measures)
        watcher.after_step(StepReport(next(step), batch, images, heatmaps, targets))

    predictions = predict(model, codec, loader, prepare, flip_test=flip_test, precision=precision, watch=measure)
    loss = measures.losses(all_processes=True).get("loss", float("nan"))
    return Validation(predictions, loss, measures.pck(all_processes=True))

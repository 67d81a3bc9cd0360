"""The training command: from a configuration to a trained run, or its continuation."""

from contextlib import nullcontext
from inspect import signature
from typing import Any

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from yacs.config import CfgNode

from lib.config import log_directory, notices
from lib.config.recipe import batch_notice
from lib.core.ema import AverageModel
from lib.core.finite import check_weights
from lib.core.function import StepSettings, train_one_epoch
from lib.core.optim import Schedule, build_optimizer
from lib.core.precision import training_notice
from lib.core.runtimes.compiled import naming_compiler_errors
from lib.core.state import RunState
from lib.dataset import PoseLoader, build_loader, build_train_dataset
from lib.models import init_pretrained
from lib.run.board import Board
from lib.run.evaluation import Evaluator, Outcome
from lib.run.folder import RunFolder
from lib.run.history import epoch_row, write_history
from lib.run.progress import Progress, TestWatch, TrainingWatch
from lib.run.report import short_report
from lib.run.resume import continue_run, save_run, save_weights
from lib.run.setup import Setup, describe_machine, make_model, picture_notice, set_up
from lib.utils import distributed
from lib.utils.checkpoint import load_weights
from lib.utils.device import check_compiler
from lib.utils.errors import PoseError
from lib.utils.logging import get_logger, log_to_file, open_log
from lib.utils.seeding import seed_everything


def train(cfg: CfgNode, *, resume: bool = False, load_from: str = "") -> None:
    """Train from the start or from the run's last checkpoint; every process calls.

    Args:
        cfg: from `lib.config.load_config`.
        resume: there must be a checkpoint to continue from; without it, AUTO_RESUME continues where there is one.
        load_from: weights to start from at epoch 0; '' takes those of MODEL.PRETRAINED.

    Raises:
        PoseError: bad input; nothing has been written then, unless the loss stops being a number on the way.
    """
    logger = open_log(quiet=not distributed.is_main())
    setup, folder = set_up(cfg, for_training=True), RunFolder(cfg)
    if cfg.TRAIN.COMPILE:
        check_compiler("TRAIN.COMPILE")
    folder.check_writable()
    for line in [f"Training on {describe_machine(setup.device)}, seed {cfg.SEED}.", *notices(cfg)]:
        logger.info(line)
    for notice in _training_notices(setup):
        logger.info(notice)
    seed_everything(cfg.SEED)  # equal weights on every process; what follows is seeded for each
    state = _new_state(setup)
    seed_everything(cfg.SEED, distributed.rank())
    continues = _start(setup, state, folder, resume=resume, load_from=load_from)
    if _is_finished(cfg, state):
        if continues:
            # The run may have been killed between its last checkpoint and its final weights.
            save_weights(folder.final, setup, state)
        logger.info(_finished_already(cfg, state, folder) if continues else "TRAIN.END_EPOCH leaves no epoch to train.")
        return
    run = TrainingRun(setup, state, folder)
    if distributed.is_main():
        if not continues:
            folder.set_aside_earlier_run()
        folder.prepare(cfg)
        log_to_file(folder.log)
    run.train_all()


class TrainingRun:
    """A run that is ready to train: its data, network and state."""

    def __init__(self, setup: Setup, state: RunState, folder: RunFolder) -> None:
        """Read the data and wrap the network.

        Raises:
            PoseError: data that cannot be used.
        """
        cfg = setup.cfg
        self.setup, self.state, self.folder = setup, state, folder
        dataset = build_train_dataset(cfg)
        self.loader: PoseLoader = build_loader(
            cfg, dataset, is_train=True, rank=distributed.rank(), world_size=distributed.world_size()
        )
        self.evaluator = Evaluator(setup)
        if not self.evaluator.has_truth:
            raise PoseError(
                f"{self.evaluator.dataset.annotation_file} has no annotations, so no epoch could be judged; choose a "
                "DATASET.TEST_SET with public annotations for training."
            )
        earlier = state.criterion
        if state.judge_by(self.evaluator.criterion):
            get_logger().info(f"The best weights by {earlier} no longer count; {state.criterion} chooses from now on.")
        dropped = ", ".join(f"{count} {reason}" for reason, count in dataset.num_dropped.items() if count)
        get_logger().info(
            f"Training records: {len(dataset)} of {dataset.annotation_file}, dropped: {dropped or 'none'}; "
            f"{len(self.loader)} steps per epoch."
        )
        self.settings = StepSettings(
            prepare=setup.prepare,
            precision=setup.precision,
            schedule=_schedule(cfg),
            accumulate=cfg.TRAIN.ACCUMULATE,
            max_norm=cfg.TRAIN.CLIP_GRAD,
            check_every=cfg.PRINT_FREQ,
            save_every=cfg.TRAIN.SAVE_EVERY_STEPS,
            image_ids=dataset.records.image_id,
            max_updates=cfg.TRAIN.MAX_ITERS,
        )
        self.network = _distribute(state.model, setup)
        self.board = Board(log_directory(cfg) if distributed.is_main() else None)

    def train_all(self) -> None:
        """Train the epochs that are left and save the final weights."""
        state = self.state
        while not _is_finished(self.setup.cfg, state):
            self._train_epoch()
            outcome = self._test() if self._is_tested() else None
            self._finish_epoch(outcome)
        save_weights(self.folder.final, self.setup, state)
        self.board.close()
        best = f"{self.evaluator.criterion}: none"
        if state.best_score is not None:
            best = f"{self.evaluator.best_text(state.best_score)} after epoch {state.best_epoch}"
        get_logger().info(f"Done. Best {best} ({self.folder.best}); final weights: {self.folder.final}.")

    def _is_tested(self) -> bool:
        """Whether a test follows the epoch in progress."""
        train, done = self.setup.cfg.TRAIN, self.state.epoch + 1
        is_last = done == train.END_EPOCH or self.settings.end_at(self.state.updates)
        return done % train.EVAL_EVERY == 0 or is_last

    def _train_epoch(self) -> None:
        state, setup = self.state, self.setup
        self.loader.set_epoch(state.epoch, state.step)
        progress = Progress(self.loader, f"epoch {state.epoch}", state.step)
        watch = TrainingWatch(setup, state, progress, self.board, self.folder.path, self._save)
        with naming_compiler_errors("set TRAIN.COMPILE to False") if setup.cfg.TRAIN.COMPILE else nullcontext():
            train_one_epoch(self.network, setup.codec, setup.loss_function, progress, state, self.settings, watch)

    def _test(self) -> Outcome:
        model = self.state.evaluated_model
        distributed.share_weights(model)
        watch = TestWatch(self.setup, self.board, self.folder.path, self.state.epoch)
        outcome = self.evaluator.evaluate(model, watch, title=f"test {self.state.epoch}")
        for line in short_report(self.evaluator, outcome):
            get_logger().info(line)
        return outcome

    def _finish_epoch(self, outcome: Outcome | None) -> None:
        """Note the figures, keep the best weights, move on, save."""
        state = self.state
        row = epoch_row(state, state.optimizer.param_groups[0]["lr"], outcome)
        state.history.append(row)
        if outcome is not None and outcome.score is not None and state.is_best(outcome.score):
            save_weights(self.folder.best, self.setup, state)
        if distributed.is_main():
            write_history(state.history, self.folder.history, self.folder.curves)
            self.board.scalars(
                {f"epoch/{name}": value for name, value in row.items() if value is not None}, state.epoch
            )
        state.finish_epoch()
        self._save()

    def _save(self) -> None:
        distributed.share_weights(self.state.model)
        check_weights(self.state.model, self.state.epoch, self.state.step)
        save_run(self.folder.checkpoint, self.setup, self.state)


def _training_notices(setup: Setup) -> list[str]:
    """What a training does otherwise than somebody may expect."""
    cfg = setup.cfg
    found = [
        batch_notice(cfg, distributed.world_size()),
        training_notice(cfg.AMP, setup.device),
        picture_notice(cfg),
    ]
    if setup.runtime != cfg.TEST.RUNTIME:
        found.append(
            f"The tests between epochs run {setup.runtime}; TEST.RUNTIME {cfg.TEST.RUNTIME} counts for tools/test.py."
        )
    return [notice for notice in found if notice]


def _new_state(setup: Setup) -> RunState:
    """A state before the first step."""
    train, model = setup.cfg.TRAIN, make_model(setup)
    optimizer = build_optimizer(
        train.OPTIMIZER,
        model.named_parameters(),
        train.LR,
        weight_decay=train.WD,
        adam_weight_decay=train.ADAM_WD,
        momentum=train.MOMENTUM,
        nesterov=train.NESTEROV,
        no_decay=train.NO_DECAY,
    )
    return RunState(model, optimizer, setup.precision.scaler(), epoch=train.BEGIN_EPOCH)


def _start(setup: Setup, state: RunState, folder: RunFolder, *, resume: bool, load_from: str) -> bool:
    """Load what the run starts from, and tell whether it is a continuation."""
    cfg = setup.cfg
    continues = distributed.from_main(folder.checkpoint.is_file()) and (resume or cfg.AUTO_RESUME)
    if resume and not continues:
        raise PoseError(f"there is no {folder.checkpoint} to continue from; start the run without --resume.")
    if not continues:
        if load_from:
            load_weights(state.model, load_from, keypoint_names=setup.skeleton.names, codec=setup.codec.name)
        else:
            init_pretrained(state.model, cfg)
    if cfg.TRAIN.EMA_DECAY > 0:
        state.average = AverageModel(state.model, cfg.TRAIN.EMA_DECAY)
    if continues:
        continue_run(folder.checkpoint, setup, state)
        get_logger().info(f"Continuing {folder.checkpoint} at epoch {state.epoch}, step {state.step}.")
    return continues


def _is_finished(cfg: CfgNode, state: RunState) -> bool:
    """Whether nothing is left to do; an epoch that TRAIN.MAX_ITERS cut short still has to be tested and counted."""
    train = cfg.TRAIN
    steps_done = 0 < train.MAX_ITERS <= state.updates and state.step == 0
    return steps_done or 0 < train.END_EPOCH <= state.epoch


def _finished_already(cfg: CfgNode, state: RunState, folder: RunFolder) -> str:
    steps_done = 0 < cfg.TRAIN.MAX_ITERS <= state.updates
    more = "TRAIN.MAX_ITERS" if steps_done else "TRAIN.END_EPOCH (--epochs)"
    return (
        f"This run is finished: {state.epoch} epochs are trained, weights are in {folder.best} and {folder.final}; to "
        f"go on training raise {more}."
    )


def _schedule(cfg: CfgNode) -> Schedule:
    train = cfg.TRAIN
    linear, steps = train.LR_SCHEDULE == "linear", train.MAX_ITERS
    return Schedule(
        rate=train.LR,
        drop_epochs=tuple(train.LR_STEP),
        factor=train.LR_FACTOR,
        warmup_steps=train.WARMUP_ITERS,
        warmup_factor=train.WARMUP_FACTOR,
        line=(train.BEGIN_EPOCH, train.END_EPOCH) if linear and not steps else None,
        line_end=steps if linear else 0,
    )


def _distribute(model: nn.Module, setup: Setup) -> nn.Module:
    """The network as the training step calls it; `model` keeps its parameters and their names."""
    # Each batch size is compiled by itself: there are two at most, and one program for all sizes is slower.
    network: Any = torch.compile(model, dynamic=False) if setup.cfg.TRAIN.COMPILE else model
    if distributed.world_size() == 1:
        return network
    # No training step reads the batch-norm statistics, so they need not travel with each; see share_weights. PyTorch
    # renamed the option.
    names = signature(DistributedDataParallel.__init__).parameters
    sync_buffers = "forward_sync_buffers" if "forward_sync_buffers" in names else "broadcast_buffers"
    options: dict[str, Any] = {sync_buffers: False, "gradient_as_bucket_view": True}
    return DistributedDataParallel(
        network, device_ids=[setup.device] if setup.device.type == "cuda" else None, **options
    )

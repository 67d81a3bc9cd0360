"""What a run shows of itself while it goes on."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from tqdm import tqdm

from lib.config import is_bottom_up
from lib.core.function import Loader
from lib.core.hooks import Batch, StepReport
from lib.core.state import RunState
from lib.run.board import Board
from lib.run.pictures import BatchPictures, save_debug_pictures
from lib.run.setup import Setup
from lib.utils import distributed
from lib.utils.logging import get_logger, never_fatal
from lib.utils.meters import Stopwatch


class Progress:
    """The progress bar of one pass over a loader, and the time spent waiting for its batches.

    It stands between loader and loop: iterating over it is iterating over the loader.
    """

    def __init__(self, loader: Loader, title: str, done: int = 0) -> None:
        """Start a bar.

        Args:
            loader: the batches.
            title: shown before the bar.
            done: batches of the pass that are done already.
        """
        self._loader = loader
        # Where nobody watches (a file, another program) a bar would be thousands of lines; there are log lines instead.
        self._bar = tqdm(
            total=len(loader),
            initial=done,
            desc=title,
            unit="batch",
            disable=not (distributed.is_main() and sys.stderr.isatty()),
            dynamic_ncols=True,
        )
        self.stopwatch = Stopwatch()

    def __len__(self) -> int:
        return len(self._loader)

    def __iter__(self) -> Iterator[Batch]:
        try:
            for batch in self.stopwatch.waiting(self._loader):
                # The speed is asked for after a step, when its batch is done.
                self.stopwatch.count(len(batch.index))
                yield batch
                self._bar.update()
        finally:
            self._bar.close()

    def show(self, text: str) -> None:
        """Put figures behind the bar."""
        self._bar.set_postfix_str(text)

    @property
    def is_visible(self) -> bool:
        """Whether there is a bar on a terminal."""
        return not self._bar.disable

    def speed(self) -> str:
        """Samples per second of all processes together, and the share of time spent waiting for data."""
        rate = self.stopwatch.samples_per_second * distributed.world_size()
        return f"{rate:.1f} samples/s, data {self.stopwatch.waiting_share:.0%}"


class TrainingWatch:
    """Shows and logs the steps of an epoch, and saves the run at its save points."""

    def __init__(
        self, setup: Setup, state: RunState, progress: Progress, board: Board, folder: Path, save: Callable[[], None]
    ) -> None:
        """Watch an epoch.

        Args:
            setup: of the run.
            state: of the run.
            progress: around the epoch's loader.
            board: TensorBoard.
            folder: of the run, for DEBUG pictures.
            save: writes a checkpoint.
        """
        self._setup, self._state, self._progress = setup, state, progress
        self._board, self._folder, self._save = board, folder, save

    def after_step(self, report: StepReport) -> None:
        """See `lib.core.hooks.Listener`."""
        if report.step % self._setup.cfg.PRINT_FREQ == 0 or report.is_last:
            self._log(report)
        if report.is_save_point:
            self._save()

    def _log(self, report: StepReport) -> None:
        losses, pck = self._state.measures.losses(), self._state.measures.pck()
        figures = f"{_loss_text(losses)}, PCK {pck}, {self._progress.speed()}"
        self._progress.show(figures)
        log = get_logger().debug if self._progress.is_visible else get_logger().info
        log(f"epoch {self._state.epoch} step {report.step}/{len(self._progress)}: {figures}, rate {report.rate:g}")
        if not distributed.is_main():
            return
        scalars = {f"train/{name}": value for name, value in losses.items()}
        pck_value = {} if pck.mean is None else {"train/pck": pck.mean}
        position = self._state.epoch * len(self._progress) + report.step
        self._board.scalars({**scalars, **pck_value, "train/lr": report.rate}, position)
        if is_bottom_up(self._setup.cfg):
            return  # no pictures of single people
        with never_fatal("pictures of training batches"):
            if report.is_last:
                show_batch(self._setup, report, self._board, "train", self._state.epoch)
            save_debug_pictures(self._setup, report, self._folder / "debug" / f"train_{report.step}")


def _loss_text(losses: dict[str, float]) -> str:
    """The loss, and its terms where there are several."""
    terms = [f"{name.removeprefix('loss_')} {value:.6f}" for name, value in losses.items() if name != "loss"]
    return f"loss {losses['loss']:.6f}" + (f" ({', '.join(terms)})" if terms else "")


class TestWatch:
    """Shows the steps of a test."""

    __test__ = False  # not a test, whatever pytest makes of its name

    def __init__(self, setup: Setup, board: Board, folder: Path, epoch: int | None = None) -> None:
        """Watch a test.

        Args:
            setup: of the run.
            board: TensorBoard.
            folder: of the run, for DEBUG pictures.
            epoch: of the training that the test belongs to; None for a test of its own.
        """
        self._setup, self._board, self._folder, self._epoch = setup, board, folder, epoch

    def after_step(self, report: StepReport) -> None:
        """See `lib.core.hooks.Listener`."""
        if not distributed.is_main():
            return
        with never_fatal("pictures of test batches"):
            if report.step == 1 and self._epoch is not None:
                show_batch(self._setup, report, self._board, "val", self._epoch)
            if (report.step - 1) % self._setup.cfg.PRINT_FREQ == 0:
                save_debug_pictures(self._setup, report, self._folder / "debug" / f"val_{report.step}")


def show_batch(setup: Setup, report: StepReport, board: Board, part: str, epoch: int) -> None:
    """Send targets and predictions of a batch to TensorBoard."""
    pictures = BatchPictures(setup, report)
    board.picture(f"{part}/predictions", pictures.predictions(), epoch)
    board.picture(f"{part}/predicted_heatmaps", pictures.predicted_heatmaps(), epoch)
    if bool((report.batch.visible > 0).any()):
        board.picture(f"{part}/targets", pictures.targets(), epoch)
        board.picture(f"{part}/target_heatmaps", pictures.target_heatmaps(), epoch)

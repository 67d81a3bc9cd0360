"""What a run shows of itself."""

import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from helpers.tiny_run import make_tiny_data, run_folder, tiny_experiment

from lib.config import load_config
from lib.run.progress import Progress
from lib.run.train import train
from lib.utils.logging import close_log


@pytest.fixture(autouse=True)
def _closed_log() -> Iterator[None]:
    yield
    close_log()


def test_every_few_steps_the_log_has_loss_pck_speed_and_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lib.run.history.plot_curves", lambda *_: None)
    data = make_tiny_data(tmp_path / "data", train=12)
    train(load_config(tiny_experiment(tmp_path, data, TRAIN={"END_EPOCH": 1})))
    log = (run_folder(tmp_path) / "log.txt").read_text()
    line = r"epoch 0 step (\d)/3: loss \d\.\d+, PCK \d\.\d{3}, \d+\.\d samples/s, data \d+%, rate 0\.002"
    assert re.findall(line, log) == ["2", "3"], "PRINT_FREQ is 2, and the last step is always shown"


def test_iterating_over_the_progress_is_iterating_over_the_loader(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress([], "epoch 0")
    assert (list(progress), len(progress)) == ([], 0)
    assert not progress.is_visible
    assert capsys.readouterr().err == "", "no bar where nobody watches"


def test_the_speed_after_the_only_step_counts_its_batch() -> None:
    progress = Progress([SimpleNamespace(index=[0, 1])], "epoch 0")  # type: ignore[list-item]
    for _ in progress:
        assert not progress.speed().startswith("0.0 ")

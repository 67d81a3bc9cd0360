"""Continuation of training runs: bit for bit after a kill, and refused where the checkpoint is another run's."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.tiny_run import REPOSITORY, make_tiny_data, run_folder, tiny_experiment
from helpers.tiny_training import train_tiny, weights_of

import lib.run.train as train_module
from lib.config import load_config
from lib.dataset.packed.build import write_packed
from lib.dataset.packed.plan import DEFAULT_SHARD_BYTES
from lib.utils.errors import PoseError

pytestmark = pytest.mark.usefixtures("quick_run")

# All that a step can have; momentum-free parts are covered by the plain run.
RICH = {
    "TRAIN": {
        "OPTIMIZER": "adamw",
        "ACCUMULATE": 2,
        "CLIP_GRAD": 0.5,
        "EMA_DECAY": 0.9,
        "WARMUP_ITERS": 3,
        "SAVE_EVERY_STEPS": 1,
    }
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_data(tmp_path_factory.mktemp("tiny") / "data")


@pytest.fixture(scope="module")
def whole(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an uninterrupted run with RICH."""
    return train_tiny(tiny_experiment(tmp_path_factory.mktemp("whole"), data, **RICH))


class _Killed(Exception):
    """Stands for the end of a process."""


def _train_with_kill(
    monkeypatch: pytest.MonkeyPatch, after: int, experiment: Path, *overrides: object, **options: Any
) -> None:
    """Train until `after` checkpoints are written."""
    left, save_run = after, train_module.save_run

    def save(*arguments: Any) -> None:
        nonlocal left
        save_run(*arguments)
        left -= 1
        if left == 0:
            raise _Killed

    with monkeypatch.context() as patch:
        patch.setattr(train_module, "save_run", save)
        with pytest.raises(_Killed):
            train_tiny(experiment, *overrides, **options)


def _assert_same_run(folder: Path, other: Path) -> None:
    for name in ("final_state.pth", "model_best.pth", "checkpoint.pth"):
        own, theirs = weights_of(folder / name), weights_of(other / name)
        assert own.keys() == theirs.keys()
        assert all(torch.equal(own[key], theirs[key]) for key in own), name
    assert (folder / "history.csv").read_text() == (other / "history.csv").read_text()


@pytest.mark.parametrize("saves", [1, 2, 3])
def test_a_killed_run_continues_bit_identically(
    data: Path, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, saves: int
) -> None:
    experiment = tiny_experiment(tmp_path, data, **RICH)
    _train_with_kill(monkeypatch, saves, experiment)
    assert not (run_folder(tmp_path) / "final_state.pth").exists()
    _assert_same_run(whole, train_tiny(experiment, resume=True))


@pytest.mark.parametrize(
    "train_options", [{"OPTIMIZER": "sgd", "NESTEROV": True}, {"OPTIMIZER": "muon", "LR_SCHEDULE": "linear"}]
)
def test_a_run_killed_twice_with_workers(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, train_options: dict[str, Any]
) -> None:
    options = {"TRAIN": {**train_options, "SAVE_EVERY_STEPS": 1}}
    (tmp_path / "whole").mkdir()
    (tmp_path / "killed").mkdir()
    whole = train_tiny(tiny_experiment(tmp_path / "whole", data, **options))
    experiment = tiny_experiment(tmp_path / "killed", data, **options)
    _train_with_kill(monkeypatch, 2, experiment)
    _train_with_kill(monkeypatch, 3, experiment, "AUTO_RESUME", True, "WORKERS", 1)
    _assert_same_run(whole, train_tiny(experiment, "WORKERS", 1, resume=True))


def test_a_run_that_ends_within_an_accumulated_epoch_continues_bit_identically(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Epochs of three batches have two steps of two and one; the third step ends after two batches of the second."""
    train = {"MAX_ITERS": 3, "ACCUMULATE": 2, "LR_SCHEDULE": "linear", "WARMUP_ITERS": 1, "SAVE_EVERY_STEPS": 1}
    folders = [tmp_path / name for name in ("whole", "killed")]
    for folder in folders:
        folder.mkdir()
    whole, experiment = (tiny_experiment(folder, data, TRAIN={**train, "END_EPOCH": 0}) for folder in folders)
    _train_with_kill(monkeypatch, 1, experiment)
    _assert_same_run(train_tiny(whole), train_tiny(experiment, resume=True))
    stored = torch.load(run_folder(folders[1]) / "checkpoint.pth", weights_only=True)["run"]
    assert (stored["epoch"], stored["step"], stored["updates"]) == (2, 0, 3)


@pytest.mark.parametrize("saves", [2, 4, 5])
def test_a_run_that_ends_by_steps_continues_bit_identically(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, saves: int
) -> None:
    """Five steps are an epoch of three and two of the next; the fifth save is of the last step, before its test."""
    train = {"MAX_ITERS": 5, "LR_SCHEDULE": "linear", "WARMUP_ITERS": 2, "SAVE_EVERY_STEPS": 1}
    options = {"TRAIN": {**train, "OPTIMIZER": "adamw", "NO_DECAY": ["bn", "bias"], "EVAL_EVERY": 9, "END_EPOCH": 0}}
    folders = [tmp_path / name for name in ("whole", "killed")]
    for folder in folders:
        folder.mkdir()
    whole = train_tiny(tiny_experiment(folders[0], data, **options))
    experiment = tiny_experiment(folders[1], data, **options)
    _train_with_kill(monkeypatch, saves, experiment)
    _assert_same_run(whole, train_tiny(experiment, resume=True))
    rows = (whole / "history.csv").read_text().splitlines()
    assert len(rows) == 3
    stored = torch.load(whole / "checkpoint.pth", weights_only=True)["run"]
    assert (stored["epoch"], stored["step"], stored["updates"]) == (2, 0, 5)
    assert stored["best_epoch"] == 1, "the last step is tested, whatever EVAL_EVERY says"


def test_after_the_last_step_only_the_test_is_left(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    experiment = tiny_experiment(tmp_path, data, TRAIN={"MAX_ITERS": 2, "SAVE_EVERY_STEPS": 1})
    _train_with_kill(monkeypatch, 2, experiment)
    folder = train_tiny(experiment, "TRAIN.BATCH_SIZE_PER_GPU", 6, resume=True)
    assert "starts again" not in capsys.readouterr().out
    stored = torch.load(folder / "checkpoint.pth", weights_only=True)["run"]
    assert (stored["epoch"], stored["updates"], stored["best_epoch"]) == (1, 2, 0)


def test_a_run_that_ended_by_steps_says_so(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    experiment = tiny_experiment(tmp_path, data, TRAIN={"MAX_ITERS": 2})
    folder = train_tiny(experiment)
    before = (folder / "checkpoint.pth").read_bytes()
    capsys.readouterr()
    train_tiny(experiment, resume=True)
    assert "raise TRAIN.MAX_ITERS" in capsys.readouterr().out
    assert (folder / "checkpoint.pth").read_bytes() == before
    train_tiny(experiment, "TRAIN.MAX_ITERS", 4, resume=True)
    assert torch.load(folder / "checkpoint.pth", weights_only=True)["run"]["updates"] == 4


KILL_WHILE_WRITING = """
import os, signal, sys, torch
from lib.config import load_config
from lib.run.train import train
save, left = torch.save, int(sys.argv[2])
def save_half(content, path):
    global left
    left -= 1
    save(content, path)
    if left == 0:
        with open(path, "r+b") as file:
            file.truncate(path.stat().st_size // 2)
        os.kill(os.getpid(), signal.SIGKILL)
torch.save = save_half
train(load_config(sys.argv[1]))
"""


@pytest.mark.slow
def test_a_run_killed_while_it_writes_a_checkpoint(data: Path, whole: Path, tmp_path: Path) -> None:
    experiment = tiny_experiment(tmp_path, data, **RICH)
    process = subprocess.run(
        [sys.executable, "-c", KILL_WHILE_WRITING, str(experiment), "2"],
        cwd=REPOSITORY,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        check=False,
    )
    assert process.returncode == -signal.SIGKILL
    folder = run_folder(tmp_path)
    assert list(folder.glob(".checkpoint.pth.*")), "the kill was in the middle of writing"
    assert torch.load(folder / "checkpoint.pth", weights_only=True)["run"]["step"] == 2
    _assert_same_run(whole, train_tiny(experiment, resume=True))
    assert not list(folder.glob(".*"))


def test_a_finished_run_says_so(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    experiment = tiny_experiment(tmp_path, data, TRAIN={"END_EPOCH": 1})
    folder = train_tiny(experiment)
    before = (folder / "checkpoint.pth").read_bytes()
    capsys.readouterr()
    train_tiny(experiment, resume=True)
    assert "finished" in capsys.readouterr().out
    assert (folder / "checkpoint.pth").read_bytes() == before
    train_tiny(experiment, "AUTO_RESUME", True, "TRAIN.END_EPOCH", 2)
    assert "Continuing" in capsys.readouterr().out
    assert len((folder / "history.csv").read_text().splitlines()) == 3


def test_a_run_killed_before_its_final_weights_writes_them(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment = tiny_experiment(tmp_path, data, TRAIN={"END_EPOCH": 1, "EMA_DECAY": 0.9})
    _train_with_kill(monkeypatch, 1, experiment)
    folder = run_folder(tmp_path)
    assert not (folder / "final_state.pth").exists()
    train_tiny(experiment, resume=True)
    own, best = weights_of(folder / "final_state.pth"), weights_of(folder / "model_best.pth")
    assert all(torch.equal(own[name], best[name]) for name in best)


@pytest.mark.parametrize(
    ("overrides", "named"),
    [
        (("MODEL.CODEC", "msra"), "udp_gaussian"),
        (("MODEL.SIGMA", "2"), "sigma"),
        (("MODEL.EXTRA.STAGE4.NUM_CHANNELS", "[4,8,16,64]"), "NUM_CHANNELS"),
        (("TRAIN.OPTIMIZER", "sgd"), "TRAIN.OPTIMIZER"),
        (("TRAIN.NO_DECAY", "['bias']"), "TRAIN.NO_DECAY"),
    ],
)
def test_another_config_is_refused(data: Path, tmp_path: Path, overrides: tuple[str, str], named: str) -> None:
    experiment = tiny_experiment(tmp_path, data, TRAIN={"END_EPOCH": 1})
    folder = train_tiny(experiment)
    before = (folder / "checkpoint.pth").read_bytes()
    with pytest.raises(PoseError, match=named):
        train_tiny(experiment, "TRAIN.END_EPOCH", 2, *overrides, resume=True)
    assert (folder / "checkpoint.pth").read_bytes() == before


def test_another_metric_starts_the_search_for_the_best_anew(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    experiment = tiny_experiment(tmp_path, data, TRAIN={"END_EPOCH": 1})
    train_tiny(experiment)
    folder = train_tiny(experiment, "TRAIN.END_EPOCH", 2, "TEST.METRICS", "[EPE]", resume=True)
    printed = capsys.readouterr().out
    assert "The best weights by AP no longer count; EPE chooses from now on." in printed
    stored = torch.load(folder / "checkpoint.pth", weights_only=True)["run"]
    assert (stored["criterion"], stored["best_epoch"]) == ("EPE", 1)
    assert stored["best_score"] == pytest.approx(-float(stored["history"][1]["EPE"]))
    train_tiny(experiment, "TRAIN.END_EPOCH", 2, "TEST.METRICS", "[EPE]", resume=True)
    assert "no longer count" not in capsys.readouterr().out


def test_resume_without_a_checkpoint_is_an_error(data: Path, tmp_path: Path) -> None:
    with pytest.raises(PoseError, match="without --resume"):
        train_tiny(tiny_experiment(tmp_path, data), resume=True)
    assert not (tmp_path / "output").exists()


def test_a_damaged_checkpoint_is_named(data: Path, tmp_path: Path) -> None:
    experiment = tiny_experiment(tmp_path, data, TRAIN={"END_EPOCH": 1})
    folder = train_tiny(experiment)
    (folder / "checkpoint.pth").write_bytes((folder / "checkpoint.pth").read_bytes()[:1000])
    with pytest.raises(PoseError, match=r"checkpoint\.pth"):
        train_tiny(experiment, resume=True)
    content = torch.load(folder / "model_best.pth", weights_only=True)
    torch.save(content, folder / "checkpoint.pth")
    with pytest.raises(PoseError, match="--load-from"):
        train_tiny(experiment, resume=True)


def test_an_epoch_starts_again_when_its_steps_would_be_others(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    experiment = tiny_experiment(tmp_path, data, TRAIN={"SAVE_EVERY_STEPS": 1, "END_EPOCH": 1})
    _train_with_kill(monkeypatch, 1, experiment)
    train_tiny(experiment, "TRAIN.BATCH_SIZE_PER_GPU", 6, resume=True)
    assert "starts again" in capsys.readouterr().out


def test_an_epoch_starts_again_when_processes_read_other_shards(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    experiment = tiny_experiment(tmp_path, data, TRAIN={"SAVE_EVERY_STEPS": 1, "END_EPOCH": 1})
    folder = tmp_path / "packed"
    write_packed(
        load_config(experiment),
        str(folder),
        density=None,
        shard_bytes=DEFAULT_SHARD_BYTES,
        workers=1,
        progress=lambda items, total: items,  # noqa: ARG005 - the signature of a progress bar
    )
    packed = ("DATASET.DATA_FORMAT", "packed", "DATASET.TRAIN_IMAGES", folder)
    _train_with_kill(monkeypatch, 1, experiment, *packed)
    train_tiny(experiment, *packed, "DATASET.SHARDS", "own", resume=True)
    assert "starts again" in capsys.readouterr().out


def test_float32_by_default_or_by_name_is_no_change(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    experiment = tiny_experiment(tmp_path, data, TRAIN={"END_EPOCH": 1}, AMP="none")
    train_tiny(experiment)
    train_tiny(experiment, "AMP", "auto", "TRAIN.END_EPOCH", 2, resume=True)
    printed = capsys.readouterr().out
    assert "Continuing" in printed
    assert "changed options" not in printed
    train_tiny(experiment, "AMP", "bf16", "TRAIN.END_EPOCH", 3, resume=True)
    assert "changed options: AMP" in capsys.readouterr().out

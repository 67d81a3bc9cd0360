"""Training runs: their files, their continuation, and what ends them."""

import csv
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.tiny_run import REPOSITORY, make_tiny_data, run_folder, tiny_experiment

import lib.run.train as train_module
from lib.config import load_config
from lib.run.evaluation import Evaluator, Outcome
from lib.run.train import train
from lib.utils.errors import PoseError
from lib.utils.logging import close_log

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
    return _train(tiny_experiment(tmp_path_factory.mktemp("whole"), data, **RICH))


@pytest.fixture
def curves() -> None:
    """Ask for real curves."""


@pytest.fixture(autouse=True)
def _quick(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Curves take a second per epoch; one test draws them."""
    if "curves" not in request.fixturenames:
        monkeypatch.setattr("lib.run.history.plot_curves", lambda *_: None)
    yield
    close_log()


class _Killed(Exception):
    """Stands for the end of a process."""


def _train(experiment: Path, *overrides: object, **options: Any) -> Path:
    train(load_config(experiment, [str(word) for word in overrides]), **options)
    return run_folder(experiment.parent)


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
            _train(experiment, *overrides, **options)


def _weights(path: Path) -> dict[str, torch.Tensor]:
    return torch.load(path, weights_only=True)["state_dict"]


def _assert_same_run(folder: Path, other: Path) -> None:
    for name in ("final_state.pth", "model_best.pth", "checkpoint.pth"):
        own, theirs = _weights(folder / name), _weights(other / name)
        assert own.keys() == theirs.keys()
        assert all(torch.equal(own[key], theirs[key]) for key in own), name
    assert (folder / "history.csv").read_text() == (other / "history.csv").read_text()


@pytest.mark.usefixtures("curves")
def test_a_run_leaves_its_files(data: Path, tmp_path: Path) -> None:
    folder = _train(tiny_experiment(tmp_path, data))
    names = {path.name for path in folder.iterdir()}
    assert names == {
        "config.yaml",
        "log.txt",
        "history.csv",
        "curves.png",
        "checkpoint.pth",
        "model_best.pth",
        "final_state.pth",
    }
    with (folder / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["0", "1"]
    assert {"lr", "train_loss", "train_pck", "val_loss", "val_pck", "AP"} <= rows[0].keys()
    log = (folder / "log.txt").read_text()
    assert "annotated boxes" in log
    assert "MODEL.CODEC is udp" in log, "messages from before the file was opened belong to it"
    assert list((tmp_path / "log").rglob("events*"))
    stored = torch.load(folder / "checkpoint.pth", weights_only=True)
    assert (stored["format"], stored["codec"]["name"]) == ("plumbpose", "udp_gaussian")
    assert load_config(folder / "config.yaml", ["RUN_NAME", "tiny"]) == load_config(tmp_path / "tiny.yaml")


def test_the_best_weights_are_those_of_the_highest_ap(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    scores, seen, evaluate = iter([0.3, 0.5, 0.5, 0.4]), [], Evaluator.evaluate

    def scored(evaluator: Evaluator, model: torch.nn.Module, *arguments: Any, **options: Any) -> Outcome:
        seen.append({name: value.clone() for name, value in model.state_dict().items()})
        outcome = evaluate(evaluator, model, *arguments, **options)
        return replace(outcome, stats={**(outcome.stats or {}), "AP": next(scores)})

    monkeypatch.setattr(Evaluator, "evaluate", scored)
    folder = _train(tiny_experiment(tmp_path, data, TRAIN={"END_EPOCH": 4, "EMA_DECAY": 0.5}))
    best = _weights(folder / "model_best.pth")
    assert all(torch.equal(best[name], value) for name, value in seen[1].items()), "the earlier of two equal ones"
    assert not all(torch.equal(best[name], value) for name, value in seen[3].items())
    assert "Best AP: 0.5000 after epoch 1" in capsys.readouterr().out


@pytest.mark.parametrize("saves", [1, 2, 3])
def test_a_killed_run_continues_bit_identically(
    data: Path, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, saves: int
) -> None:
    experiment = tiny_experiment(tmp_path, data, **RICH)
    _train_with_kill(monkeypatch, saves, experiment)
    assert not (run_folder(tmp_path) / "final_state.pth").exists()
    _assert_same_run(whole, _train(experiment, resume=True))


@pytest.mark.parametrize(
    "train_options", [{"OPTIMIZER": "sgd", "NESTEROV": True}, {"OPTIMIZER": "muon", "LR_SCHEDULE": "linear"}]
)
def test_a_run_killed_twice_with_workers(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, train_options: dict[str, Any]
) -> None:
    options = {"TRAIN": {**train_options, "SAVE_EVERY_STEPS": 1}}
    (tmp_path / "whole").mkdir()
    (tmp_path / "killed").mkdir()
    whole = _train(tiny_experiment(tmp_path / "whole", data, **options))
    experiment = tiny_experiment(tmp_path / "killed", data, **options)
    _train_with_kill(monkeypatch, 2, experiment)
    _train_with_kill(monkeypatch, 3, experiment, "AUTO_RESUME", True, "WORKERS", 1)
    _assert_same_run(whole, _train(experiment, "WORKERS", 1, resume=True))


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
    _assert_same_run(whole, _train(experiment, resume=True))
    assert not list(folder.glob(".*"))


def test_a_finished_run_says_so(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    experiment = tiny_experiment(tmp_path, data, TRAIN={"END_EPOCH": 1})
    folder = _train(experiment)
    before = (folder / "checkpoint.pth").read_bytes()
    capsys.readouterr()
    _train(experiment, resume=True)
    assert "finished" in capsys.readouterr().out
    assert (folder / "checkpoint.pth").read_bytes() == before
    _train(experiment, "AUTO_RESUME", True, "TRAIN.END_EPOCH", 2)
    assert "Continuing" in capsys.readouterr().out
    assert len((folder / "history.csv").read_text().splitlines()) == 3


def test_a_run_killed_before_its_final_weights_writes_them(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment = tiny_experiment(tmp_path, data, TRAIN={"END_EPOCH": 1, "EMA_DECAY": 0.9})
    _train_with_kill(monkeypatch, 1, experiment)
    folder = run_folder(tmp_path)
    assert not (folder / "final_state.pth").exists()
    _train(experiment, resume=True)
    own, best = _weights(folder / "final_state.pth"), _weights(folder / "model_best.pth")
    assert all(torch.equal(own[name], best[name]) for name in best)


def test_a_new_run_sets_the_earlier_one_aside(data: Path, tmp_path: Path) -> None:
    experiment = tiny_experiment(tmp_path, data, TRAIN={"END_EPOCH": 1})
    folder = _train(experiment)
    first = (folder / "model_best.pth").read_bytes()
    _train(experiment, "SEED", 1)
    (aside,) = folder.glob("earlier-*")
    assert (aside / "model_best.pth").read_bytes() == first


@pytest.mark.parametrize(
    ("overrides", "named"),
    [
        (("MODEL.CODEC", "msra"), "udp_gaussian"),
        (("MODEL.SIGMA", "2"), "sigma"),
        (("MODEL.EXTRA.STAGE4.NUM_CHANNELS", "[4,8,16,64]"), "NUM_CHANNELS"),
        (("TRAIN.OPTIMIZER", "sgd"), "TRAIN.OPTIMIZER"),
    ],
)
def test_another_config_is_refused(data: Path, tmp_path: Path, overrides: tuple[str, str], named: str) -> None:
    experiment = tiny_experiment(tmp_path, data, TRAIN={"END_EPOCH": 1})
    folder = _train(experiment)
    before = (folder / "checkpoint.pth").read_bytes()
    with pytest.raises(PoseError, match=named):
        _train(experiment, "TRAIN.END_EPOCH", 2, *overrides, resume=True)
    assert (folder / "checkpoint.pth").read_bytes() == before


def test_resume_without_a_checkpoint_is_an_error(data: Path, tmp_path: Path) -> None:
    with pytest.raises(PoseError, match="without --resume"):
        _train(tiny_experiment(tmp_path, data), resume=True)
    assert not (tmp_path / "output").exists()


def test_a_damaged_checkpoint_is_named(data: Path, tmp_path: Path) -> None:
    experiment = tiny_experiment(tmp_path, data, TRAIN={"END_EPOCH": 1})
    folder = _train(experiment)
    (folder / "checkpoint.pth").write_bytes((folder / "checkpoint.pth").read_bytes()[:1000])
    with pytest.raises(PoseError, match=r"checkpoint\.pth"):
        _train(experiment, resume=True)
    content = torch.load(folder / "model_best.pth", weights_only=True)
    torch.save(content, folder / "checkpoint.pth")
    with pytest.raises(PoseError, match="--load-from"):
        _train(experiment, resume=True)


def test_an_epoch_starts_again_when_its_steps_would_be_others(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    experiment = tiny_experiment(tmp_path, data, TRAIN={"SAVE_EVERY_STEPS": 1, "END_EPOCH": 1})
    _train_with_kill(monkeypatch, 1, experiment)
    _train(experiment, "TRAIN.BATCH_SIZE_PER_GPU", 6, resume=True)
    assert "starts again" in capsys.readouterr().out


def test_load_from_takes_weights_only(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    experiment = tiny_experiment(tmp_path, data, TRAIN={"END_EPOCH": 1})
    folder = _train(experiment)
    source = tmp_path / "weights.pth"
    (folder / "final_state.pth").rename(source)
    seen: list[tuple[int, dict[str, torch.Tensor]]] = []
    run_class = train_module.TrainingRun

    def note(*arguments: Any) -> Any:
        state = arguments[1]
        seen.append((state.epoch, {name: value.clone() for name, value in state.model.state_dict().items()}))
        return run_class(*arguments)

    monkeypatch.setattr(train_module, "TrainingRun", note)
    _train(experiment, load_from=str(source))
    epoch, weights = seen[0]
    assert epoch == 0
    assert all(torch.equal(value, weights[name]) for name, value in _weights(source).items())


def test_an_absent_pretrained_file_names_the_override(data: Path, tmp_path: Path) -> None:
    experiment = tiny_experiment(tmp_path, data, MODEL={"PRETRAINED": "nowhere.pth"})
    with pytest.raises(PoseError, match=r"MODEL\.PRETRAINED"):
        _train(experiment)
    assert not (tmp_path / "output").exists()
    _train(experiment, "MODEL.PRETRAINED", "", "TRAIN.END_EPOCH", 1)


def test_a_loss_that_is_no_number_ends_the_run(data: Path, tmp_path: Path) -> None:
    experiment = tiny_experiment(tmp_path, data, TRAIN={"SAVE_EVERY_STEPS": 1, "OPTIMIZER": "sgd", "LR_STEP": []})
    folder = _train(experiment, "TRAIN.END_EPOCH", 1)
    with pytest.raises(PoseError, match=r"epoch 1, step \d.*images \[1\d\d\d, .*--resume"):
        _train(experiment, "TRAIN.LR", "1e30", resume=True)
    stored = torch.load(folder / "checkpoint.pth", weights_only=True)
    assert all(torch.isfinite(value).all() for value in stored["state_dict"].values())
    assert stored["run"]["epoch"] == 1


def test_weights_that_are_no_numbers_are_not_saved(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    experiment = tiny_experiment(tmp_path, data, TRAIN={"EVAL_EVERY": 9})
    folder = _train(experiment, "TRAIN.END_EPOCH", 1)
    before = (folder / "checkpoint.pth").read_bytes()

    def spoil(network: torch.nn.Module, *_: object) -> None:
        with torch.no_grad():
            next(network.parameters()).fill_(float("inf"))

    monkeypatch.setattr(train_module, "train_one_epoch", spoil)
    with pytest.raises(PoseError, match=r"conv1\.weight became NaN or infinite in epoch \d.*--resume"):
        _train(experiment, "TRAIN.END_EPOCH", 3, resume=True)
    assert (folder / "checkpoint.pth").read_bytes() == before


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_mixed_precision_trains(data: Path, tmp_path: Path, precision: str) -> None:
    folder = _train(tiny_experiment(tmp_path, data, AMP=precision, TRAIN={"END_EPOCH": 1}))
    assert all(value.dtype != torch.bfloat16 for value in _weights(folder / "final_state.pth").values())


@pytest.mark.parametrize("codec", [{"CODEC": "msra"}, {"CODEC": "dark"}, {"CODEC": "udp", "TARGET_TYPE": "offset"}])
def test_every_codec_trains(data: Path, tmp_path: Path, codec: dict[str, Any]) -> None:
    folder = _train(tiny_experiment(tmp_path, data, MODEL=codec, TRAIN={"END_EPOCH": 1}))
    assert (folder / "final_state.pth").is_file()


def test_failing_logs_do_not_end_a_run(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "log").write_text("a file where the folder should be")

    def fail(*_: object) -> None:
        raise OSError("the curves cannot be drawn")

    monkeypatch.setattr("lib.run.history.plot_curves", fail)
    folder = _train(tiny_experiment(tmp_path, data))
    assert (folder / "final_state.pth").is_file()
    errors = capsys.readouterr().err
    assert errors.count("TensorBoard's log") == 1
    assert errors.count("the curves cannot be drawn") == 1


def test_debug_pictures(data: Path, tmp_path: Path) -> None:
    wanted = ("SAVE_BATCH_IMAGES_GT", "SAVE_BATCH_IMAGES_PRED", "SAVE_HEATMAPS_GT", "SAVE_HEATMAPS_PRED")
    debug = {"DEBUG": True, **dict.fromkeys(wanted, True)}
    folder = _train(tiny_experiment(tmp_path, data, DEBUG=debug, TRAIN={"END_EPOCH": 1}))
    names = {path.name for path in (folder / "debug").glob("*.jpg")}
    for kind in ("gt", "pred", "hm_gt", "hm_pred"):
        assert {f"train_2_{kind}.jpg", f"val_1_{kind}.jpg"} <= names


def test_seed_decides_everything(data: Path, tmp_path: Path) -> None:
    runs: list[dict[str, torch.Tensor]] = []
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        (tmp_path / name).mkdir()
        experiment = tiny_experiment(tmp_path / name, data, SEED=seed, TRAIN={"END_EPOCH": 1})
        runs.append(_weights(_train(experiment) / "final_state.pth"))
    first, again, other = runs
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)


def test_a_test_set_without_annotations_cannot_judge_training(data: Path, tmp_path: Path) -> None:
    image_info = tmp_path / "image_info.json"
    content = (data / "annotations" / "person_keypoints_val.json").read_text()
    start, end = content.index('"annotations"'), content.index('"categories"')
    image_info.write_text(content[:start] + '"annotations": [], ' + content[end:])
    experiment = tiny_experiment(tmp_path, data, TEST={"USE_GT_BBOX": False})
    with pytest.raises(PoseError, match="annotations"):
        _train(experiment, "DATASET.TEST_ANNO", image_info)
    assert not (tmp_path / "output").exists()


def test_another_batch_than_the_recipes_is_announced(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _train(tiny_experiment(tmp_path, data, TRAIN={"EXPECTED_BATCH": 128, "END_EPOCH": 1}))
    assert "made for 128" in capsys.readouterr().out

"""Training runs: their files, and what ends them."""

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.tiny_run import make_tiny_data, tiny_experiment
from helpers.tiny_training import train_tiny, weights_of

import lib.run.train as train_module
from lib.config import load_config
from lib.run.evaluation import Evaluator, Outcome
from lib.utils.errors import PoseError

pytestmark = pytest.mark.usefixtures("quick_run")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_data(tmp_path_factory.mktemp("tiny") / "data")


@pytest.mark.usefixtures("curves")
def test_a_run_leaves_its_files(data: Path, tmp_path: Path) -> None:
    folder = train_tiny(tiny_experiment(tmp_path, data))
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
    folder = train_tiny(tiny_experiment(tmp_path, data, TRAIN={"END_EPOCH": 4, "EMA_DECAY": 0.5}))
    best = weights_of(folder / "model_best.pth")
    assert all(torch.equal(best[name], value) for name, value in seen[1].items()), "the earlier of two equal ones"
    assert not all(torch.equal(best[name], value) for name, value in seen[3].items())
    assert "Best AP: 0.5000 after epoch 1" in capsys.readouterr().out


def test_a_new_run_sets_the_earlier_one_aside(data: Path, tmp_path: Path) -> None:
    experiment = tiny_experiment(tmp_path, data, TRAIN={"END_EPOCH": 1})
    folder = train_tiny(experiment)
    first = (folder / "model_best.pth").read_bytes()
    train_tiny(experiment, "SEED", 1)
    (aside,) = folder.glob("earlier-*")
    assert (aside / "model_best.pth").read_bytes() == first


def test_load_from_takes_weights_only(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    experiment = tiny_experiment(tmp_path, data, TRAIN={"END_EPOCH": 1})
    folder = train_tiny(experiment)
    source = tmp_path / "weights.pth"
    (folder / "final_state.pth").rename(source)
    seen: list[tuple[int, dict[str, torch.Tensor]]] = []
    run_class = train_module.TrainingRun

    def note(*arguments: Any) -> Any:
        state = arguments[1]
        seen.append((state.epoch, {name: value.clone() for name, value in state.model.state_dict().items()}))
        return run_class(*arguments)

    monkeypatch.setattr(train_module, "TrainingRun", note)
    train_tiny(experiment, load_from=str(source))
    epoch, weights = seen[0]
    assert epoch == 0
    assert all(torch.equal(value, weights[name]) for name, value in weights_of(source).items())


def test_an_absent_pretrained_file_names_the_override(data: Path, tmp_path: Path) -> None:
    experiment = tiny_experiment(tmp_path, data, MODEL={"PRETRAINED": "nowhere.pth"})
    with pytest.raises(PoseError, match=r"MODEL\.PRETRAINED"):
        train_tiny(experiment)
    assert not (tmp_path / "output").exists()
    train_tiny(experiment, "MODEL.PRETRAINED", "", "TRAIN.END_EPOCH", 1)


def test_a_loss_that_is_no_number_ends_the_run(data: Path, tmp_path: Path) -> None:
    experiment = tiny_experiment(tmp_path, data, TRAIN={"SAVE_EVERY_STEPS": 1, "OPTIMIZER": "sgd", "LR_STEP": []})
    folder = train_tiny(experiment, "TRAIN.END_EPOCH", 1)
    with pytest.raises(PoseError, match=r"epoch 1, step \d.*images \[1\d\d\d, .*--resume"):
        train_tiny(experiment, "TRAIN.LR", "1e30", resume=True)
    stored = torch.load(folder / "checkpoint.pth", weights_only=True)
    assert all(torch.isfinite(value).all() for value in stored["state_dict"].values())
    assert stored["run"]["epoch"] == 1


def test_weights_that_are_no_numbers_are_not_saved(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    experiment = tiny_experiment(tmp_path, data, TRAIN={"EVAL_EVERY": 9})
    folder = train_tiny(experiment, "TRAIN.END_EPOCH", 1)
    before = (folder / "checkpoint.pth").read_bytes()

    def spoil(network: torch.nn.Module, *_: object) -> None:
        with torch.no_grad():
            next(network.parameters()).fill_(float("inf"))

    monkeypatch.setattr(train_module, "train_one_epoch", spoil)
    with pytest.raises(PoseError, match=r"conv1\.weight became NaN or infinite in epoch \d.*--resume"):
        train_tiny(experiment, "TRAIN.END_EPOCH", 3, resume=True)
    assert (folder / "checkpoint.pth").read_bytes() == before


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_mixed_precision_trains(data: Path, tmp_path: Path, precision: str) -> None:
    folder = train_tiny(tiny_experiment(tmp_path, data, AMP=precision, TRAIN={"END_EPOCH": 1}))
    assert all(value.dtype != torch.bfloat16 for value in weights_of(folder / "final_state.pth").values())


def test_runtimes_are_for_tests_alone(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train_tiny(tiny_experiment(tmp_path, data, TRAIN={"END_EPOCH": 1}, TEST={"RUNTIME": "openvino"}))
    printed = capsys.readouterr().out
    assert "The tests between epochs run eager; TEST.RUNTIME openvino counts for tools/test.py." in printed
    assert "float32 (AMP auto trains as the recipes were made) on cpu, eager" in printed


def test_compiling_calls_the_compiler_and_keeps_the_names(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled: list[torch.nn.Module] = []

    class Wrapped(torch.nn.Module):
        def __init__(self, model: torch.nn.Module) -> None:
            super().__init__()
            self._orig_mod = model

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return self._orig_mod(images)

    def compile_(model: torch.nn.Module, **_: Any) -> torch.nn.Module:
        compiled.append(Wrapped(model))
        return compiled[0]

    monkeypatch.setattr(torch, "compile", compile_)
    options = {"END_EPOCH": 1, "ACCUMULATE": 2, "EMA_DECAY": 0.9}
    plain = weights_of(train_tiny(tiny_experiment(tmp_path, data, TRAIN=options)) / "checkpoint.pth")
    assert not compiled
    folder = train_tiny(tiny_experiment(tmp_path, data, TRAIN={**options, "COMPILE": True}))
    assert len(compiled) == 1
    own = weights_of(folder / "checkpoint.pth")
    assert all(torch.equal(own[name], plain[name]) for name in plain)
    assert own.keys() == plain.keys()


@pytest.mark.parametrize("codec", [{"CODEC": "msra"}, {"CODEC": "dark"}, {"CODEC": "udp", "TARGET_TYPE": "offset"}])
def test_every_codec_trains(data: Path, tmp_path: Path, codec: dict[str, Any]) -> None:
    folder = train_tiny(tiny_experiment(tmp_path, data, MODEL=codec, TRAIN={"END_EPOCH": 1}))
    assert (folder / "final_state.pth").is_file()


def test_failing_logs_do_not_end_a_run(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "log").write_text("a file where the folder should be")

    def fail(*_: object) -> None:
        raise OSError("the curves cannot be drawn")

    monkeypatch.setattr("lib.run.history.plot_curves", fail)
    folder = train_tiny(tiny_experiment(tmp_path, data))
    assert (folder / "final_state.pth").is_file()
    errors = capsys.readouterr().err
    assert errors.count("TensorBoard's log") == 1
    assert errors.count("the curves cannot be drawn") == 1


def test_debug_pictures(data: Path, tmp_path: Path) -> None:
    wanted = ("SAVE_BATCH_IMAGES_GT", "SAVE_BATCH_IMAGES_PRED", "SAVE_HEATMAPS_GT", "SAVE_HEATMAPS_PRED")
    debug = {"DEBUG": True, **dict.fromkeys(wanted, True)}
    folder = train_tiny(tiny_experiment(tmp_path, data, DEBUG=debug, TRAIN={"END_EPOCH": 1}))
    names = {path.name for path in (folder / "debug").glob("*.jpg")}
    for kind in ("gt", "pred", "hm_gt", "hm_pred"):
        assert {f"train_2_{kind}.jpg", f"val_1_{kind}.jpg"} <= names


def test_seed_decides_everything(data: Path, tmp_path: Path) -> None:
    runs: list[dict[str, torch.Tensor]] = []
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        (tmp_path / name).mkdir()
        experiment = tiny_experiment(tmp_path / name, data, SEED=seed, TRAIN={"END_EPOCH": 1})
        runs.append(weights_of(train_tiny(experiment) / "final_state.pth"))
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
        train_tiny(experiment, "DATASET.TEST_ANNO", image_info)
    assert not (tmp_path / "output").exists()


def test_another_batch_than_the_recipes_is_announced(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train_tiny(tiny_experiment(tmp_path, data, TRAIN={"EXPECTED_BATCH": 128, "END_EPOCH": 1}))
    assert "made for 128" in capsys.readouterr().out

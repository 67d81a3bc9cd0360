"""Whole runs of bottom-up configurations: the commands, their files and reports, continuation, processes, learning."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.tiny_groups import group_experiment, make_group_data, raise_heatmaps
from helpers.tiny_run import REPOSITORY, run_tool
from helpers.tiny_training import weights_of

import lib.run.train as train_module
from lib.config import load_config
from lib.dataset.synthetic import make_dataset
from lib.run.evaluation import Outcome
from lib.run.test import test as run_test
from lib.run.train import train
from lib.utils.errors import PoseError

TERMS = ("heatmap_0", "heatmap_1", "push", "pull")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_group_data(tmp_path_factory.mktemp("groups") / "data")


def _train(experiment: Path, *overrides: object, **options: Any) -> Path:
    cfg = load_config(experiment, [str(word) for word in overrides])
    train(cfg, **options)
    return experiment.parent / "output" / "coco" / cfg.MODEL.NAME / "tiny"


def _test(experiment: Path, *overrides: object) -> Outcome:
    return run_test(load_config(experiment, [str(word) for word in overrides]))


@pytest.mark.usefixtures("quick_run")
@pytest.mark.parametrize("codec", ["ae", "ae_udp"])
@pytest.mark.parametrize("name", ["pose_higher_hrnet", "pose_hrnet"])
def test_a_run_writes_what_every_run_writes(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], codec: str, name: str
) -> None:
    experiment = group_experiment(tmp_path, data, MODEL={"CODEC": codec, "NAME": name})
    folder = _train(experiment)
    printed = capsys.readouterr().out
    assert "Training records: 8 of" in printed
    terms = TERMS if name == "pose_higher_hrnet" else ("heatmap_0", "push", "pull")
    assert all(f"{term} 0." in printed for term in terms)
    assert "PCK n/a" in printed
    rows = (folder / "history.csv").read_text().splitlines()
    assert len(rows) == 3
    assert all(f"train_loss_{term}" in rows[0] for term in terms)
    stored = torch.load(folder / "model_best.pth", weights_only=True)
    assert stored["codec"]["name"] == codec

    outcome = _test(experiment)
    report = capsys.readouterr().out
    assert outcome.times is not None
    assert outcome.times.pictures == 4
    for line in (
        "boxes        none, whole pictures",
        "input size   short side 64, long side up",
        "scales       1",
        "suppression  none",
        "flip test    yes",
    ):
        assert line in report
    assert "ms network" in report
    assert f"{codec} (original)" in report
    assert (folder / "results" / "keypoints_val_results_0.json").is_file()


@pytest.mark.usefixtures("quick_run", "curves")
def test_curves_are_drawn(data: Path, tmp_path: Path) -> None:
    folder = _train(group_experiment(tmp_path, data, TRAIN={"END_EPOCH": 1}))
    assert (folder / "curves.png").stat().st_size > 1000


def _easy(experiment: Path) -> None:
    """Weights whose heatmaps are high everywhere, so that people are found."""
    _train(experiment, "TRAIN.END_EPOCH", 1)
    for file in experiment.parent.rglob("model_best.pth"):
        raise_heatmaps(file)


@pytest.mark.usefixtures("quick_run")
def test_results_of_several_scales_and_of_suppression(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    experiment = group_experiment(tmp_path, data)
    _easy(experiment)
    file = next((tmp_path / "output").rglob("tiny")) / "results" / "keypoints_val_results_0.json"
    plain = _test(experiment)
    records = json.loads(file.read_text())
    assert plain.num_results == len(records) > 4
    assert set(records[0]) == {"image_id", "category_id", "keypoints", "score"}
    assert "--score-thr 0.1" in capsys.readouterr().out
    assert all(len(record["keypoints"]) == 51 for record in records)
    for record in records:
        assert record["score"] <= max(record["keypoints"][2::3]) + 1e-6
    batched = _test(experiment, "TEST.BATCH_SIZE_PER_GPU", 1)
    assert batched.num_results == plain.num_results
    capsys.readouterr()
    _test(experiment, "TEST.SCALE_FACTOR", "[2, 1, 0.5]", "TEST.PROJECT2IMAGE", False, "TEST.FLIP_TEST", False)
    report = capsys.readouterr().out
    for line in ("scales       2, 1, 0.5", "read maps    as large as the finest output", "flip test    no"):
        assert line in report
    fewer = _test(experiment, "TEST.OKS_THRE", 0.0)
    assert 0 < fewer.num_results < plain.num_results
    assert "OKS-NMS at 0, areas from the keypoints" in capsys.readouterr().out


class _Killed(Exception):
    """Stands for the end of a process."""


@pytest.mark.usefixtures("quick_run")
@pytest.mark.parametrize("saves", [1, 2])
def test_a_killed_run_continues_bit_identically(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, saves: int
) -> None:
    options = {"OPTIMIZER": "muon", "ACCUMULATE": 1, "EMA_DECAY": 0.9, "WARMUP_ITERS": 3, "SAVE_EVERY_STEPS": 1}
    folders = [tmp_path / name for name in ("whole", "killed")]
    for folder in folders:
        folder.mkdir()
    whole = _train(group_experiment(folders[0], data, TRAIN=options))
    experiment = group_experiment(folders[1], data, TRAIN=options)
    left, save_run = saves, train_module.save_run

    def save(*arguments: Any) -> None:
        nonlocal left
        save_run(*arguments)
        left -= 1
        if not left:
            raise _Killed

    with monkeypatch.context() as patch:
        patch.setattr(train_module, "save_run", save)
        with pytest.raises(_Killed):
            _train(experiment)
    continued = _train(experiment, resume=True)
    for name in ("final_state.pth", "model_best.pth", "checkpoint.pth"):
        own, theirs = weights_of(continued / name), weights_of(whole / name)
        assert all(torch.equal(own[key], theirs[key]) for key in theirs), name
    assert (continued / "history.csv").read_text() == (whole / "history.csv").read_text()


@pytest.mark.usefixtures("quick_run")
def test_another_codec_is_refused(data: Path, tmp_path: Path) -> None:
    experiment = group_experiment(tmp_path, data, TRAIN={"END_EPOCH": 1})
    _train(experiment)
    with pytest.raises(PoseError, match="ae_udp"):
        _train(experiment, "TRAIN.END_EPOCH", 2, "MODEL.CODEC", "ae_udp", resume=True)
    with pytest.raises(PoseError, match="ae_udp"):
        _test(experiment, "MODEL.CODEC", "ae_udp")


@pytest.mark.usefixtures("quick_run")
@pytest.mark.parametrize("metric", ["PCK", "EPE"])
def test_metrics_that_need_boxes_are_refused(data: Path, tmp_path: Path, metric: str) -> None:
    experiment = group_experiment(tmp_path, data)
    with pytest.raises(PoseError, match=f"TEST.METRICS asks for {metric}"):
        _train(experiment, "TEST.METRICS", f"[{metric}]")


@pytest.mark.usefixtures("quick_run")
def test_debug_pictures_are_declined_in_a_sentence(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    experiment = group_experiment(tmp_path, data, TRAIN={"END_EPOCH": 1}, DEBUG={"DEBUG": True})
    folder = _train(experiment, "DEBUG.SAVE_HEATMAPS_GT", True)
    assert "there will be no pictures with MODEL.CODEC ae" in capsys.readouterr().out
    assert not (folder / "debug").exists()
    _test(experiment)
    assert "there will be no pictures with MODEL.CODEC ae" in capsys.readouterr().out


@pytest.mark.usefixtures("quick_run")
def test_crowdpose(tmp_path: Path) -> None:
    """Its keypoints, its figures, and people without keypoints or segmentation."""
    root = make_group_data(tmp_path / "data", num_keypoints=14)
    for file in (root / "annotations").iterdir():
        content = json.loads(file.read_text())
        for image in content["images"]:
            image["crowdIndex"] = 0.5
        for annotation in content["annotations"]:
            annotation["keypoints"] = annotation["keypoints"][:42]
            annotation.pop("segmentation", None)
            annotation.pop("area")
        file.write_text(json.dumps(content))
    experiment = group_experiment(
        tmp_path, root, MODEL={"NUM_JOINTS": 14}, DATASET={"DATASET": "crowdpose"}, TRAIN={"END_EPOCH": 1}
    )
    cfg = load_config(experiment)
    train(cfg)
    outcome = run_test(cfg)
    assert outcome.stats is not None
    assert "AP (hard)" in outcome.stats


@pytest.mark.slow
@pytest.mark.usefixtures("quick_run")
def test_learns_synthetic_people_by_heart(tmp_path: Path) -> None:
    """Eight pictures with up to four people each, who have to be told apart."""
    make_dataset(tmp_path / "data", train=8, val=1, seed=0, workers=1, progress=False)
    small = ["MODEL.IMAGE_SIZE", [128, 128], "MODEL.HEATMAP_SIZE", [32, 32], "DATASET.FLIP", False]
    folders = ["DATASET.ROOT", tmp_path / "data", "OUTPUT_DIR", tmp_path / "output", "LOG_DIR", tmp_path / "log"]
    schedule = ["TRAIN.BATCH_SIZE_PER_GPU", 4, "TRAIN.END_EPOCH", 60, "TRAIN.EVAL_EVERY", 60, "TRAIN.WARMUP_ITERS", 10]
    # Averaged weights lag behind in so few steps.
    options = [
        "DATASET.TEST_SET",
        "train",
        "TEST.FLIP_TEST",
        False,
        "TRAIN.EMA_DECAY",
        0,
        "WORKERS",
        0,
        "DEVICE",
        "cpu",
    ]
    experiment = REPOSITORY / "experiments" / "synthetic" / "ae_higher_hrnet_w24_256x256.yaml"
    train(load_config(experiment, [str(word) for word in (*small, *folders, *schedule, *options)]))
    (table,) = (tmp_path / "output").rglob("history.csv")
    with table.open() as file:
        first, *_, last = csv.DictReader(file)
    assert float(last["train_loss_push"]) < 0.5 * float(first["train_loss_push"])
    assert float(last["train_loss_heatmap_1"]) < 0.1 * float(first["train_loss_heatmap_1"])
    assert float(last["AP"]) > 0.5


@pytest.mark.slow
def test_two_processes_train_and_test_like_one(data: Path, tmp_path: Path) -> None:
    experiment = group_experiment(tmp_path, data, TRAIN={"END_EPOCH": 1, "BATCH_SIZE_PER_GPU": 2, "EXPECTED_BATCH": 2})
    trained = run_tool("train", "--cfg", experiment, processes=2)
    assert trained.returncode == 0, trained.stderr
    assert trained.stdout.count("Done.") == 1
    results, files = [], []
    for processes in (2, 0):
        tested = run_tool("test", "--cfg", experiment, "TEST.DETECTION_THRESHOLD", "0.001", processes=processes)
        assert tested.returncode == 0, tested.stderr
        results.append(
            [line for line in tested.stdout.splitlines() if line.startswith(("records", "results", "| pose"))]
        )
        files.append(json.loads(next(tmp_path.rglob("keypoints_val_results_0.json")).read_text()))
    assert results[0] == results[1]
    assert files[0], "somebody was found"
    assert [one["image_id"] for one in files[0]] == [one["image_id"] for one in files[1]]

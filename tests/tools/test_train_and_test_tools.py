"""The train and test commands on bad input: exit code 2, one sentence, no traceback, nothing written."""

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.tiny_run import make_tiny_data, run_tool, tiny_experiment, write_json
from helpers.tools import load_tool

from lib.utils.cli import run_command
from lib.utils.distributed import run_together
from lib.utils.logging import close_log

TOOLS = ("train", "test")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_data(tmp_path_factory.mktemp("tiny") / "data")


@pytest.fixture(autouse=True)
def _closed_log() -> Iterator[None]:
    yield
    close_log()


def _fails(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tool: str, *arguments: object) -> str:
    """Run a command in this process; it must end as bad input does. Returns its one sentence."""
    monkeypatch.setattr(sys, "argv", [f"tools/{tool}.py", *map(str, arguments)])
    module = load_tool(tool)
    with pytest.raises(SystemExit) as ending:
        run_command(lambda: run_together(module.main))
    assert ending.value.code == 2
    errors = capsys.readouterr().err
    assert "Traceback" not in errors
    (line,) = [line for line in errors.splitlines() if line.startswith("error: ")]
    assert line.endswith(".")
    return line


def _change_annotations(data: Path, folder: Path, part: str, **changes: Any) -> Path:
    """A copy of an annotation file in which every annotation is changed."""
    content = json.loads((data / "annotations" / f"person_keypoints_{part}.json").read_text())
    for annotation in content["annotations"]:
        annotation.update(changes)
    path = folder / "changed.json"
    write_json(path, content)
    return path


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize(
    ("overrides", "named"),
    [
        (("DATASET.ROOT", "nowhere"), "nowhere"),
        (("DATASET.TRAIN_ANNO", "nowhere.json", "DATASET.TEST_ANNO", "nowhere.json"), "nowhere.json"),
        (("DATASET.TRAIN_IMAGES", "no_folder", "DATASET.TEST_IMAGES", "no_folder"), "no_folder"),
        (("TEST.USE_GT_BBOX", "False", "TEST.COCO_BBOX_FILE", "no_boxes.json"), "no_boxes.json"),
        (("TRAIN.LEARNING_RATE", "1"), "TRAIN.LEARNING_RATE"),
        (("TRAIN.LR", "fast"), "TRAIN.LR"),
        (("MODEL.HEATMAP_SIZE", "[32,32]"), "HEATMAP_SIZE"),
        (("TEST.DECODER", "offset"), "offset"),
        (("DEVICE", "abacus"), "abacus"),
    ],
)
def test_bad_options(
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tool: str,
    overrides: tuple[str, ...],
    named: str,
) -> None:
    experiment = tiny_experiment(tmp_path, data)
    _weights(experiment, tmp_path)
    words = [*overrides, *(("TEST.MODEL_FILE", str(tmp_path / "weights.pth")) if tool == "test" else ())]
    assert named in _fails(monkeypatch, capsys, tool, "--cfg", experiment, *words)
    assert not (tmp_path / "output").exists()
    assert not (tmp_path / "log").exists()


def _weights(experiment: Path, folder: Path) -> None:
    from lib.config import load_config
    from lib.models import build_model

    torch.save(build_model(load_config(experiment)).state_dict(), folder / "weights.pth")


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("content", [None, "", "MODEL: [", "just text", "MODEL: 3"])
def test_bad_experiment_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tool: str, content: str | None
) -> None:
    path = tmp_path / "bad.yaml"
    if content is not None:
        path.write_text(content)
    message = _fails(monkeypatch, capsys, tool, "--cfg", path, "OUTPUT_DIR", tmp_path / "output")
    assert not (tmp_path / "output").exists()
    if content != "":  # an empty file is a valid experiment of defaults, whose data set is not there
        assert "bad.yaml" in message


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
@pytest.mark.parametrize("tool", TOOLS)
def test_a_gpu_that_is_not_there(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tool: str
) -> None:
    experiment = tiny_experiment(tmp_path, data)
    assert "--device cpu" in _fails(monkeypatch, capsys, tool, "--cfg", experiment, "--device", "cuda")


@pytest.mark.parametrize("tool", TOOLS)
def test_an_output_folder_that_cannot_be_made(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tool: str
) -> None:
    experiment = tiny_experiment(tmp_path, data)
    (tmp_path / "file").write_text("")
    message = _fails(monkeypatch, capsys, tool, "--cfg", experiment, "--modelDir", tmp_path / "file" / "output")
    assert "OUTPUT_DIR" in message


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"PK\x03\x04 cut short"])
def test_a_corrupt_checkpoint(
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tool: str,
    content: bytes,
) -> None:
    experiment = tiny_experiment(tmp_path, data)
    (tmp_path / "broken.pth").write_bytes(content)
    message = _fails(monkeypatch, capsys, tool, "--cfg", experiment, "--load-from", tmp_path / "broken.pth")
    assert "broken.pth" in message
    assert not (tmp_path / "output").exists()


def test_a_corrupt_image_ends_training(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(data, tmp_path / "data")
    (tmp_path / "data" / "images" / "train" / "1003.png").write_bytes(b"\x89PNG cut short")
    experiment = tiny_experiment(tmp_path, tmp_path / "data")
    for workers in (0, 1):
        assert "1003.png" in _fails(monkeypatch, capsys, "train", "--cfg", experiment, "--workers", workers)


def test_a_missing_image_is_found_at_the_start(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(data, tmp_path / "data")
    (tmp_path / "data" / "images" / "val" / "1002.png").unlink()
    experiment = tiny_experiment(tmp_path, tmp_path / "data")
    assert "1002.png" in _fails(monkeypatch, capsys, "train", "--cfg", experiment)
    assert not (tmp_path / "output").exists()


@pytest.mark.parametrize(
    "changes",
    [{"keypoints": [0] * 51, "num_keypoints": 0}, {"area": 0.0}, {"keypoints": [1.0, 2.0, 2]}, {"image_id": 7}],
)
def test_annotations_that_leave_nothing(
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    changes: dict[str, Any],
) -> None:
    experiment = tiny_experiment(tmp_path, data)
    path = _change_annotations(data, tmp_path, "train", **changes)
    assert "changed.json" in _fails(monkeypatch, capsys, "train", "--cfg", experiment, "DATASET.TRAIN_ANNO", path)
    assert not (tmp_path / "output").exists()


def test_an_annotation_file_that_is_no_json(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "cut.json").write_text('{"images": [')
    experiment = tiny_experiment(tmp_path, data)
    message = _fails(monkeypatch, capsys, "train", "--cfg", experiment, "DATASET.TEST_ANNO", tmp_path / "cut.json")
    assert "cut.json" in message
    assert not (tmp_path / "output").exists()


def test_resume_without_a_run(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    experiment = tiny_experiment(tmp_path, data)
    assert "checkpoint.pth" in _fails(monkeypatch, capsys, "train", "--cfg", experiment, "--resume")


@pytest.mark.slow
def test_the_commands_from_training_to_results(data: Path, tmp_path: Path) -> None:
    experiment = tiny_experiment(tmp_path, data)
    trained = run_tool("train", "--cfg", experiment, "--epochs", 1, "--batch-size", 6, "--workers", 1, "--seed", 5)
    assert trained.returncode == 0, trained.stderr
    tested = run_tool("test", "--cfg", experiment, "TEST.USE_GT_BBOX", "False")
    assert tested.returncode == 0, tested.stderr
    assert "model_best.pth" in tested.stdout
    refused = run_tool("test", "--cfg", experiment, "TEST.MODEL_FILE", "nowhere.pth")
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)

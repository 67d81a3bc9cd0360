"""tools/export.py: which weights and pictures are taken, what is kept, what is refused."""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.small_models import randomized
from helpers.tiny_run import make_tiny_data, run_folder, tiny_experiment
from helpers.tools import load_tool

from lib.codecs import build_codec
from lib.config import config_to_text, load_config, resolve_skeleton
from lib.export.graph import PoseGraph
from lib.models import build_model
from lib.utils.checkpoint import model_checkpoint, save_checkpoint
from lib.utils.cli import run_command
from lib.utils.logging import close_log


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_data(tmp_path_factory.mktemp("tiny") / "data")


@pytest.fixture(autouse=True)
def _closed_log() -> Iterator[None]:
    yield
    close_log()


@pytest.fixture
def experiment(tmp_path: Path, data: Path) -> Path:
    """The tiny experiment, with weights where its run would have left them."""
    path = tiny_experiment(tmp_path, data)
    _save_weights(path, run_folder(tmp_path) / "model_best.pth")
    return path


def _save_weights(experiment: Path, path: Path, *overrides: str) -> Path:
    cfg = load_config(experiment, overrides)
    torch.manual_seed(0)
    content = model_checkpoint(
        randomized(build_model(cfg)),
        codec=build_codec(cfg).description(),
        skeleton=resolve_skeleton(cfg),
        config=config_to_text(cfg),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    save_checkpoint(path, content)
    return path


def _run(monkeypatch: pytest.MonkeyPatch, experiment: Path, *words: object) -> int:
    """Run the command in this process; its exit code."""
    monkeypatch.setattr(sys, "argv", ["export.py", "--cfg", str(experiment), *map(str, words)])
    tool = load_tool("export")
    try:
        run_command(tool.main)
    except SystemExit as ending:
        return int(ending.code or 0)
    return 0


@pytest.mark.slow
def test_the_run_s_best_weights_are_exported(
    experiment: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(monkeypatch, experiment, "--format", "torch_export", "--flip-test", "--decode") == 0
    printed = capsys.readouterr().out
    output = run_folder(tmp_path) / "tiny.pt2"
    assert output.is_file()
    for fact in ("model_best.pth", "batches 1, 3, 8", "px at most", "scores differ", str(output)):
        assert fact in printed
    network = torch.export.load(output).module()
    points, scores = network(torch.zeros(5, 64, 64, 3, dtype=torch.uint8))
    assert points.shape == (5, 17, 2)
    assert scores.shape == (5, 17)


@pytest.mark.slow
def test_a_program_that_differs_is_not_kept(
    experiment: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    prepare = PoseGraph.prepare

    def disturb(graph: PoseGraph) -> None:
        prepare(graph)
        with torch.no_grad():
            for parameter in graph.network.parameters():
                parameter += 0.01 * torch.randn_like(parameter)

    monkeypatch.setattr(PoseGraph, "prepare", disturb)
    output = tmp_path / "new" / "pose.pt2"
    words = ("--format", "torch_export", "--batch", "2", "--output", output, "--images", data / "images" / "val")
    assert _run(monkeypatch, experiment, *words) == 2
    error = capsys.readouterr().err
    assert "differs from PyTorch by" in error
    assert f"{output} was not written" in error
    assert list(output.parent.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--format", "torch_export", "DATASET.ROOT", "nowhere"), "or name pictures with --images."),
        (("--format", "torch_export", "--images", "nowhere.jpg"), "image nowhere.jpg cannot be read"),
        (("--format", "torch_export", "--batch", "0"), "--batch is 0"),
        (("--format", "torch_export", "--opset", "18"), "--opset belongs to --format onnx"),
        (("--format", "torch_export", "TEST.MODEL_FILE", "no.pth"), "no.pth"),
        (("--format", "torch_export", "MODEL.CODEC", "msra"), "was trained with codec udp_gaussian"),
    ],
)
def test_bad_input_is_one_sentence(
    experiment: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    message: str,
) -> None:
    assert _run(monkeypatch, experiment, *words) == 2
    errors = capsys.readouterr().err
    (line,) = [line for line in errors.splitlines() if line.startswith("error: ")]
    assert message in line
    assert line.endswith(".")
    assert sorted(file.name for file in run_folder(tmp_path).iterdir()) == ["model_best.pth"]


def test_a_folder_without_pictures(
    experiment: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "notes.txt").write_text("no picture")
    assert _run(monkeypatch, experiment, "--format", "torch_export", "--images", tmp_path / "empty") == 2
    assert "holds no pictures" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("name", ["hrnet/w32_256x192_adam_lr1e-3_udp"])
def test_a_published_network_on_real_people(
    name: str, shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, repository: Path
) -> None:
    for package in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(package)
    experiment = repository / "experiments" / "coco" / f"{name}.yaml"
    weights, output = _save_weights(experiment, tmp_path / "weights.pth"), tmp_path / "pose.onnx"
    options = ("TEST.MODEL_FILE", weights, "DATASET.ROOT", shared / "coco-mini", "TEST.USE_GT_BBOX", True)
    words = ("--format", "onnx", "--flip-test", "--decode", "--output", output)
    assert _run(monkeypatch, experiment, *words, *options) == 0
    pose = load_tool("onnx_runner").OnnxPose(output)
    assert np.isfinite(pose(np.full((300, 200, 3), 90, np.uint8))).all()

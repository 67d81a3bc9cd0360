"""Tests of weights: which are taken, what is written and printed, what is refused."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from helpers.tiny_run import make_tiny_data, run_folder, tiny_experiment, write_json
from helpers.tiny_weights import save_random_weights

from lib.config import load_config
from lib.core.runtimes.choose import PACKAGES
from lib.models import build_model
from lib.run.evaluation import Outcome
from lib.run.test import test as run_test
from lib.utils.errors import PoseError
from lib.utils.logging import close_log


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_data(tmp_path_factory.mktemp("tiny") / "data")


@pytest.fixture(autouse=True)
def _closed_log() -> Iterator[None]:
    yield
    close_log()


def _test(experiment: Path, *overrides: object) -> Outcome:
    return run_test(load_config(experiment, [str(word) for word in overrides]))


def test_the_best_weights_are_taken_and_named(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    experiment = tiny_experiment(tmp_path, data)
    folder = run_folder(tmp_path)
    with pytest.raises(PoseError, match=r"TEST\.MODEL_FILE is empty"):
        _test(experiment)
    assert not (tmp_path / "output").exists()
    save_random_weights(experiment, folder / "final_state.pth")
    _test(experiment)
    assert "final_state.pth" in capsys.readouterr().out
    save_random_weights(experiment, folder / "model_best.pth")
    outcome = _test(experiment)
    printed = capsys.readouterr().out
    for fact in ("model_best.pth", "annotated boxes", "6 kept, 0 dropped", "udp_gaussian", "64x64", "plot_coco.py"):
        assert fact in printed
    results = folder / "results" / "keypoints_val_results_0.json"
    assert str(results) in printed
    assert len(json.loads(results.read_text())) == outcome.num_results
    assert outcome.stats is not None
    assert len(outcome.stats) == 10
    assert outcome.pck.mean is not None


def test_detected_boxes_have_no_pck(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    experiment = tiny_experiment(tmp_path, data)
    weights = save_random_weights(experiment, tmp_path / "weights.pth")
    outcome = _test(experiment, "TEST.MODEL_FILE", weights, "TEST.USE_GT_BBOX", False)
    assert outcome.pck.mean is None
    printed = capsys.readouterr().out
    assert "detections of" in printed
    assert "PCK          n/a, loss n/a" in printed


def test_the_plot_command_knows_the_keypoint_set(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    experiment = tiny_experiment(tmp_path, data, SKELETON={"NAMES": [f"dot_{index}" for index in range(17)]})
    _test(experiment, "TEST.MODEL_FILE", save_random_weights(experiment, tmp_path / "weights.pth"))
    assert f"--skeleton {run_folder(tmp_path) / 'results' / 'skeleton.yaml'}" in capsys.readouterr().out


def test_batch_size_and_workers_change_nothing(data: Path, tmp_path: Path) -> None:
    experiment = tiny_experiment(tmp_path, data)
    weights = save_random_weights(experiment, tmp_path / "weights.pth")
    results = run_folder(tmp_path) / "results" / "keypoints_val_results_0.json"
    contents = []
    for overrides in (("WORKERS", 0), ("WORKERS", 2, "TEST.BATCH_SIZE_PER_GPU", 1)):
        _test(experiment, "TEST.MODEL_FILE", weights, *overrides)
        contents.append(json.loads(results.read_text()))
    for one, other in zip(*contents, strict=True):
        assert one["image_id"] == other["image_id"]
        assert one["keypoints"] == pytest.approx(other["keypoints"], abs=1e-2)


def test_weights_of_another_codec_are_refused(data: Path, tmp_path: Path) -> None:
    experiment = tiny_experiment(tmp_path, data)
    weights = save_random_weights(experiment, tmp_path / "weights.pth", "MODEL.CODEC", "msra")
    with pytest.raises(PoseError, match=r"msra.*udp_gaussian"):
        _test(experiment, "TEST.MODEL_FILE", weights)
    assert not (tmp_path / "output").exists()


def test_weights_that_do_not_name_their_codec_are_announced(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    experiment = tiny_experiment(tmp_path, data)
    weights = tmp_path / "plain.pth"
    torch.save(build_model(load_config(experiment)).state_dict(), weights)
    _test(experiment, "TEST.MODEL_FILE", weights)
    warnings = [line for line in capsys.readouterr().err.splitlines() if "does not say which codec" in line]
    assert len(warnings) == 1
    assert "plain.pth" in warnings[0]
    assert "the config's, udp_gaussian, is assumed" in warnings[0]


def test_weights_of_another_network_are_refused(data: Path, tmp_path: Path) -> None:
    experiment = tiny_experiment(tmp_path, data)
    other = ("MODEL.EXTRA.STAGE4.NUM_CHANNELS", "[4,8,16,64]")
    weights = save_random_weights(experiment, tmp_path / "weights.pth", *other)
    with pytest.raises(PoseError, match=r"weights\.pth"):
        _test(experiment, "TEST.MODEL_FILE", weights)


def test_a_network_that_answers_nan_is_named(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    experiment = tiny_experiment(tmp_path, data)
    weights = save_random_weights(experiment, tmp_path / "weights.pth")

    def spoil(model: torch.nn.Module, *_: object, **__: object) -> object:
        with torch.no_grad():
            next(model.parameters()).fill_(float("nan"))
        return type("Report", (), {"metadata": None})()

    monkeypatch.setattr("lib.run.weights.load_weights", spoil)
    with pytest.raises(PoseError, match=r"records \[0, 1"):
        _test(experiment, "TEST.MODEL_FILE", weights)
    assert not run_folder(tmp_path).joinpath("results").exists()


def test_a_set_without_annotations_gives_a_checked_submission(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = json.loads((data / "annotations" / "person_keypoints_val.json").read_text())
    write_json(tmp_path / "image_info.json", {**content, "annotations": []})
    experiment = tiny_experiment(tmp_path, data, TEST={"USE_GT_BBOX": False})
    weights = save_random_weights(experiment, tmp_path / "weights.pth")
    outcome = _test(experiment, "TEST.MODEL_FILE", weights, "DATASET.TEST_ANNO", tmp_path / "image_info.json")
    assert outcome.stats is None
    assert "valid COCO submission" in capsys.readouterr().out


def test_the_arithmetic_is_named_with_its_reason(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment = tiny_experiment(tmp_path, data)
    weights = save_random_weights(experiment, tmp_path / "weights.pth")
    monkeypatch.setattr("lib.utils.device.has_amx", lambda: False)
    _test(experiment, "TEST.MODEL_FILE", weights)
    assert "float32 (AMP auto; this CPU has no AMX units for bf16) on cpu, eager" in capsys.readouterr().out
    monkeypatch.setattr("lib.utils.device.has_amx", lambda: True)
    _test(experiment, "TEST.MODEL_FILE", weights)
    assert "bf16 (AMP auto; this CPU has AMX units for bf16) on cpu, eager" in capsys.readouterr().out
    _test(experiment, "TEST.MODEL_FILE", weights, "AMP", "none")
    assert "float32 (AMP none) on cpu" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize("runtime", ["openvino", "onnxruntime"])
def test_another_runtime_gives_the_same_results(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], runtime: str
) -> None:
    for package in PACKAGES[runtime]:
        pytest.importorskip(package)
    experiment = tiny_experiment(tmp_path, data)
    weights = save_random_weights(experiment, tmp_path / "weights.pth")
    results = run_folder(tmp_path) / "results" / "keypoints_val_results_0.json"
    contents = []
    for name in ("eager", runtime):
        _test(experiment, "TEST.MODEL_FILE", weights, "TEST.RUNTIME", name, "AMP", "none")
        contents.append(json.loads(results.read_text()))
    assert f"on cpu, {runtime}" in capsys.readouterr().out
    for one, other in zip(*contents, strict=True):
        assert one["image_id"] == other["image_id"]
        assert one["keypoints"] == pytest.approx(other["keypoints"], abs=1e-2)


def test_a_runtime_that_is_absent_ends_the_test_before_it_reads(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(name: str) -> None:
        raise ModuleNotFoundError(f"No module named {name!r}")

    monkeypatch.setattr("lib.core.runtimes.choose.import_module", absent)
    with pytest.raises(PoseError, match="pip install openvino"):
        _test(tiny_experiment(tmp_path, data), "TEST.RUNTIME", "openvino")

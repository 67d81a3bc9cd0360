"""tools/infer.py as people call it."""

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.tiny_run import make_tiny_data, tiny_experiment
from helpers.tiny_weights import save_random_weights
from helpers.tools import load_tool

from lib.config import load_config
from lib.detectors import weights as detector_weights
from lib.run.infer.infer import InferSettings
from lib.run.test import test as run_test
from lib.utils.cli import run_command
from lib.utils.image import read_image
from lib.utils.logging import close_log

Call = Callable[..., int]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_data(tmp_path_factory.mktemp("tiny") / "data")


@pytest.fixture
def call(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Call]:
    """Run the command on the tiny experiment; gives its exit code."""
    experiment = tiny_experiment(tmp_path, data)
    weights = save_random_weights(experiment, tmp_path / "w.pth")
    tool = load_tool("infer")

    def run(*words: object, weighted: bool = True) -> int:
        own = ["--cfg", str(experiment), *(["TEST.MODEL_FILE", str(weights)] if weighted else [])]
        monkeypatch.setattr(sys, "argv", ["infer.py", *own, "--output", str(tmp_path / "out"), *map(str, words)])
        try:
            run_command(tool.main)
        except SystemExit as end:
            return int(end.code or 0)
        return 0

    run.tool = tool  # type: ignore[attr-defined]
    yield run
    close_log()


def test_results_are_those_of_a_test(call: Call, data: Path, tmp_path: Path) -> None:
    """With the boxes of a detection file the command finds what tools/test.py finds, and scores it alike."""
    boxes, names = data / "detections.json", data / "annotations" / "person_keypoints_val.json"
    overrides = ["TEST.MODEL_FILE", str(tmp_path / "w.pth"), "TEST.USE_GT_BBOX", "False"]
    run_test(load_config(tmp_path / "tiny.yaml", overrides))
    close_log()
    (file,) = (tmp_path / "output").rglob("keypoints_val_results_0.json")
    expected = {record["image_id"]: record for record in json.loads(file.read_text())}

    assert call("--input", data / "images" / "val", "--boxes", boxes, "--images-file", names) == 0

    found = json.loads((tmp_path / "out" / "results.json").read_text())
    assert len(found) == len(expected) == 6
    for record in found:
        same = expected[record["image_id"]]
        np.testing.assert_allclose(record["keypoints"], same["keypoints"], atol=2e-3)
        assert record["score"] == pytest.approx(same["score"], abs=2e-5)


def test_every_flag(call: Call, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    drawing = ["--kpt-thr", "-1", "--radius", "2", "--thickness", "1.5", "--style", "people", "--skeleton", "upper"]
    looks = ["--hide-box", "--box-color", "track", "--label", "--heatmap", "--black-background"]
    rest = ["--full-frame", "--save", "pictures,csv", "--format", "png", "--show-speed", "--batch-size", "2"]
    picture = data / "images" / "val" / "1000.png"
    assert call("--input", picture, *drawing, *looks, *rest, "--device", "cpu", "--no-track", "--no-smooth") == 0
    assert sorted(path.name for path in (tmp_path / "out").rglob("*") if path.is_file()) == ["1000.png", "people.csv"]
    assert read_image(tmp_path / "out" / "pictures" / "1000.png").shape == (80, 96, 3)
    shown = capsys.readouterr().out
    assert "1 people in 1 pictures" in shown
    assert "all together" in shown


FLAGS = {
    ("--no-track",): {"track": False},
    ("--no-smooth",): {"smooth": False},
    ("--show-speed",): {"show_speed": True},
    ("--box-thr", "0.25"): {"boxes.detector.score_threshold": 0.25, "boxes.file_threshold": 0.25},
    ("--box-thr", "0.25", "--boxes", "b.json"): {"boxes.file_threshold": 0.25, "boxes.file": Path("b.json")},
    ("--boxes", "b.json", "--images-file", "i.json"): {
        "boxes.images_file": Path("i.json"),
        "boxes.file": Path("b.json"),
    },
    ("--full-frame",): {"boxes.full_frame": True},
    ("--detector", "fasterrcnn"): {"boxes.detector.name": "fasterrcnn"},
    ("--detector-weights", "d.pth"): {"boxes.detector.weights": "d.pth"},
    ("--box-nms", "0.3"): {"boxes.detector.nms_threshold": 0.3},
    ("--max-people", "7"): {"boxes.detector.max_people": 7},
    ("--detect-every", "5"): {"boxes.detect_every": 5},
    ("--save", "csv,json"): {"outputs.kinds": frozenset({"csv", "json"})},
    ("--format", "png"): {"outputs.picture_suffix": ".png"},
    ("--kpt-thr", "0.5"): {"outputs.drawing.kpt_threshold": 0.5},
    ("--radius", "4"): {"outputs.drawing.radius": 4.0},
    ("--thickness", "3"): {"outputs.drawing.thickness": 3.0},
    ("--style", "people"): {"outputs.drawing.style": "people"},
    ("--hide-box",): {"outputs.drawing.show_boxes": False},
    ("--box-color", "#102030"): {"outputs.drawing.box_color": (16, 32, 48)},
    ("--label",): {"outputs.drawing.show_labels": True},
    ("--heatmap",): {"outputs.drawing.heatmap": True},
    ("--black-background",): {"outputs.drawing.black_background": True},
}


@pytest.mark.parametrize("flags", FLAGS)
def test_each_flag_is_one_setting(call: Call, monkeypatch: pytest.MonkeyPatch, flags: tuple[str, ...]) -> None:
    def settings_with(*words: str) -> dict[str, Any]:
        seen: list[InferSettings] = []
        monkeypatch.setattr(call.tool, "infer", lambda _, settings: seen.append(settings))  # type: ignore[attr-defined]
        assert call("--input", "x.jpg", *words) == 0
        return dict(_flat(seen[0]))

    plain, changed = settings_with(), settings_with(*flags)
    assert {key: value for key, value in changed.items() if plain[key] != value} == FLAGS[flags]


def _flat(settings: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for field in fields(settings):
        value = getattr(settings, field.name)
        if is_dataclass(value):
            yield from _flat(value, f"{prefix}{field.name}.")
        else:
            yield prefix + field.name, value


def test_the_subset_of_keypoints_is_passed_on(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[InferSettings] = []
    monkeypatch.setattr(call.tool, "infer", lambda _, settings: seen.append(settings))  # type: ignore[attr-defined]
    assert call("--input", "x.jpg", "--skeleton", "nose,*wrist") == 0
    subset = seen[0].outputs.drawing.subset
    assert subset is not None
    assert np.flatnonzero(subset).tolist() == [0, 9, 10]


def test_no_boxes_and_no_detector_is_one_sentence_with_the_ways_out(
    call: Call, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def no_network(*_: object, **__: object) -> None:
        raise OSError("no network")

    monkeypatch.setattr(detector_weights.torch.hub, "download_url_to_file", no_network)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "empty"))
    assert call("--input", data / "images" / "val") == 2
    error = capsys.readouterr().err
    assert len(error.splitlines()) == 1
    for way in ("--full-frame", "--boxes", "--detector-weights"):
        assert way in error
    assert not (tmp_path / "out").exists()


def test_bad_input_is_one_sentence_and_writes_nothing(
    call: Call, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    pictures = data / "images" / "val"
    cases = {
        "empty": ("--input", tmp_path / "empty", "--full-frame"),
        "absent": ("--input", tmp_path / "absent", "--full-frame"),
        "about a detector": ("--input", pictures, "--full-frame", "--detect-every", 5),
        "give --boxes as well": ("--input", pictures, "--images-file", "i.json"),
        "cannot be made": ("--input", pictures, "--full-frame", "--output", data / "detections.json" / "out"),
        "before --input": ("--input", pictures, "TEST.FLIP_TEST", "False", "--full-frame"),
        "exclude each other": ("--input", pictures, "--full-frame", "--boxes", data / "detections.json"),
        "--save": ("--input", pictures, "--full-frame", "--save", "video"),
        "colour": ("--input", pictures, "--full-frame", "--box-color", "reddish"),
        "no boxes": ("--input", pictures / "1000.png", "--boxes", tmp_path / "other.json"),
    }
    (tmp_path / "other.json").write_text(
        json.dumps([{"image_id": 5, "category_id": 1, "bbox": [1, 1, 2, 2], "score": 1}])
    )
    for message, words in cases.items():
        assert call(*words) == 2
        error = capsys.readouterr().err
        assert error.splitlines()[-1].startswith("error: ")
        assert message in error.splitlines()[-1]
    assert call("--input", pictures, "--full-frame", weighted=False) == 2
    assert "TEST.MODEL_FILE" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_results_below_the_input_are_no_input(call: Call, data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "in" / ".." / "in"
    shutil.copytree(data / "images" / "val", tmp_path / "in")
    for _ in range(2):
        assert call("--input", folder, "--full-frame", "--output", tmp_path / "in" / "found") == 0
        assert len(json.loads((tmp_path / "in" / "found" / "images.json").read_text())["images"]) == 6


def test_weights_of_synthetic_people_warn_on_photos(
    call: Call, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    experiment = tiny_experiment(tmp_path, data, DATASET={"DATASET": "synthetic"})
    save_random_weights(experiment, tmp_path / "w.pth")
    made = tmp_path / "made"
    shutil.copytree(data / "images" / "val", made / "images" / "val")
    (made / "manifest.json").write_text(json.dumps({"texture_families": {}}))
    assert call("--input", made, "--full-frame") == 0
    assert "synthetic people" not in capsys.readouterr().err
    assert call("--input", data / "images" / "val", "--full-frame") == 0
    assert "trained on synthetic people alone" in capsys.readouterr().err


def test_nothing_read_leaves_earlier_results(call: Call, data: Path, tmp_path: Path) -> None:
    assert call("--input", data / "images" / "val", "--full-frame") == 0
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    assert call("--input", tmp_path / "broken.jpg", "--full-frame") == 2
    assert {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()} == before


def test_without_an_experiment_the_quickstart_has_to_be_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tool = load_tool("infer")
    words = ["infer.py", "OUTPUT_DIR", str(tmp_path), "--input", str(tmp_path), "--full-frame"]
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(SystemExit) as end:
        run_command(tool.main)
    assert end.value.code == 2
    assert "make quickstart" in capsys.readouterr().err

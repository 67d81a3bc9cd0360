"""visualization/plot_coco.py as people call it."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from helpers.tiny_coco import SIZE_WH, noisy_predictions, tiny_annotations, written
from helpers.tiny_mpii import write_tiny_mpii

from lib.core.mpii_predictions import write_predictions
from lib.core.results import chosen_poses, select_results
from lib.skeletons import load_skeleton
from lib.utils.cli import run_command
from lib.utils.coco_files import annotated_people
from lib.utils.image import read_image
from visualization.coco_pictures import pictures_by_image, pictures_by_oks
from visualization.plot_coco import main
from visualization.raster import save_image

SIGMAS = load_skeleton("coco").sigmas_array


@pytest.fixture
def folder(tmp_path: Path, rng: np.random.Generator) -> Path:
    """gt.json, results.json and the images of three images with three people each."""
    annotations = tiny_annotations(rng, images=3)
    preds, boxes, ids = noisy_predictions(rng, annotations, 3.0)
    preds[..., 2] = 0.9
    boxes[:, 5] = 0.9
    results = chosen_poses(preds, boxes, ids, select_results(preds, boxes, ids, SIGMAS)).records()
    written(tmp_path, "gt.json", annotations)
    written(tmp_path, "results.json", results)
    for image in annotations["images"]:
        save_image(tmp_path / "images" / image["file_name"], np.full((SIZE_WH[1], SIZE_WH[0], 3), 90, np.uint8))
    return tmp_path


@pytest.fixture
def plot(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Run the command in this process with more options; gives its exit code."""

    def call(*more: str) -> int:
        files = ("--prediction", str(folder / "results.json"), "--gt-anno", str(folder / "gt.json"))
        places = ("--image-path", str(folder / "images"), "--save-path", str(folder / "out"))
        monkeypatch.setattr(sys, "argv", ["plot_coco.py", *files, *places, *more])
        try:
            run_command(main)
        except SystemExit as end:
            return int(end.code or 0)
        return 0

    return call


def test_pictures_per_image(plot: Callable[..., int], folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert plot() == 0
    assert "3 pictures with" in capsys.readouterr().out
    files = sorted((folder / "out").iterdir())
    assert [file.name for file in files] == [f"{100 + i:012d}.png" for i in range(3)]
    assert (read_image(files[0]) != 90).any()
    assert read_image(files[0]).shape == (SIZE_WH[1], SIZE_WH[0], 3)


def test_best_and_worst_beside_the_truth(plot: Callable[..., int], folder: Path) -> None:
    options = ("--best", "2", "--worst", "1", "--with-gt", "--boxes", "--style", "xiaochu", "--format", "jpg")
    assert plot(*options) == 0
    names = sorted(file.name for file in (folder / "out").iterdir())
    assert [name[:13] for name in names] == ["best_001_oks_", "best_002_oks_", "worst_001_oks"]
    assert read_image(folder / "out" / names[0]).shape[1] > 2 * SIZE_WH[0]


def test_results_without_boxes_have_the_extents_of_their_keypoints(folder: Path) -> None:
    """As bottom-up networks write them."""
    rows = np.zeros((17, 3))
    rows[3:6] = [[10, 20, 0.5], [40, 25, 0.1], [30, 70, 0.9]]
    result = {"image_id": 100, "category_id": 1, "keypoints": rows.ravel().tolist(), "score": 0.9}
    (picture,) = pictures_by_image([result], json.loads((folder / "gt.json").read_text()), 0.3)
    assert picture.predicted[0].frame(0.2) == (10, 20, 20, 50)
    assert picture.predicted[0].frame(0.95) == (0, 0, 0, 0)


def test_pdf(plot: Callable[..., int], folder: Path) -> None:
    assert plot("--format", "pdf", "--with-gt", "--boxes", "--limit", "1", "--style", "people") == 0
    (file,) = (folder / "out").iterdir()
    assert file.read_bytes().startswith(b"%PDF")


def test_bad_input_is_one_sentence_and_writes_nothing(
    plot: Callable[..., int], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = json.loads((folder / "results.json").read_text())
    short = {**results[0], "keypoints": [1.0] * 9}
    cases = {
        "absent.json does not exist": ("--prediction", str(folder / "absent.json")),
        "holds no results": ("--prediction", str(written(folder, "empty.json", []))),
        "9 keypoint numbers instead of 51": ("--prediction", str(written(folder, "short.json", [short]))),
        "not in the image set": ("--prediction", str(written(folder, "id.json", [{**results[0], "image_id": 5}]))),
        "3 images are not in": ("--image-path", str(folder)),
        "lower --score-thr": ("--score-thr", "0.95"),
    }
    for message, options in cases.items():
        assert plot(*options) == 2
        error = capsys.readouterr().err
        assert error.startswith("error: ")
        assert len(error.splitlines()) == 1
        assert message in error
    assert not (folder / "out").exists()


def test_the_file_is_a_command(repository: Path) -> None:
    command = [sys.executable, str(repository / "visualization" / "plot_coco.py"), "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "--prediction" in done.stdout


def test_ranking_follows_oks(folder: Path) -> None:
    annotations = json.loads((folder / "gt.json").read_text())
    annotations["annotations"] = annotated_people(annotations, 17, "gt.json")
    results = []
    for index, person in enumerate(annotations["annotations"][:4]):
        rows = np.reshape(person["keypoints"], (17, 3)).astype(float)
        rows[:, 0] += 3.0 * index
        rows[:, 2] = 1.0
        results.append(
            {"image_id": person["image_id"], "category_id": 1, "keypoints": rows.ravel().tolist(), "score": 1}
        )
    pictures = pictures_by_oks(results, annotations, 0.3, SIGMAS, best=3, worst=2)
    assert [picture.name.rsplit("_", 1)[1] for picture in pictures[:3]] == ["1", "3", "4"], "person 2 has no keypoints"
    assert pictures[0].caption == "OKS 1.000"
    assert [picture.caption for picture in pictures[3:]] == ["no prediction of score 0.3 or more"] * 2
    assert pictures_by_image(results, annotations, 1.1) == []
    assert [len(picture.predicted) for picture in pictures_by_image(results, annotations, 0.3)] == [3, 1]


def test_mpii_predictions(
    tmp_path: Path,
    rng: np.random.Generator,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    people = write_tiny_mpii(tmp_path, rng)
    joints = np.array([person["joints"] for person in people])
    write_predictions(tmp_path / "pred.json", [person["image"] for person in people], joints, np.ones((6, 16)))
    files = ["--gt-anno", str(tmp_path / "annot" / "valid.json"), "--image-path", str(tmp_path / "images")]

    def draw(predictions: str, *more: str) -> int:
        words = ["--prediction", str(tmp_path / predictions), *files, "--skeleton", "mpii", *more]
        monkeypatch.setattr(sys, "argv", ["plot_coco.py", *words, "--save-path", str(tmp_path / "out")])
        try:
            run_command(main)
        except SystemExit as end:
            return int(end.code or 0)
        return 0

    assert draw("pred.json", "--skeleton", "coco") == 2
    assert "add --skeleton mpii" in capsys.readouterr().err
    for predictions in ("pred.json", "pred.mat"):
        assert draw(predictions, "--with-gt", "--boxes") == 0
        assert "3 pictures with 6 predicted people" in capsys.readouterr().out
    assert draw("pred.json", "--worst", "2") == 2
    assert "MPII has no areas" in capsys.readouterr().err

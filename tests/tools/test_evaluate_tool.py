"""tools/evaluate.py as people call it."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers.tiny_coco import noisy_predictions, tiny_annotations, written

from lib.core.results import chosen_poses, select_results


@pytest.fixture
def files(tmp_path: Path, rng: np.random.Generator) -> tuple[Path, Path]:
    """An annotation file and a result file."""
    annotations = tiny_annotations(rng)
    preds, boxes, ids = noisy_predictions(rng, annotations, 2.0)
    results = chosen_poses(preds, boxes, ids, select_results(preds, boxes, ids, np.full(17, 0.08))).records()
    return written(tmp_path, "gt.json", annotations), written(tmp_path, "my_net.json", results)


def call(repository: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(repository / "tools" / "evaluate.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_table(repository: Path, files: tuple[Path, Path]) -> None:
    done = call(repository, "--gt", files[0], "--pred", files[1])
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert "on 6 of 6 images" in lines[0]
    assert lines[1].startswith("| Arch | AP |")
    assert lines[3].startswith("| my_net | 0.")


def test_submission(repository: Path, files: tuple[Path, Path], tmp_path: Path) -> None:
    images = json.loads(files[0].read_text())["images"]
    info = written(tmp_path, "image_info.json", {"images": images})
    done = call(repository, "--gt", info, "--pred", files[1])
    assert done.returncode == 0, done.stderr
    assert "is a valid COCO submission" in done.stdout
    few = written(tmp_path, "few.json", {"images": images[:2]})
    done = call(repository, "--gt", few, "--pred", files[1])
    assert done.returncode == 2
    assert "which is not in the image set" in done.stderr


def test_bad_input_is_one_sentence(repository: Path, files: tuple[Path, Path], tmp_path: Path) -> None:
    records = json.loads(files[1].read_text())
    cases = {
        "absent": (tmp_path / "absent.json", "does not exist"),
        "short": (written(tmp_path, "short.json", [{**records[0], "keypoints": [1.0] * 48}]), "48 keypoint numbers"),
        "mapping": (written(tmp_path, "mapping.json", {"results": records}), "must be a list of mappings"),
        "id": (written(tmp_path, "id.json", [{**records[0], "image_id": [7]}]), "not an integer"),
    }
    for path, message in cases.values():
        done = call(repository, "--gt", files[0], "--pred", path)
        assert done.returncode == 2
        assert done.stdout == ""
        assert done.stderr.startswith("error: ")
        assert len(done.stderr.splitlines()) == 1
        assert message in done.stderr
        assert path.name in done.stderr


def test_pckh(repository: Path, golden: Path, tmp_path: Path) -> None:
    truth, predictions = golden / "mpii" / "gt_made.mat", golden / "mpii" / "pred_made.mat"
    done = call(repository, "--gt", truth, "--pred", predictions)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert "head boxes of 9 of 9 people" in lines[0]
    expected = json.loads((golden / "mpii" / "pckh_made.json").read_text())
    assert f"| {expected['Mean@0.5']:.3f} | {expected['Mean@0.11']:.3f} | {expected['Mean@0.1']:.3f} |" in lines[3]
    assert lines[5].startswith("| joint | right_ankle |")
    few = written(tmp_path, "few.json", [{"image": "a.jpg", "joints": [[1, 2]] * 16, "scores": [1] * 16}])
    done = call(repository, "--gt", truth, "--pred", few)
    assert done.returncode == 2
    assert "(1, 16, 2) do not fit" in done.stderr

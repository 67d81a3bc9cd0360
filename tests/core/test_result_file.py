"""Result files: the same content with and without orjson, whole or not there."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers.tiny_coco import noisy_predictions, tiny_annotations

from lib.core import result_file
from lib.core.poses import Poses
from lib.core.result_file import write_results
from lib.core.results import chosen_poses, select_results
from lib.utils.errors import PoseError


@pytest.fixture(params=["orjson", "json"])
def writer(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways to write."""
    if request.param == "orjson":
        pytest.importorskip("orjson")
    else:
        monkeypatch.setitem(sys.modules, "orjson", None)
    return request.param


@pytest.mark.parametrize("block", [1, 7, 1000])
def test_the_file_holds_the_records(
    tmp_path: Path, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch, writer: str, block: int
) -> None:
    monkeypatch.setattr(result_file, "BLOCK", block)
    preds, boxes, ids = noisy_predictions(rng, tiny_annotations(rng), 1.0)
    poses = chosen_poses(preds, boxes, ids, select_results(preds, boxes, ids, np.full(17, 0.08)), 4)
    path = tmp_path / writer / "r.json"
    write_results(path, poses)
    records = json.loads(path.read_text())
    assert records == poses.records()
    assert list(records[0]) == ["image_id", "category_id", "keypoints", "score", "center", "scale"]
    assert isinstance(records[0]["image_id"], int)


def test_every_float_reads_back_equal(tmp_path: Path, rng: np.random.Generator, writer: str) -> None:
    bits = rng.integers(0, 2**64, 3000, dtype=np.uint64).view(np.float64)
    numbers = np.concatenate([bits[np.isfinite(bits)][:2700], [0.0, -0.0, 5e-324, 1.7976931348623157e308, 1e22, 0.1]])
    poses = Poses(np.arange(len(numbers)), 1, np.zeros((len(numbers), 1, 3)), numbers)
    write_results(tmp_path / writer, poses)
    scores = np.array([record["score"] for record in json.loads((tmp_path / writer).read_text())])
    np.testing.assert_array_equal(scores.view(np.int64), numbers.view(np.int64))


def test_no_poses_are_an_empty_list(tmp_path: Path, writer: str) -> None:
    poses = chosen_poses([], [], [], select_results([], [], [], np.full(17, 0.08)))
    write_results(tmp_path / writer, poses)
    assert json.loads((tmp_path / writer).read_text()) == []


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_json_does_not_have_leave_the_old_file(tmp_path: Path, writer: str, value: float) -> None:
    path = tmp_path / f"{writer}.json"
    path.write_text("old")
    keypoints = np.zeros((3, 17, 3))
    keypoints[1, 4, 0] = value
    with pytest.raises(PoseError, match=r"json\.json|orjson\.json.*keypoints has NaN or infinity"):
        write_results(path, Poses(np.arange(3), 1, keypoints, np.ones(3)))
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]

"""What bf16 does to results, on data of dots."""

import json
from pathlib import Path

import pytest
import torch
from helpers.tiny_run import NUM_KEYPOINTS, make_tiny_data, tiny_experiment

from lib.bench import precision
from lib.bench.precision import precision_rows
from lib.bench.settings import BenchSettings
from lib.config import load_config
from lib.core.precision import Precision
from lib.models import build_model
from lib.utils.errors import PoseError


def test_every_way_is_compared_with_eager_float32(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cpu = torch.device("cpu")
    ways = [("eager", Precision(cpu, "bf16")), ("eager", Precision(cpu)), ("openvino", Precision(cpu))]
    monkeypatch.setattr(precision, "_others", lambda _: ways)
    make_runtime = precision.make_runtime

    def without_openvino(name: str, *arguments: object) -> object:
        if name == "openvino":
            raise PoseError("not here.")
        return make_runtime(name, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(precision, "make_runtime", without_openvino)
    experiment = tiny_experiment(tmp_path, make_tiny_data(tmp_path / "data"))
    weights = tmp_path / "weights.pth"
    torch.save(build_model(load_config(experiment)).state_dict(), weights)
    rows = precision_rows(BenchSettings(), load_config(experiment, ["TEST.MODEL_FILE", str(weights)]))
    assert {row.name for row in rows} == {"tiny, 6 people"}
    kinds = ["annotated keypoints", "all keypoints"]
    shifts = [f"{kind}, {measure} shift" for kind in kinds for measure in ("median", "largest")]
    assert [row.way for row in rows[:6]] == [
        "eager, float32",
        "eager, bf16",
        *(f"eager, bf16: {shift}" for shift in shifts),
    ]
    assert len(rows) == 11, "the runtime that is absent is left out"
    assert rows[-1].median == 0
    assert [row.unit for row in rows[:3]] == ["AP", "AP", "px"]


def test_ap_is_that_of_the_keypoint_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "_others", lambda _: [])
    names = [f"dot {index}" for index in range(NUM_KEYPOINTS)]
    experiment = tiny_experiment(
        tmp_path,
        make_tiny_data(tmp_path / "data"),
        # So tolerant that any point in the image is right; COCO's constants would leave AP near 0.
        SKELETON={"NAME": "dots", "NAMES": names, "SIGMAS": [5.0] * NUM_KEYPOINTS},
    )
    weights = tmp_path / "weights.pth"
    torch.save(build_model(load_config(experiment)).state_dict(), weights)
    (row,) = precision_rows(BenchSettings(), load_config(experiment, ["TEST.MODEL_FILE", str(weights)]))
    assert row.median > 0.9


def test_a_set_without_annotations_is_refused(tmp_path: Path) -> None:
    data = make_tiny_data(tmp_path / "data")
    path = data / "annotations" / "person_keypoints_val.json"
    images = json.loads(path.read_text())["images"]
    (data / "image_info.json").write_text(json.dumps({"images": images, "categories": []}))
    experiment = tiny_experiment(tmp_path, data, TEST={"USE_GT_BBOX": False})
    weights = tmp_path / "weights.pth"
    torch.save(build_model(load_config(experiment)).state_dict(), weights)
    options = ["TEST.MODEL_FILE", str(weights), "DATASET.TEST_ANNO", str(data / "image_info.json")]
    with pytest.raises(PoseError, match=r"image_info\.json has no annotations, so there is nothing to evaluate"):
        precision_rows(BenchSettings(), load_config(experiment, options))

"""Whole trainings and tests on MPII's format, and the metrics of single points on any."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.tiny_mpii import made_truth, write_people, write_tiny_mpii, write_truth_mat
from helpers.tiny_run import make_tiny_data, tiny_experiment

from lib.config import load_config
from lib.core.mpii_predictions import read_predictions
from lib.core.mpii_truth import read_mpii_truth
from lib.core.pckh import pckh
from lib.run.evaluation import Outcome
from lib.run.test import test as run_test
from lib.run.train import train
from lib.utils.errors import PoseError

pytestmark = pytest.mark.usefixtures("quick_run")


def experiment(folder: Path, root: Path, test_set: str = "valid", **test: Any) -> Path:
    """A tiny network on MPII's joints; boxes of a detector are asked for, as published MPII files do not say."""
    data = {"DATASET": "mpii", "ROOT": str(root), "TRAIN_SET": test_set, "TEST_SET": test_set, "SKELETON": "mpii"}
    options = {"USE_GT_BBOX": False, "COCO_BBOX_FILE": "", **test}
    return tiny_experiment(folder, root, DATASET=data, MODEL={"NUM_JOINTS": 16}, TEST=options)


def trained(path: Path, *overrides: object) -> Outcome:
    """Train an epoch and test the best weights."""
    words = ["TRAIN.END_EPOCH", "1", *map(str, overrides)]
    train(load_config(path, words))
    return run_test(load_config(path, words))


def results(folder: Path) -> Path:
    return next((folder / "output").rglob("results")) / "keypoints_valid_results_0.json"


def test_a_training_is_judged_by_pckh(
    tmp_path: Path, rng: np.random.Generator, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "data"
    people = write_tiny_mpii(root, rng)
    truth_file = write_truth_mat(root / "annot" / "gt_valid.mat", made_truth(rng, people))
    outcome = trained(experiment(tmp_path, root))
    printed = capsys.readouterr().out
    for fact in ("head boxes   of 6 of 6 people", "| Arch | Head | Shoulder |", "Best Mean@0.5:", "6 kept, 0 dropped"):
        assert fact in printed
    predictions = read_predictions(results(tmp_path))
    assert predictions.image_names == tuple(person["image"] for person in people)
    assert outcome.stats == pckh(predictions.joints, read_mpii_truth(truth_file))
    assert np.array_equal(read_predictions(results(tmp_path).with_suffix(".mat")).joints, predictions.joints)
    with (results(tmp_path).parents[1] / "history.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert float(row["Mean@0.5"]) == pytest.approx(outcome.score, abs=1e-6)


def test_without_head_boxes_the_figures_say_so(
    tmp_path: Path, rng: np.random.Generator, capsys: pytest.CaptureFixture[str]
) -> None:
    write_tiny_mpii(tmp_path / "data", rng)
    outcome = trained(experiment(tmp_path, tmp_path / "data"))
    assert outcome.stats is not None
    assert all(name.startswith("segment ") for name in outcome.stats)
    printed = capsys.readouterr().out
    assert "absent from" in printed
    assert "so PCKh cannot be computed" in printed
    assert "Best segment Mean@0.5" in printed


def test_a_set_without_joints_is_predicted(
    tmp_path: Path, rng: np.random.Generator, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "data"
    people = write_tiny_mpii(root, rng)
    path = experiment(tmp_path, root)
    trained(path)
    write_people(root, [{key: person[key] for key in ("image", "center", "scale")} for person in people], "test")
    outcome = run_test(load_config(path, ["DATASET.TEST_SET", "test"]))
    assert outcome.stats is None
    assert outcome.num_results == 6
    assert "no truth here" in capsys.readouterr().out
    with pytest.raises(PoseError, match="no epoch could be judged"):
        train(load_config(path, ["DATASET.TEST_SET", "test", "TRAIN.END_EPOCH", "2"]))


def test_every_point_metric_on_coco_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = make_tiny_data(tmp_path / "data")
    options = {"METRICS": ["EPE", "PCK", "AUC", "NME", "AP"], "NME_KEYPOINTS": [5, 6]}
    path = tiny_experiment(tmp_path, data, TEST=options)
    outcome = trained(path)
    assert outcome.stats is not None
    assert list(outcome.stats)[:5] == ["EPE", "PCK@0.2", "AUC", "NME", "AP"]
    assert outcome.score == -outcome.stats["EPE"]
    printed = capsys.readouterr().out
    assert f"Best EPE: {outcome.stats['EPE']:.4f}" in printed
    assert "mean distance by the distance of left_shoulder and right_shoulder" in printed
    found = json.loads(next((tmp_path / "output").rglob("keypoints_val_results_0.json")).read_text())
    assert len(found) == outcome.num_results == 6
    truth = json.loads((data / "annotations" / "person_keypoints_val.json").read_text())["annotations"]
    place = {person["image_id"]: np.reshape(person["keypoints"], (-1, 3))[:, :2] for person in truth}
    errors = [np.reshape(one["keypoints"], (-1, 3))[:, :2] - place[one["image_id"]] for one in found]
    assert outcome.stats["EPE"] == pytest.approx(np.linalg.norm(errors, axis=2).mean(), rel=1e-5)


@pytest.mark.parametrize(
    ("metrics", "overrides", "message"),
    [
        ("[PCKh]", (), "PCKh, which needs MPII's head boxes, but DATASET.DATASET is coco"),
        ("[PCK]", ("TEST.USE_GT_BBOX", "False"), r"PCK@0\.2, which needs the true keypoints.*TEST\.USE_GT_BBOX True"),
        ("[XYZ]", (), "different names out of AP"),
        ("[AP, AP]", (), "different names out of AP"),
    ],
)
def test_a_metric_that_cannot_be_measured_is_refused(
    tmp_path: Path, metrics: str, overrides: tuple[str, ...], message: str
) -> None:
    path = tiny_experiment(tmp_path, make_tiny_data(tmp_path / "data"))
    with pytest.raises(PoseError, match=message):
        train(load_config(path, ["TEST.METRICS", metrics, *overrides]))


def test_oks_on_mpii_is_refused(tmp_path: Path, rng: np.random.Generator) -> None:
    write_tiny_mpii(tmp_path / "data", rng)
    with pytest.raises(PoseError, match="MPII has no areas for OKS"):
        train(load_config(experiment(tmp_path, tmp_path / "data"), ["TEST.METRICS", "[AP]"]))


def test_the_real_sample(tmp_path: Path, shared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = shared / "mpii-sample"
    if not root.is_dir():
        pytest.skip("no mpii-sample in the shared folder")
    outcome = trained(experiment(tmp_path, root, "test_mpii", METRICS=["PCKh", "PCK", "EPE"]))
    assert outcome.num_results == 5
    assert outcome.stats is not None
    assert "segment Mean@0.5" in outcome.stats
    assert "so PCKh cannot be computed" in capsys.readouterr().out

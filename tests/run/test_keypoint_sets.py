"""COCO-WholeBody, CrowdPose and hands from annotation files to figures: a name and a YAML file are enough."""

import json
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.keypoint_sets import make_set_data, set_experiment

from lib.config import load_config
from lib.core.inference import Predictions
from lib.dataset import build_dataset
from lib.dataset.build import check_dataset
from lib.run.judges.base import Verdict
from lib.run.judges.choose import judged_by, make_judges
from lib.run.setup import set_up
from lib.run.test import test as run_test
from lib.run.train import train
from lib.skeletons import Skeleton, load_skeleton
from lib.utils.cli import run_command
from lib.utils.coco_files import read_results
from lib.utils.errors import PoseError
from visualization.plot_coco import main as plot

pytestmark = pytest.mark.usefixtures("quick_run")

SETS = {name: load_skeleton(name) for name in ("coco_wholebody", "crowdpose", "hand")}
CRITERIA = {
    "coco_wholebody": ["AP", "Ap .5", "body AP", "foot AR", "face AP", "lefthand AP", "righthand AR"],
    "crowdpose": ["AP", "AP .5", "AR .75", "AP (easy)", "AP (medium)"],
    "hand": ["AP", "Ap .5", "AR"],
}


@pytest.fixture(params=SETS)
def skeleton(request: pytest.FixtureRequest) -> Skeleton:
    return SETS[request.param]


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {name: make_set_data(tmp_path_factory.mktemp(name) / "data", each) for name, each in SETS.items()}


@pytest.fixture
def experiment(places: dict[str, Path], skeleton: Skeleton, tmp_path: Path) -> Iterator[Path]:
    return set_experiment(tmp_path, places[skeleton.name], skeleton)


def verdict(experiment: Path, noise: float, result_file: Path | None = None) -> Verdict:
    """What the judge says of decoded targets, their keypoints moved by `noise` pixels of the crop."""
    setup = set_up(load_config(experiment, ["TEST.DECODER", "exact"]))
    dataset, codec = build_dataset(setup.cfg, is_train=False), setup.codec
    sample = dataset.batch(0, np.arange(len(dataset)))
    heatmaps, _ = codec.encode(sample.input_keypoints, sample.visible)
    points, scores = codec.decode(heatmaps)
    points = points + noise * torch.from_numpy(np.random.default_rng(5).normal(size=points.shape)).to(points)
    image_points = codec.to_image(points, sample.center, sample.scale)
    predictions = Predictions(sample.index.numpy(), image_points.numpy(), scores.numpy())
    return judged_by(make_judges(setup, dataset), predictions, dataset, result_file)


def test_decoded_targets_are_perfect_and_noise_is_not(experiment: Path, skeleton: Skeleton) -> None:
    perfect, moved = verdict(experiment, 0.0).stats, verdict(experiment, 1.5).stats
    assert perfect is not None
    assert moved is not None
    assert set(CRITERIA[skeleton.name]) <= perfect.keys()
    assert next(iter(perfect)) == "AP"
    assert [value for value in perfect.values() if value not in (-1, pytest.approx(1.0))] == []
    assert moved["AP"] < 0.9


def test_hands_are_measured_in_points_as_well(places: dict[str, Path], tmp_path: Path) -> None:
    metrics = {"METRICS": ["AUC", "PCK", "EPE"], "DECODER": "exact"}
    outcome = []
    for noise in (0.0, 1.5):
        experiment = set_experiment(tmp_path, places["hand"], SETS["hand"], TEST=metrics)
        outcome.append(verdict(experiment, noise).stats or {})
    perfect, moved = outcome
    assert list(perfect) == ["AUC", "PCK@0.2", "EPE"]
    assert perfect["PCK@0.2"] == 1
    assert perfect["EPE"] < 0.01
    assert moved["AUC"] < perfect["AUC"]
    assert moved["EPE"] > 1


def test_mirrored_targets_come_back(experiment: Path, skeleton: Skeleton) -> None:
    cfg = load_config(experiment)
    dataset = build_dataset(cfg, is_train=False)
    sample, codec = dataset.batch(0, np.arange(2)), dataset.codec
    order, (width, _) = list(skeleton.flip_permutation), codec.input_size_wh
    mirrored = sample.input_keypoints[:, order].clone()
    mirrored[..., 0] = width - 1 - mirrored[..., 0]
    plain, weights = codec.encode(sample.input_keypoints, sample.visible)
    flipped, _ = codec.encode(mirrored, sample.visible[:, order])
    shown = weights > 0
    torch.testing.assert_close(codec.flip_back(flipped)[shown], plain[shown], atol=2e-4, rtol=0)


def test_the_check_finds_no_fault(experiment: Path) -> None:
    for is_train in (True, False):
        report = check_dataset(load_config(experiment), is_train, lambda items, _: items)
        assert report.num_faults == 0, report.lines
        assert "5 people used" in report.lines[1]


def test_training_testing_and_drawing(
    experiment: Path, skeleton: Skeleton, places: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(load_config(experiment))
    outcome = run_test(load_config(experiment))
    assert outcome.stats is not None
    assert set(CRITERIA[skeleton.name]) <= outcome.stats.keys()
    (file,) = (tmp_path / "output").rglob("keypoints_val_results_0.json")
    record = read_results(file)[0]
    counts = {name: len(record[name]) // 3 for name, _ in skeleton.fields or [("keypoints", 0)]}
    assert counts == (dict(skeleton.fields) or {"keypoints": skeleton.num_keypoints})
    data = places[skeleton.name]
    words = ["--prediction", file, "--gt-anno", data / "annotations" / "person_keypoints_val.json"]
    words += ["--image-path", data / "images" / "val", "--save-path", tmp_path / "out", "--skeleton", skeleton.name]
    monkeypatch.setattr(
        sys, "argv", ["plot_coco.py", *map(str, words), "--score-thr", "-1", "--with-gt", "--worst", "2"]
    )
    run_command(plot)
    assert len(list((tmp_path / "out").iterdir())) == 2


def test_the_result_file_gives_the_same_figures(
    experiment: Path,
    skeleton: Skeleton,
    places: dict[str, Path],
    tmp_path: Path,
    repository: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    said = verdict(experiment, 0.7, tmp_path / "results.json")
    words = ["--gt", places[skeleton.name] / "annotations" / "person_keypoints_val.json"]
    words += ["--pred", tmp_path / "results.json", "--skeleton", skeleton.name]
    monkeypatch.setattr(sys, "argv", ["evaluate.py", *map(str, words)])
    runpy.run_path(str(repository / "tools" / "evaluate.py"), run_name="__main__")
    (table,) = said.tables
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1].split("|")[2:] == table.splitlines()[-1].split("|")[2:]
    assert ("crowd index easy below 0.2, hard from 0.8 on" in lines[0]) is (skeleton.name == "crowdpose")


def test_metrics_that_do_not_fit_are_refused_at_the_start(places: dict[str, Path], tmp_path: Path) -> None:
    hand = set_experiment(tmp_path, places["hand"], SETS["hand"], TEST={"METRICS": ["WholeBodyAP"]})
    with pytest.raises(PoseError, match="the keypoint set names as fields, and hand has none"):
        train(load_config(hand))
    hand = set_experiment(tmp_path, places["hand"], SETS["hand"], TEST={"METRICS": ["CrowdAP"]})
    with pytest.raises(PoseError, match=r"3 images of .* have no crowdIndex"):
        train(load_config(hand))
    assert not (tmp_path / "output").exists()


def test_a_set_written_into_the_experiment(places: dict[str, Path], tmp_path: Path) -> None:
    """Fields and areas from boxes work without a file of their own; the saved configuration is the same."""
    whole = SETS["coco_wholebody"]
    section: dict[str, Any] = {
        "NAME": "mine",
        "NAMES": list(whole.names),
        "FLIP_PAIRS": [list(pair) for pair in whole.flip_pairs],
        "FIELDS": [list(field) for field in whole.fields],
        "BOX_AREA": 0.4,
    }
    experiment = set_experiment(
        tmp_path, places[whole.name], whole, DATASET={"DATASET": "mine"}, SKELETON=section, TEST={"METRICS": ["AP"]}
    )
    setup = set_up(load_config(experiment))
    assert setup.skeleton.form.fields == whole.fields
    records = build_dataset(setup.cfg, is_train=False).records
    content = json.loads((places[whole.name] / "annotations" / "person_keypoints_val.json").read_text())
    areas = {person["id"]: person["bbox"][2] * person["bbox"][3] * 0.4 for person in content["annotations"]}
    np.testing.assert_allclose(records.area, [areas[number] for number in records.annotation_id.tolist()])
    train(load_config(experiment))
    outcome = run_test(load_config(experiment))
    assert list(outcome.stats or {})[:2] == ["AP", "Ap .5"]
    stored = load_skeleton(str(next((tmp_path / "output").rglob("skeleton.yaml"))))
    assert stored == setup.skeleton

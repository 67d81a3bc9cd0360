"""Estimates of all people in pictures equal those of a test on the same files."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.infer_runs import run_inputs
from helpers.tiny_groups import group_experiment, make_group_data, raise_heatmaps
from helpers.tiny_weights import save_random_weights

from lib.config import load_config
from lib.core.build import build_group_test, build_suppression
from lib.core.group_inference import GroupPredictions, predict_groups
from lib.dataset import build_loader, build_test_dataset
from lib.detectors import BoxFile
from lib.estimator import Estimator
from lib.run.estimator import make_estimator
from lib.run.infer.locate import FromFile, NoBoxes
from lib.run.judges.group import found_poses
from lib.run.setup import Setup, set_up
from lib.run.weights import load_trained
from lib.utils.errors import PoseError
from lib.utils.image import read_image
from lib.utils.people import Boxes
from visualization.people_pictures import DrawingOptions
from visualization.raster import save_image

SETTINGS = {
    "ae": (),
    "ae_udp": ("MODEL.CODEC", "ae_udp"),
    "scales": ("TEST.SCALE_FACTOR", "[2, 1, 0.5]"),
    "bgr": ("DATASET.COLOR_RGB", "False", "TEST.FLIP_TEST", "False"),
    "small maps": ("TEST.PROJECT2IMAGE", "False"),
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_group_data(tmp_path_factory.mktemp("groups") / "data")


def _make(folder: Path, data: Path, *overrides: str) -> tuple[Setup, Estimator]:
    experiment = group_experiment(folder, data)
    weights = raise_heatmaps(save_random_weights(experiment, folder / "w.pth", *overrides))
    setup = set_up(load_config(experiment, [*overrides, "TEST.MODEL_FILE", str(weights)]))
    return setup, make_estimator(setup, load_trained(setup))


def _pictures(data: Path) -> list[np.ndarray]:
    return [read_image(data / "images" / "val" / f"{1000 + number}.png") for number in range(4)]


def _tested(setup: Setup) -> GroupPredictions:
    loader = build_loader(setup.cfg, build_test_dataset(setup.cfg), is_train=False)
    model = load_trained(setup).model
    return predict_groups(model, setup.codec, loader, setup.prepare, build_group_test(setup.cfg))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", SETTINGS)
def test_equals_the_test_loop(data: Path, tmp_path: Path, name: str) -> None:
    setup, estimator = _make(tmp_path, data, *SETTINGS[name])
    expected = _tested(setup)
    found = estimator(_pictures(data))
    assert len(found) == 4
    assert sum(len(one.people) for one in found) == len(expected.index) > 4
    for number, one in enumerate(found):
        rows = np.flatnonzero(expected.index == number)
        order = rows[np.argsort(-expected.person_scores[rows], kind="stable")]
        np.testing.assert_allclose(one.people.scores, expected.person_scores[order], rtol=1e-5)
        np.testing.assert_allclose(one.people.keypoints, expected.with_scores()[order], rtol=1e-5, atol=1e-4)


def test_boxes_are_the_extents_of_what_was_grouped(data: Path, tmp_path: Path) -> None:
    """Keypoints that were filled in by their tags lie anywhere with random weights."""
    setup, estimator = _make(tmp_path, data, "TEST.DETECTION_THRESHOLD", "0.3")
    expected = _tested(setup)
    rows = np.flatnonzero(expected.index == 0)
    rows = rows[np.argsort(-expected.person_scores[rows], kind="stable")]
    assert expected.refined[rows].any()
    people = estimator(_pictures(data)[:1])[0].people
    for box, row in zip(people.boxes.xywh, rows, strict=True):
        points = expected.image_keypoints[row][expected.raw_scores[row] > 0]
        sides = np.maximum(np.ptp(points, axis=0), 1.0)
        np.testing.assert_allclose(box, [*points.min(axis=0), *sides], atol=1e-3)
    np.testing.assert_array_equal(people.boxes.scores, people.scores)
    assert (np.diff(people.scores) <= 0).all()


def test_batches_are_as_large_as_the_experiment_says(data: Path, tmp_path: Path) -> None:
    pictures, shapes = _pictures(data)[:1] * 5, {}
    for batch_size in ("1", "2"):
        _, estimator = _make(tmp_path, data, "TEST.BATCH_SIZE_PER_GPU", batch_size)
        seen = shapes.setdefault(batch_size, [])
        network = estimator._network  # type: ignore[attr-defined]
        network.register_forward_pre_hook(lambda _, inputs, seen=seen: seen.append(len(inputs[0])))
        assert len(estimator(pictures)) == 5
    assert {size: sum(seen) for size, seen in shapes.items()} == {"1": 10, "2": 10}, "each picture and its mirror image"
    assert max(shapes["1"]) == 2
    assert max(shapes["2"]) == 4


def test_results_serve_as_boxes(data: Path, tmp_path: Path) -> None:
    """Also those of people of a single keypoint."""
    _, talkative = _make(tmp_path, data, "TEST.REFINE", "False")
    scores = np.concatenate([one.people.keypoints[..., 2].ravel() for one in talkative(_pictures(data))])
    threshold = ("TEST.DETECTION_THRESHOLD", str(np.unique(scores)[-2]))
    _, estimator = _make(tmp_path, data, *threshold, "TEST.REFINE", "False")
    counts = run_inputs(tmp_path / "out", data / "images" / "val", locator=NoBoxes(), estimator=estimator)
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert min(sum(score > 0 for score in one["keypoints"][2::3]) for one in results) == 1
    file = BoxFile(tmp_path / "out" / "results.json", tmp_path / "out" / "images.json")
    again = run_inputs(tmp_path / "again", data / "images" / "val", locator=FromFile(file))
    assert again.people == counts.people


@pytest.mark.parametrize("name", ["ae", "ae_udp", "small maps"])
def test_heat_lies_where_the_keypoints_are(data: Path, tmp_path: Path, name: str) -> None:
    _, estimator = _make(tmp_path, data, *SETTINGS[name], "TEST.ADJUST", "False", "TEST.REFINE", "False")
    (found,) = estimator(_pictures(data)[:1], with_heat=True)
    assert found.heat is not None
    heat, keypoints = found.heat.maps[0], found.people.keypoints.reshape(-1, 3)
    row, column = np.unravel_index(heat.argmax(), heat.shape)
    peak = found.heat.to_image[0] @ [column, row, 1.0]
    assert keypoints[:, 2].max() == pytest.approx(heat.max(), abs=1e-5)
    assert np.hypot(*(keypoints[:, :2] - peak).T).min() < 1e-3


def test_files_of_a_run(data: Path, tmp_path: Path) -> None:
    _, estimator = _make(tmp_path, data)
    counts = run_inputs(tmp_path / "out", data / "images" / "val", locator=NoBoxes(), estimator=estimator)
    assert (counts.frames, counts.failures) == (4, [])
    assert counts.people == sum(len(one.people) for one in estimator(_pictures(data)))
    assert len(list((tmp_path / "out" / "pictures").iterdir())) == 4


@pytest.mark.parametrize("rule", [("TEST.OKS_THRE", "0.05"), ("TEST.OKS_THRE", "0.05", "TEST.SOFT_NMS", "True")])
def test_suppression_is_that_of_the_test(data: Path, tmp_path: Path, rule: tuple[str, ...]) -> None:
    """Random weights find many people in one place."""
    setup, estimator = _make(tmp_path, data, *rule)
    dataset = build_test_dataset(setup.cfg)
    poses = found_poses(_tested(setup), dataset.records, 1, build_suppression(setup.cfg))  # type: ignore[arg-type]
    found, everybody = estimator(_pictures(data)), estimator(_pictures(data), suppress=False)
    assert sum(len(one.people) for one in found) == len(poses) < sum(len(one.people) for one in everybody)
    for image_id, one in zip(dataset.records.image_id.tolist(), found, strict=True):
        scores = np.sort(poses.scores[poses.image_ids == image_id])[::-1]
        np.testing.assert_allclose(one.people.scores, scores, rtol=1e-5)


def test_long_thin_pictures_are_refused_and_left_out(
    data: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    _, estimator = _make(tmp_path, data)
    thin = np.full((1, 1000, 3), 90, np.uint8)
    with pytest.raises(PoseError, match=r"a picture of 1000x1 pixels becomes an input with a side of 64000 px"):
        estimator([thin])
    folder = tmp_path / "in"
    folder.mkdir()
    save_image(folder / "a.png", thin)
    save_image(folder / "b.png", _pictures(data)[0])
    counts = run_inputs(tmp_path / "out", folder, locator=NoBoxes(), estimator=estimator)
    assert (counts.frames, len(counts.failures)) == (1, 1)
    assert "a.png: a picture of 1000x1 pixels" in caplog.text


def test_people_of_hardly_any_score_are_not_drawn(data: Path, tmp_path: Path) -> None:
    """Grouping finds many people of hardly any score."""
    _, estimator = _make(tmp_path, data)
    picture = tmp_path / "a.png"
    save_image(picture, _pictures(data)[0])
    highest = float(estimator([read_image(picture)])[0].people.keypoints[..., 2].max())
    best = float(estimator([read_image(picture)])[0].people.scores.max())
    for options, drawn in (
        (DrawingOptions(kpt_threshold=highest + 0.01), False),
        (DrawingOptions(kpt_threshold=highest - 0.01), True),
        (DrawingOptions(kpt_threshold=highest - 0.01, score_threshold=best + 0.01), False),
        (DrawingOptions(kpt_threshold=0, score_threshold=best - 0.01), True),
    ):
        run_inputs(tmp_path / "out", picture, locator=NoBoxes(), estimator=estimator, drawing=options)
        found = read_image(tmp_path / "out" / "pictures" / "a.png")
        assert (found != read_image(picture)).any() == drawn


def test_sizes_nobody_expects(data: Path, tmp_path: Path) -> None:
    _, estimator = _make(tmp_path, data)
    pictures = [np.full((*shape, 3), 90, np.uint8) for shape in ((1, 1), (1, 40), (33, 47))]
    assert [np.isfinite(one.people.keypoints).all() for one in estimator(pictures)] == [True] * 3
    assert estimator([]) == []


def test_bad_input_is_one_sentence(data: Path, tmp_path: Path) -> None:
    _, estimator = _make(tmp_path, data)
    with pytest.raises(PoseError, match="leave the boxes out"):
        estimator(_pictures(data)[:1], [Boxes.none()])
    with torch.no_grad():
        next(estimator._network.parameters()).fill_(torch.nan)  # type: ignore[attr-defined]
    with pytest.raises(PoseError, match="NaN or infinite"):
        estimator(_pictures(data)[:1])

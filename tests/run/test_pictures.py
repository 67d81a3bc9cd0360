"""Pictures of batches show the network's crops, poses and maps."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from helpers.tiny_run import make_tiny_data, tiny_experiment

from lib.config import load_config
from lib.core.hooks import StepReport
from lib.dataset import build_dataset, build_loader
from lib.run.pictures import MAX_PEOPLE, BatchPictures, save_debug_pictures
from lib.run.setup import Setup, set_up


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_data(tmp_path_factory.mktemp("tiny") / "data", val=MAX_PEOPLE + 1)


def _setup(folder: Path, data: Path, *overrides: object) -> Setup:
    return set_up(load_config(tiny_experiment(folder, data), [str(word) for word in overrides]))


def _report(setup: Setup) -> StepReport:
    """A batch whose outputs are its targets."""
    loader = build_loader(setup.cfg, build_dataset(setup.cfg, is_train=False), is_train=False)
    batch = next(iter(loader))
    targets, _ = setup.codec.encode(batch.input_keypoints, batch.visible)
    return StepReport(1, batch, setup.prepare(batch.image), targets, targets)


@pytest.mark.parametrize("target", ["gaussian", "offset"])
def test_a_perfect_answer_looks_like_its_target(data: Path, tmp_path: Path, target: str) -> None:
    options = ("MODEL.TARGET_TYPE", target, "TEST.DECODER", "exact", "TEST.BATCH_SIZE_PER_GPU", 99)
    setup = _setup(tmp_path, data, *options)
    report = _report(setup)
    assert len(report.batch.image) > MAX_PEOPLE
    pictures = BatchPictures(setup, report)
    crops = report.batch.image[:MAX_PEOPLE].permute(0, 2, 3, 1).numpy()
    true_poses, found_poses = pictures.targets().astype(int), pictures.predictions().astype(int)
    assert true_poses.shape[1] >= MAX_PEOPLE * crops.shape[2]
    assert np.abs(true_poses - found_poses).mean() < 0.5, "decoded poses lie on the true ones"
    np.testing.assert_array_equal(pictures.target_heatmaps(), pictures.predicted_heatmaps())


def test_stored_channel_order_does_not_change_colours(data: Path, tmp_path: Path) -> None:
    drawn = []
    for color_rgb in (True, False):
        setup = _setup(tmp_path, data, "DATASET.COLOR_RGB", color_rgb)
        drawn.append(BatchPictures(setup, _report(setup)).targets())
    np.testing.assert_array_equal(*drawn)


def test_people_without_truth_are_drawn_whole(data: Path, tmp_path: Path) -> None:
    setup = _setup(tmp_path, data)
    report = _report(setup)
    bare = report.batch._replace(visible=torch.zeros_like(report.batch.visible))
    with_truth = BatchPictures(setup, report).predictions()
    without = BatchPictures(setup, replace(report, batch=bare)).predictions()
    np.testing.assert_array_equal(with_truth, without)
    blank = BatchPictures(setup, replace(report, batch=bare)).targets()
    assert not np.array_equal(blank, with_truth)


def test_debug_asks_for_each_picture_by_name(data: Path, tmp_path: Path) -> None:
    setup = _setup(tmp_path, data, "DEBUG.DEBUG", True, "DEBUG.SAVE_HEATMAPS_PRED", True)
    save_debug_pictures(setup, _report(setup), tmp_path / "debug" / "val_1")
    (file,) = (tmp_path / "debug").iterdir()
    assert file.name == "val_1_hm_pred.jpg"
    assert cv2.imread(str(file)).shape[1] > 18 * 16
    silent = _setup(tmp_path, data, "DEBUG.SAVE_HEATMAPS_PRED", True)
    save_debug_pictures(silent, _report(silent), tmp_path / "none" / "val_1")
    assert not (tmp_path / "none").exists(), "DEBUG.DEBUG is the main switch"

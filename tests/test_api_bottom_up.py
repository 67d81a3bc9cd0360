"""The estimator that people's own programs use, with networks that see whole pictures."""

from pathlib import Path

import numpy as np
import pytest
from helpers.tiny_groups import group_experiment, make_group_data, raise_heatmaps
from helpers.tiny_weights import save_random_weights

from lib.api import PoseEstimator
from lib.run.detector import DetectorSettings
from lib.utils.errors import PoseError


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures in data/images/val and the weights w.pth."""
    return tmp_path_factory.mktemp("bottom_up")


@pytest.fixture(scope="module")
def experiment(folder: Path) -> Path:
    path = group_experiment(folder, make_group_data(folder / "data"))
    raise_heatmaps(save_random_weights(path, folder / "w.pth"))
    return path


def test_everybody_is_found_without_boxes(experiment: Path, folder: Path) -> None:
    estimator = PoseEstimator(experiment, folder / "w.pth")
    file = folder / "data" / "images" / "val" / "1000.png"
    result = estimator(file)
    assert len(result) > 1
    assert result.keypoints.shape == (len(result), 17, 2)
    np.testing.assert_array_equal([record["box"] for record in result.records()], result.boxes)
    assert [one.size_wh for one in estimator([file, file])] == [result.size_wh] * 2


def test_people_are_suppressed_as_the_experiment_says(experiment: Path, folder: Path) -> None:
    file = folder / "data" / "images" / "val" / "1000.png"
    everybody = PoseEstimator(experiment, folder / "w.pth")(file)
    fewer = PoseEstimator(experiment, folder / "w.pth", overrides=["TEST.OKS_THRE", "0.05"])(file)
    assert 0 < len(fewer) < len(everybody)


def test_boxes_and_detectors_are_refused(experiment: Path, folder: Path) -> None:
    for detector in ("full-frame", "ssdlite", DetectorSettings("auto")):
        with pytest.raises(PoseError, match="leave the detector out"):
            PoseEstimator(experiment, folder / "w.pth", detector=detector)
    with pytest.raises(PoseError, match="leave the boxes out"):
        PoseEstimator(experiment, folder / "w.pth")(np.zeros((40, 40, 3), np.uint8), boxes=[[0, 0, 9, 9]])


def test_overrides_are_a_list(experiment: Path) -> None:
    with pytest.raises(PoseError, match="flat list"):
        PoseEstimator(experiment, overrides={"TEST.FLIP_TEST": "False"})  # type: ignore[arg-type]

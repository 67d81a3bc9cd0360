"""Estimates for pictures in memory equal those of a test on the same files."""

from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.tiny_run import make_tiny_data, tiny_experiment
from helpers.tiny_weights import save_random_weights

from lib.config import load_config
from lib.core.inference import predict
from lib.core.results import select_results
from lib.dataset import build_dataset, build_loader
from lib.estimator import Estimator
from lib.run.estimator import make_estimator
from lib.run.judges.coco import box_rows
from lib.run.setup import Setup, set_up
from lib.run.weights import load_trained
from lib.utils.errors import PoseError
from lib.utils.image import read_image
from lib.utils.people import Boxes

DETECTED = ("TEST.USE_GT_BBOX", "False", "TEST.BATCH_SIZE_PER_GPU", "4")
CODECS = {
    "udp": (),
    "dark": ("MODEL.CODEC", "dark"),
    "msra": ("MODEL.CODEC", "msra", "TEST.SHIFT_HEATMAP", "True"),
    "bgr": ("DATASET.COLOR_RGB", "False"),
    "offset": ("MODEL.TARGET_TYPE", "offset"),
    "no_flip": ("TEST.FLIP_TEST", "False"),
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_data(tmp_path_factory.mktemp("tiny") / "data")


def _make(folder: Path, data: Path, *overrides: str) -> tuple[Setup, Estimator]:
    experiment = tiny_experiment(folder, data)
    weights = save_random_weights(experiment, folder / "w.pth", *overrides)
    setup = set_up(load_config(experiment, [*DETECTED, *overrides, "TEST.MODEL_FILE", str(weights)]))
    return setup, make_estimator(setup, load_trained(setup))


def _pictures_and_boxes(setup: Setup, data: Path) -> tuple[list[np.ndarray], list[Boxes]]:
    records = build_dataset(setup.cfg, is_train=False).records
    pictures = [read_image(data / "images" / "val" / f"{1000 + number}.png") for number in range(6)]
    boxes = [Boxes.of([[10.0, 9.0, 62.0, 60.0]], [0.9 - 0.05 * number]) for number in range(6)]
    assert len(records) == 6
    return pictures, boxes


@pytest.mark.parametrize("name", CODECS)
def test_equals_the_test_loop(data: Path, tmp_path: Path, name: str) -> None:
    setup, estimator = _make(tmp_path, data, *CODECS[name])
    pictures, boxes = _pictures_and_boxes(setup, data)
    dataset = build_dataset(setup.cfg, is_train=False)
    loader = build_loader(setup.cfg, dataset, is_train=False)
    network = load_trained(setup).model
    expected = predict(network, setup.codec, loader, setup.prepare, flip_test=setup.cfg.TEST.FLIP_TEST).with_scores()

    found = estimator(pictures, boxes, suppress=False)

    # Both batch the six people alike, so that even near ties of random weights fall the same way.
    np.testing.assert_allclose(np.concatenate([one.people.keypoints for one in found]), expected, atol=1e-4)
    selected = select_results(
        expected, box_rows(dataset.records), dataset.records.image_id, setup.skeleton.sigmas_array
    )
    scores = np.empty(6)
    scores[selected.indices] = selected.scores
    np.testing.assert_allclose([one.people.scores[0] for one in found], scores, rtol=1e-5)


def test_people_of_several_pictures_share_batches(data: Path, tmp_path: Path) -> None:
    setup, estimator = _make(tmp_path, data)
    pictures, boxes = _pictures_and_boxes(setup, data)
    several = [Boxes.of(np.repeat(own.xywh, 3, axis=0) + np.arange(3.0)[:, None]) for own in boxes]
    several[2] = Boxes.none()
    sizes: list[int] = []
    network = estimator._network  # type: ignore[attr-defined]
    network.register_forward_hook(lambda _module, inputs, _output: sizes.append(len(inputs[0])))

    found = estimator(pictures, several, suppress=False)

    assert sizes == [8, 8, 8, 6]  # 15 people, 4 a batch, each with its mirror image
    assert [len(one.people) for one in found] == [3, 3, 0, 3, 3, 3]
    alone = [estimator([picture], [own], suppress=False)[0] for picture, own in zip(pictures, several, strict=True)]
    for one, other in zip(found, alone, strict=True):
        np.testing.assert_allclose(one.people.scores, other.people.scores, rtol=1e-4)
        np.testing.assert_array_equal(one.people.boxes.xywh, other.people.boxes.xywh)


def test_the_weaker_of_two_poses_of_a_person_is_left_out(data: Path, tmp_path: Path) -> None:
    setup, estimator = _make(tmp_path, data)
    pictures, boxes = _pictures_and_boxes(setup, data)
    twice = Boxes.of(np.repeat(boxes[0].xywh, 2, axis=0), [0.3, 0.8])
    both = estimator(pictures[:1], [twice], suppress=False)[0].people
    kept = estimator(pictures[:1], [twice], suppress=True)[0].people
    assert (len(both), len(kept)) == (2, 1)
    assert kept.boxes.scores[0] == 0.8
    assert setup.cfg.TEST.OKS_THRE == 0.9


def test_heat_lies_where_the_keypoints_are(data: Path, tmp_path: Path) -> None:
    setup, estimator = _make(tmp_path, data, "TEST.DECODER", "argmax")
    pictures, boxes = _pictures_and_boxes(setup, data)
    found = estimator(pictures[:1], boxes[:1], suppress=False, with_heat=True)[0]
    assert found.heat is not None
    (heat,) = found.heat.maps
    row, column = np.unravel_index(heat.argmax(), heat.shape)
    peak = found.heat.to_image[0] @ [column, row, 1.0]
    (keypoints,) = found.people.keypoints
    assert keypoints[:, 2].max() == pytest.approx(heat.max(), abs=1e-5)
    assert np.hypot(*(keypoints[:, :2] - peak).T).min() < 1e-3
    assert estimator(pictures[:1], boxes[:1])[0].heat is None


@pytest.mark.parametrize("codec", ["udp", "dark", "msra"])
def test_small_pictures_and_boxes(data: Path, tmp_path: Path, codec: str) -> None:
    _, estimator = _make(tmp_path, data, "MODEL.CODEC", codec)
    pixel = np.full((1, 1, 3), 200, np.uint8)
    tiny = Boxes.of([[0, 0, 1, 1], [0, 0, 0.001, 0.001], [-50, 20, 1e4, 3]])
    (found,) = estimator([pixel], [tiny], suppress=False, with_heat=True)
    assert len(found.people) == 3
    assert np.isfinite(found.people.keypoints).all()


def test_nobody_and_nothing(data: Path, tmp_path: Path) -> None:
    _, estimator = _make(tmp_path, data)
    (found,) = estimator([np.zeros((8, 9, 3), np.uint8)], [Boxes.none()])
    assert len(found.people) == 0
    assert found.people.keypoints.shape == (0, 17, 3)
    assert estimator([], []) == []


def test_bad_input_is_one_sentence(data: Path, tmp_path: Path) -> None:
    _, estimator = _make(tmp_path, data)
    picture = np.zeros((8, 9, 3), np.uint8)
    with pytest.raises(PoseError, match="no width or height"):
        estimator([picture], [Boxes.of([[1, 1, 0, 5]])])
    with pytest.raises(PoseError, match="boxes of every picture"):
        estimator([picture])
    with torch.no_grad():
        next(estimator._network.parameters()).fill_(torch.nan)  # type: ignore[attr-defined]
    with pytest.raises(PoseError, match="NaN or infinite"):
        estimator([picture], [Boxes.of([[1, 1, 5, 5]])])

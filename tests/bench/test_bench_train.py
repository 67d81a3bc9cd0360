"""The plain training step makes the targets, the loss and the weights that ours makes."""

from copy import deepcopy

import numpy as np
import pytest
import torch
from helpers.codecs import make_codec
from helpers.small_models import ThreeLayers

from lib.bench.plain_train import plain_loss, plain_step, plain_targets
from lib.bench.settings import BenchSettings
from lib.bench.train import Case, measure_training, our_step
from lib.core.loss import HeatmapLoss
from lib.core.precision import Precision
from lib.utils.device import has_amx

INPUT_WH, HEATMAP_WH = (64, 96), (16, 24)


def _case(rng: np.random.Generator, people: int = 3) -> Case:
    codec = make_codec("msra", input_size_wh=INPUT_WH, heatmap_size_wh=HEATMAP_WH)
    # Some keypoints lie off the map, some so that only a part of their Gaussian is on it.
    keypoints = rng.uniform((-40, -40), (INPUT_WH[0] + 40, INPUT_WH[1] + 40), (people, 17, 2)).astype(np.float32)
    visible = (rng.random((people, 17)) < 0.8).astype(np.float32)
    images = torch.from_numpy(rng.standard_normal((people, 3, INPUT_WH[1], INPUT_WH[0]), dtype=np.float32))
    return Case(ThreeLayers(17), codec, HeatmapLoss(), images, keypoints, visible)


def test_plain_targets_are_ours(rng: np.random.Generator) -> None:
    case = _case(rng, people=40)
    made = [plain_targets(*person, HEATMAP_WH, 4, 2) for person in zip(case.keypoints, case.visible, strict=True)]
    heatmaps, weights = (np.stack(part) for part in zip(*made, strict=True))
    expected_heatmaps, expected_weights = case.codec.encode(case.keypoints, case.visible)
    np.testing.assert_array_equal(weights, expected_weights.numpy())
    np.testing.assert_allclose(heatmaps, expected_heatmaps.numpy(), atol=1e-6)
    assert 0 < weights.mean() < 0.8


def test_plain_loss_is_ours() -> None:
    outputs, targets = torch.rand(4, 17, 24, 16), torch.rand(4, 17, 24, 16)
    weights = (torch.rand(4, 17) < 0.7).float()
    assert float(plain_loss(outputs, targets, weights)) == pytest.approx(
        float(HeatmapLoss()(outputs, targets, weights)["heatmap"]), rel=1e-5
    )


def test_plain_steps_change_the_weights_as_ours_do(rng: np.random.Generator) -> None:
    case = _case(rng)
    plain, start = deepcopy(case.model).train(), deepcopy(case.model)
    plain_way = plain_step(plain, case.images, case.keypoints, case.visible, 4, 2)
    our_way = our_step(case, Precision(torch.device("cpu")), compiled=False)
    for _ in range(3):
        plain_way()
        our_way()
    for one, two, before in zip(plain.parameters(), case.model.parameters(), start.parameters(), strict=True):
        assert torch.allclose(one, two, atol=1e-4)
        assert float((one - before).detach().abs().max()) > 2e-3


@pytest.mark.slow
def test_every_way_has_a_row(rng: np.random.Generator) -> None:
    rows = measure_training("work", _case(rng), BenchSettings(repeats=1))
    assert [row.way for row in rows][:3] == ["plain", "eager, float32", "compile, float32"]
    assert all(row.median > 0 for row in rows)
    assert rows[1].target == ""
    assert rows[2].target == ("" if has_amx() else "3.5x, AMX only")

"""The comparison with PyTorch finds faults and is not deceived by equal peaks."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from helpers.codecs import finest_targets, make_codec
from helpers.small_models import ThreeLayers, randomized

from lib.core.inference import Preparation
from lib.export.formats import Engine
from lib.export.graph import Parts, Pixels, PoseGraph
from lib.export.parity import Reference, batch_sizes, compare, make_reference, settled_joints
from lib.utils.errors import PoseError

PIXELS = Pixels((0.4, 0.5, 0.6), (0.2, 0.2, 0.2), False)
PREPARE = Preparation(torch.device("cpu"), PIXELS.mean, PIXELS.std)
CODEC = make_codec("udp_gaussian", num_keypoints=5, input_size_wh=(48, 64), heatmap_size_wh=(12, 16))


def _reference(model: torch.nn.Module, rng: np.random.Generator, parts: Parts, count: int = 12) -> Reference:
    images = torch.from_numpy(rng.integers(0, 256, (count, 3, 64, 48), dtype=np.uint8))
    return make_reference(model, CODEC, PREPARE, images, color_rgb=PIXELS.color_rgb, flip_test=parts.flip_test)


def _engine(model: torch.nn.Module, parts: Parts, sizes: list[int] | None = None) -> Engine:
    graph = PoseGraph(model, CODEC, PIXELS, parts)

    def run(crops: np.ndarray) -> Sequence[np.ndarray]:
        if sizes is not None:
            sizes.append(len(crops))
        with torch.no_grad():
            return [output.numpy() for output in graph(torch.from_numpy(crops))]

    return run


@pytest.mark.parametrize("parts", [Parts(), Parts(flip_test=True), Parts(decode=True), Parts(True, True, 4)], ids=str)
def test_the_same_network_passes(rng: np.random.Generator, parts: Parts) -> None:
    model, sizes = randomized(ThreeLayers(5)), list[int]()
    parity = compare(_engine(model, parts, sizes), CODEC, _reference(model, rng, parts), parts)
    assert parity.holds
    assert tuple(sizes) == parity.batches == ((4, 4, 4) if parts.batch else (1, 3, 8))
    assert parity.joints + parity.unsettled == 60
    assert parity.unsettled < 20
    assert len(list(parity.lines())) == 3 + (parity.unsettled > 0)


@pytest.mark.parametrize("parts", [Parts(), Parts(decode=True)], ids=str)
def test_other_weights_fail(rng: np.random.Generator, parts: Parts) -> None:
    model = randomized(ThreeLayers(5))
    reference = _reference(model, rng, parts)
    with torch.no_grad():
        model.first[0].weight[0, 0] *= 1.02
    parity = compare(_engine(model, parts), CODEC, reference, parts)
    assert parity.max_px > 0.1
    assert not parity.holds


def test_other_scores_and_nan_fail(rng: np.random.Generator) -> None:
    model, parts = randomized(ThreeLayers(5)), Parts(decode=True)
    reference, run = _reference(model, rng, parts), _engine(model, parts)
    assert not compare(lambda crops: (run(crops)[0], run(crops)[1] * 1.01), CODEC, reference, parts).holds
    assert not compare(lambda crops: (run(crops)[0] * np.nan, run(crops)[1]), CODEC, reference, parts).holds


def test_few_crops_fill_all_batches(rng: np.random.Generator) -> None:
    model, parts = randomized(ThreeLayers(5)), Parts(decode=True)
    parity = compare(_engine(model, parts), CODEC, _reference(model, rng, parts, count=2), parts)
    assert parity.holds
    assert parity.joints + parity.unsettled == 60


def test_equal_peaks_are_unsettled(rng: np.random.Generator) -> None:
    points = rng.uniform(8, 40, (2, 5, 2))
    heatmaps, _ = finest_targets(CODEC, points)
    assert settled_joints(CODEC, heatmaps).all()
    heatmaps[1, 3] = 0
    heatmaps[1, 3, 4, 4] = heatmaps[1, 3, 12, 9] = 1.0
    heatmaps[0, 2, 1, 1] = heatmaps[0, 2].max() * 1.1
    settled = settled_joints(CODEC, heatmaps)
    assert settled.sum() == 9
    assert not settled[1, 3]


def test_nothing_to_compare_is_one_sentence(rng: np.random.Generator) -> None:
    model = randomized(ThreeLayers(5))
    with torch.no_grad():
        model.last.weight.zero_()
        model.last.weight[:] = 1e-12
        model.last.bias.fill_(1.0)
    with pytest.raises(PoseError, match=r"nothing can be compared.*--images"):
        _reference(model, rng, Parts())
    with torch.no_grad():
        model.last.bias.fill_(torch.nan)
    with pytest.raises(PoseError, match="NaN"):
        _reference(model, rng, Parts())


def test_batch_sizes() -> None:
    assert batch_sizes(None) == (1, 3, 8)
    assert batch_sizes(1) == (1,) * 12
    assert batch_sizes(32) == (32,)

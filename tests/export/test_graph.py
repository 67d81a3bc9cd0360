"""What lies inside an exported graph is what a test does around the network."""

import numpy as np
import pytest
import torch
from helpers.codecs import make_codec
from helpers.small_models import ThreeLayers, TwoOutputs, randomized

from lib.core.inference import Preparation, forward_with_flip
from lib.core.precision import Precision
from lib.export.graph import Parts, Pixels, PoseGraph

CPU = torch.device("cpu")
MEAN, STD = (0.4, 0.5, 0.6), (0.1, 0.2, 0.3)
SIZES = {"num_keypoints": 5, "input_size_wh": (48, 64), "heatmap_size_wh": (12, 16)}


@pytest.mark.parametrize("color_rgb", [True, False])
@pytest.mark.parametrize("encoding", ["msra", "udp_offset"])
def test_it_computes_what_a_test_computes(rng: np.random.Generator, encoding: str, color_rgb: bool) -> None:
    codec = make_codec(encoding, **SIZES)
    model = randomized(TwoOutputs(codec.num_channels))
    crops = torch.from_numpy(rng.integers(0, 256, (3, 64, 48, 3), dtype=np.uint8))
    stored = (crops if color_rgb else crops.flip(-1)).permute(0, 3, 1, 2)
    images = Preparation(CPU, MEAN, STD)(stored)
    with torch.no_grad():
        expected = forward_with_flip(model, codec, images, Precision(CPU))
        graph = PoseGraph(model, codec, Pixels(MEAN, STD, color_rgb), Parts(flip_test=True))
        torch.testing.assert_close(graph(crops)[0], expected, rtol=1e-5, atol=1e-5)
        graph = PoseGraph(model, codec, Pixels(MEAN, STD, color_rgb), Parts())
        torch.testing.assert_close(graph(crops)[0], model(images)[-1], rtol=1e-5, atol=1e-5)
        graph = PoseGraph(model, codec, Pixels(MEAN, STD, color_rgb), Parts(decode=True))
        points, scores = graph(crops)
    torch.testing.assert_close(scores, codec.decode(model(images)[-1])[1], rtol=1e-5, atol=1e-5)
    assert points.shape == (3, 5, 2)


def test_the_network_is_left_in_evaluation_mode() -> None:
    model = ThreeLayers(5).train()
    PoseGraph(model, make_codec("msra", **SIZES), Pixels(MEAN, STD, True), Parts()).prepare()
    assert not model.training


def test_names_of_outputs() -> None:
    assert Parts().outputs == ("heatmaps",)
    assert Parts(decode=True).outputs == ("keypoints", "scores")

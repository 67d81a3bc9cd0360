"""What graphs compute is what the batched code computes, for every decoder."""

from itertools import product

import numpy as np
import pytest
import torch
from helpers.codecs import ENCODINGS, finest_targets, make_codec

from lib.codecs.tracing import first_true, graph_forms, is_traced, solve_positive

DECODERS = [
    (encoding, decoder, variant)
    for encoding, variant in product(ENCODINGS, ("original", "mmpose"))
    for decoder in make_codec(encoding).DECODERS
]


@pytest.mark.parametrize(("encoding", "decoder", "variant"), DECODERS)
def test_decoders_in_the_forms_of_a_graph(rng: np.random.Generator, encoding: str, decoder: str, variant: str) -> None:
    # A sigma this small leaves neighbours below DARK's floor, where it stretches the blurred map.
    codec = make_codec(encoding, decoder, variant=variant, sigma=0.5, num_keypoints=7)
    heatmaps, _ = finest_targets(codec, rng.uniform(-0.02, 1.02, (5, 7, 2)) * (191, 255))
    heatmaps = heatmaps * torch.from_numpy(rng.uniform(0.2, 1, (5, heatmaps.shape[1], 1, 1)).astype(np.float32))
    heatmaps[0, :3] = 0
    points, scores = codec.decode(heatmaps)
    with graph_forms():
        assert is_traced()
        graph_points, graph_scores = codec.decode(heatmaps)
    assert not is_traced()
    torch.testing.assert_close(graph_points, points, rtol=0, atol=2e-3)
    torch.testing.assert_close(graph_scores, scores, rtol=1e-5, atol=1e-6)


def test_first_true(rng: np.random.Generator) -> None:
    mask = torch.from_numpy(rng.uniform(size=(50, 3, 6)) < 0.3)
    mask[0, 0] = False
    expected = np.array([[next((i for i, value in enumerate(row) if value), 0) for row in rows] for rows in mask])
    with graph_forms():
        in_graph = first_true(mask)
    np.testing.assert_array_equal(in_graph.numpy(), expected)
    np.testing.assert_array_equal(first_true(mask).numpy(), expected)


def test_solve_positive(rng: np.random.Generator) -> None:
    roots = rng.normal(size=(20, 2, 5, 5))
    matrices = roots @ roots.swapaxes(-1, -2) + 0.1 * np.eye(5)
    expected = rng.normal(size=(20, 2, 5))
    right_sides = torch.from_numpy((matrices @ expected[..., None])[..., 0])
    with graph_forms():
        in_graph = solve_positive(torch.from_numpy(matrices), right_sides)
    np.testing.assert_allclose(in_graph.numpy(), expected, atol=1e-8)
    np.testing.assert_allclose(solve_positive(torch.from_numpy(matrices), right_sides).numpy(), expected, atol=1e-8)

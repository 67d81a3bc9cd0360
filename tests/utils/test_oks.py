"""OKS against its scalar form."""

import numpy as np
from reference import oks_nms as reference

from lib.utils.oks import oks_between, oks_to_ground_truth


def test_between_predictions(rng: np.random.Generator) -> None:
    poses, areas = rng.normal(100, 8, (6, 5, 3)), rng.uniform(10, 1e4, 6)
    areas[0] = areas[1] = 0.0  # a degenerate box must not divide by zero
    sigmas = rng.uniform(0.02, 0.1, 5)
    ours = oks_between(poses[:, None], poses[None], areas[:, None], areas[None], sigmas)
    expected = [[reference.between(poses, areas, sigmas, i, j) for j in range(6)] for i in range(6)]
    np.testing.assert_allclose(ours, expected, rtol=1e-12)
    np.testing.assert_allclose(np.diag(ours), 1.0)


def test_to_ground_truth_counts_labelled_keypoints_only(rng: np.random.Generator) -> None:
    predicted, truth = rng.normal(100, 8, (4, 5, 3)), rng.normal(100, 8, (3, 5, 3))
    truth[..., 2] = rng.integers(0, 3, (3, 5))
    truth[2, :, 2] = 0
    areas, sigmas = rng.uniform(10, 1e4, 3), rng.uniform(0.02, 0.1, 5)
    ours = oks_to_ground_truth(predicted, truth, areas, sigmas)
    expected = [
        [reference.similarity(p, t, area, sigmas, t[:, 2] > 0) for t, area in zip(truth, areas, strict=True)]
        for p in predicted
    ]
    np.testing.assert_allclose(ours, expected, rtol=1e-12)
    assert (ours[:, 2] == 0).all()


def test_no_predictions_and_no_people() -> None:
    assert oks_to_ground_truth(np.empty((0, 5, 3)), np.empty((2, 5, 3)), np.ones(2), np.ones(5)).shape == (0, 2)
    assert oks_to_ground_truth(np.empty((2, 5, 3)), np.empty((0, 5, 3)), np.ones(0), np.ones(5)).shape == (2, 0)

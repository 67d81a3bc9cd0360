"""OKS against its scalar form."""

import numpy as np
import pytest
from reference import oks_nms as reference

from lib.utils.oks import oks_between, oks_reach, oks_to_ground_truth


def test_between_predictions(rng: np.random.Generator) -> None:
    poses, areas = rng.normal(100, 8, (6, 5, 3)), rng.uniform(10, 1e4, 6)
    areas[0] = areas[1] = 0.0  # a degenerate box must not divide by zero
    sigmas = rng.uniform(0.02, 0.1, 5)
    ours = oks_between(poses[:, None], poses[None], areas[:, None], areas[None], sigmas)
    expected = [[reference.between(poses, areas, sigmas, i, j) for j in range(6)] for i in range(6)]
    np.testing.assert_allclose(ours, expected, rtol=1e-12)
    np.testing.assert_allclose(np.diag(ours), 1.0)


@pytest.mark.parametrize("threshold", [1e-3, 0.05, 0.3, 0.9, 0.97, 1.0, 1.5])
@pytest.mark.parametrize("num_keypoints", [1, 3, 17])
def test_reach_never_rules_out_a_similar_pose(rng: np.random.Generator, num_keypoints: int, threshold: float) -> None:
    sigmas = rng.uniform(0.02, 0.1, num_keypoints)
    poses = np.zeros((3000, num_keypoints, 2))
    # Some keypoints exact, others far away or around the limit: the cases that decide.
    poses += rng.normal(0, 1, poses.shape) * rng.choice([0.0, 1.0, 8.0, 500.0], (3000, num_keypoints, 1))
    areas = np.full(3000, 900.0)
    probes, factors = oks_reach(sigmas, threshold)
    squared = (poses[:, probes] ** 2).sum(axis=-1)
    ruled_out = (squared > factors * (areas + 900.0)[:, None]).all(axis=1)
    overlap = oks_between(poses, np.zeros_like(poses), areas, areas, sigmas)
    assert not (ruled_out & (overlap > threshold)).any()
    assert threshold < 0.9 or ruled_out.any()


@pytest.mark.parametrize(("num_keypoints", "threshold"), [(10, 0.9), (20, 0.9), (17, 0.9), (5, 0.8)])
def test_reach_ends_where_the_threshold_is_a_whole_number_of_keypoints(num_keypoints: int, threshold: float) -> None:
    probes, factors = oks_reach(np.full(num_keypoints, 0.1), threshold)
    assert np.isfinite(factors).all()
    assert len(probes) < num_keypoints


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

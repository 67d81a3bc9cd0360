"""PCK, AUC, EPE and NME against loops."""

import math

import numpy as np
import pytest
from reference.pckh_loops import auc_loops, nme_loops, pck_loops

from lib.core.point_metrics import auc, epe, keypoint_distances, nme, pck


@pytest.mark.parametrize("seed", range(6))
def test_loops(seed: int) -> None:
    rng = np.random.default_rng(seed)
    people, keypoints = int(rng.integers(1, 12)), int(rng.integers(1, 9))
    truth = rng.uniform(0, 200, (people, keypoints, 2))
    points = truth + rng.normal(0, 12, truth.shape)
    labelled = rng.choice([0, 1, 2], (people, keypoints), p=[0.4, 0.3, 0.3])
    sizes = rng.choice([0.0, 50.0, 80.0], people, p=[0.2, 0.4, 0.4])
    assert pck(points, truth, labelled, sizes, 0.2) == pytest.approx(
        pck_loops(points, truth, labelled, sizes, 0.2), abs=1e-12, nan_ok=True
    )
    assert auc(points, truth, labelled) == pytest.approx(auc_loops(points, truth, labelled, 30.0), nan_ok=True)
    assert nme(points, truth, labelled, sizes) == pytest.approx(nme_loops(points, truth, labelled, sizes), nan_ok=True)
    assert epe(points, truth, labelled) == pytest.approx(
        nme_loops(points, truth, labelled, np.ones(people)), nan_ok=True
    )


def test_values_by_hand() -> None:
    truth = np.zeros((2, 2, 2))
    points = np.array([[[3.0, 4.0], [0.0, 30.0]], [[0.0, 0.0], [6.0, 8.0]]])
    labelled = np.array([[2, 0], [1, 1]])
    # Distances that count: 5, 0 and 10 px. Keypoint 0 has two people, keypoint 1 one.
    assert epe(points, truth, labelled) == pytest.approx(5.0)
    assert pck(points, truth, labelled, [25.0, 100.0], 0.2) == pytest.approx((0.5 + 1.0) / 2), "5 is not below 5"
    assert nme(points, truth, labelled, [10.0, 100.0]) == pytest.approx((0.5 + 0.0 + 0.1) / 3)
    assert auc(points, truth, labelled, 10.0) == pytest.approx(((19 + 9) / 40 + 0.0) / 2)


def test_sizes_from_two_keypoints() -> None:
    truth = np.array([[[0.0, 0.0], [3.0, 4.0]], [[1.0, 1.0], [1.0, 1.0]], [[0.0, 0.0], [9.0, 0.0]]])
    labelled = np.array([[1, 2], [1, 1], [1, 0]])
    sizes = keypoint_distances(truth, labelled, (0, 1))
    assert sizes[:2].tolist() == [5.0, 0.0]
    assert math.isnan(sizes[2])
    assert nme(truth + 1.0, truth, labelled, sizes) == pytest.approx(math.sqrt(2) / 5), "only the first has a size"


def test_nobody_to_measure_is_nan() -> None:
    nothing = np.zeros((3, 4, 2))
    hidden = np.zeros((3, 4))
    values = (
        pck(nothing, nothing, hidden, np.ones(3)),
        auc(nothing, nothing, hidden),
        epe(nothing, nothing, hidden),
        nme(nothing, nothing, np.ones((3, 4)), np.zeros(3)),
    )
    assert all(math.isnan(value) for value in values)

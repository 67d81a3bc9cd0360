"""What the tracker matches by, against its scalar form."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import tracking_loops as reference

from lib.tracking.poses import Poses
from lib.tracking.similarity import OKS_SHARE, appearance_similarity, best_pairs, pose_similarity


def _poses(rng: np.random.Generator, count: int, num_keypoints: int) -> Poses:
    boxes = np.concatenate([rng.uniform(0, 200, (count, 2)), rng.uniform(40, 200, (count, 2))], axis=1)
    points = boxes[:, None, :2] + rng.uniform(0, 1, (count, num_keypoints, 2)) * boxes[:, None, 2:]
    seen = rng.uniform(size=(count, num_keypoints)) < 0.7
    return Poses(np.where(seen[..., None], points, 0.0), seen, boxes, np.ones(count), np.zeros((count, 0)))


@pytest.mark.parametrize("num_keypoints", [1, 3, 17, 133])
def test_against_the_scalar_form(rng: np.random.Generator, num_keypoints: int) -> None:
    first, sigmas = _poses(rng, 9, num_keypoints), rng.uniform(0.02, 0.1, num_keypoints)
    second = _poses(rng, 6, num_keypoints).moved(rng.normal(0, 40, (6, 2)))
    near = first.moved(rng.normal(0, 4, (9, 2)))
    drift = rng.uniform(0, 0.6, 9)
    for other in (second, near):
        expected = [
            [
                reference.similarity(
                    (first.points[i], first.seen[i], first.boxes[i]),
                    (other.points[j], other.seen[j], other.boxes[j]),
                    sigmas,
                    drift[i],
                    OKS_SHARE,
                )
                for j in range(len(other))
            ]
            for i in range(9)
        ]
        np.testing.assert_allclose(pose_similarity(first, other, sigmas, drift), expected, rtol=1e-12, atol=1e-15)


def test_itself_is_most_similar(rng: np.random.Generator) -> None:
    poses = _poses(rng, 8, 17)
    own = pose_similarity(poses, poses, np.full(17, 0.05), np.zeros(8))
    np.testing.assert_allclose(np.diag(own), 1.0)
    assert (own <= 1.0 + 1e-12).all()
    np.testing.assert_allclose(own, own.T)


def test_nobody(rng: np.random.Generator) -> None:
    nobody, some = Poses.none(17), _poses(rng, 3, 17)
    assert pose_similarity(nobody, some, np.full(17, 0.05), np.zeros(0)).shape == (0, 3)
    assert pose_similarity(some, nobody, np.full(17, 0.05), np.zeros(3)).shape == (3, 0)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 5), st.integers(0, 5))
def test_best_pairs_are_worth_most(seed: int, rows: int, columns: int) -> None:
    rng = np.random.default_rng(seed)
    worth = rng.uniform(0, 1, (rows + 2, columns + 1)) * (rng.uniform(size=(rows + 2, columns + 1)) < 0.6)
    some_rows, some_columns = rng.permutation(rows + 2)[:rows], rng.permutation(columns + 1)[:columns]
    first, second = best_pairs(worth, some_rows, some_columns)
    assert set(first) <= set(some_rows)
    assert set(second) <= set(some_columns)
    assert len(set(first)) == len(set(second)) == len(first)
    assert (worth[first, second] > 0).all()
    most = reference.most_worth(worth[np.ix_(some_rows, some_columns)].tolist())
    assert worth[first, second].sum() == pytest.approx(most)


def test_looks() -> None:
    looks = np.array([[0.5, 0.5, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 0.0]])
    alike = appearance_similarity(looks, looks[:2])
    np.testing.assert_allclose(alike[:2], [[1, 0], [0, 1]])
    assert np.isnan(alike[2]).all()
    assert np.isnan(appearance_similarity(np.zeros((2, 0)), np.zeros((3, 0)))).all()

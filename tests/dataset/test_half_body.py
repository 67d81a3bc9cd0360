"""Crops around half bodies against the published loops."""

import numpy as np
import pytest
from reference import augment_loops, coco_records

from lib.dataset.half_body import half_body_boxes, stretched_half_body_boxes
from lib.skeletons.skeleton import Skeleton, load_skeleton

ASPECT, COUNT = 0.75, 30
VISIBLE = [0, 1, 2, 3, 4, 5, 7, 9, 17]


@pytest.fixture(scope="module")
def skeleton() -> Skeleton:
    return load_skeleton("coco")


def _bodies(rng: np.random.Generator, num_visible: int) -> tuple[np.ndarray, np.ndarray]:
    visible = (rng.random((COUNT, 17)).argsort(axis=1) < num_visible) * rng.integers(1, 3, (COUNT, 17))
    return rng.uniform(0, 300, (COUNT, 17, 2)).astype(np.float32), visible.astype(np.float32)


@pytest.mark.parametrize("num_visible", VISIBLE)
@pytest.mark.parametrize("prefer_upper", [True, False])
def test_hrnets_half_bodies(rng: np.random.Generator, skeleton: Skeleton, num_visible: int, prefer_upper: bool) -> None:
    keypoints, visible = _bodies(rng, num_visible)
    prefer, upper = np.full(COUNT, prefer_upper), skeleton.upper_body
    centers, scales, usable = half_body_boxes(keypoints, visible, upper, prefer, ASPECT)
    assert centers.dtype == scales.dtype == np.float32
    for row in range(COUNT):
        body = keypoints[row].tolist(), visible[row].tolist(), list(upper), prefer_upper
        expected = coco_records.half_body(*body, ASPECT)
        assert usable[row] == (expected is not None)
        if expected is not None:
            np.testing.assert_allclose(centers[row], expected[0], rtol=1e-5)
            np.testing.assert_allclose(scales[row], expected[1], rtol=1e-5)


@pytest.mark.parametrize("num_visible", VISIBLE)
@pytest.mark.parametrize("prefer_upper", [True, False])
@pytest.mark.parametrize("upper", [tuple(range(11)), tuple(range(13))])
def test_rsns_half_bodies(
    rng: np.random.Generator, upper: tuple[int, ...], num_visible: int, prefer_upper: bool
) -> None:
    keypoints, visible = _bodies(rng, num_visible)
    prefer, growth = np.full(COUNT, prefer_upper), rng.uniform(0, 0.8, (COUNT, 2))
    centers, scales, usable = stretched_half_body_boxes(keypoints, visible, upper, prefer, 1 + growth, ASPECT)
    assert centers.dtype == scales.dtype == np.float32
    for row in range(COUNT):
        body = keypoints[row].tolist(), visible[row].tolist(), list(upper), prefer_upper
        expected = augment_loops.rsn_half_body(*body, growth[row].tolist(), ASPECT)
        assert usable[row] == (expected is not None)
        if expected is not None:
            np.testing.assert_allclose(centers[row], expected[0], rtol=1e-5)
            np.testing.assert_allclose(scales[row], expected[1], rtol=1e-5)


def test_one_point_is_no_half_body(skeleton: Skeleton) -> None:
    points, visible, yes = np.full((1, 17, 2), 5, np.float32), np.ones((1, 17), np.float32), np.array([True])
    assert not half_body_boxes(points, visible, skeleton.upper_body, yes, ASPECT)[2]
    assert not stretched_half_body_boxes(points, visible, skeleton.upper_body, yes, np.ones((1, 2)), ASPECT)[2]


def test_without_upper_body_the_rest_counts_as_lower(rng: np.random.Generator) -> None:
    keypoints, visible = _bodies(rng, 17)
    center, _, usable = half_body_boxes(keypoints, visible, (), np.ones(COUNT, bool), ASPECT)
    assert usable.all()
    np.testing.assert_allclose(center, keypoints.mean(axis=1), rtol=1e-5)

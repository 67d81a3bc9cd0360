import numpy as np
import pytest

from lib.dataset.augment import (
    AugmentParams,
    AugmentSettings,
    People,
    change_people,
    draw,
    no_augmentation,
)
from lib.skeletons.skeleton import Skeleton, load_skeleton

PUBLISHED = AugmentSettings(
    flip=True, scale_factor=0.35, rotation_factor=45.0, half_body_probability=0.3, half_body_above=8
)
OFF = AugmentSettings(flip=False, scale_factor=0.0, rotation_factor=0.0, half_body_probability=0.0, half_body_above=8)
ASPECT = 0.75
DRAWS = 20000


@pytest.fixture(scope="module")
def skeleton() -> Skeleton:
    return load_skeleton("coco")


@pytest.fixture(scope="module")
def draws() -> AugmentParams:
    return draw(PUBLISHED, 0, 3, DRAWS)


def _people(rng: np.random.Generator, num_visible: int = 17, count: int = 1) -> People:
    visible = (rng.random((count, 17)).argsort(axis=1) < num_visible).astype(np.float32)
    points = rng.uniform(0, 300, (count, 17, 2)).astype(np.float32)
    center, scale = np.float32([[120, 90]]), np.float32([[0.6, 0.8]])
    box = np.float32([[90, 30, 70, 110]])
    return People(*(field.repeat(count, 0) for field in (center, scale, box)), points, visible)


def _params(count: int = 1, **changes: object) -> AugmentParams:
    given = {name: np.full(count, value) for name, value in changes.items()}
    return no_augmentation(count)._replace(**given)


def _columns(params: AugmentParams) -> np.ndarray:
    """Every drawn number of N samples, (columns, N)."""
    return np.concatenate([field.astype(float).reshape(len(field), -1) for field in params], axis=1).T


def _changed(people: People, params: AugmentParams, skeleton: Skeleton) -> People:
    return change_people(people, params, PUBLISHED, skeleton, ASPECT, np.full(len(people.center), 320))


def test_draws_depend_on_seed_epoch_and_record_alone() -> None:
    many, few = draw(PUBLISHED, 1, 2, 100), draw(PUBLISHED, 1, 2, 7)
    for one, other in zip(many.take(np.arange(7)), few, strict=True):
        np.testing.assert_array_equal(one, other)
    others = [draw(PUBLISHED, *key, 7).rotation_degrees.tolist() for key in ((1, 2), (1, 3), (2, 1), (2, 2))]
    assert len({tuple(values) for values in others}) == 4
    assert len(set(many.scale_factor.tolist())) > 50


def test_scale_is_a_clipped_normal(draws: AugmentParams) -> None:
    scale = draws.scale_factor
    assert scale.min() == pytest.approx(0.65)
    assert scale.max() == pytest.approx(1.35)
    # 1 + 0.35 clip(randn, -1, 1): 31.7 % lie at the two limits; the variance of a clipped normal is 0.5161.
    at_limit = np.isclose(scale, 0.65) | np.isclose(scale, 1.35)
    assert at_limit.mean() == pytest.approx(0.3173, abs=0.01)
    assert scale.mean() == pytest.approx(1, abs=0.006)
    assert scale.std() == pytest.approx(0.35 * np.sqrt(0.5161), rel=0.02)


def test_rotation_is_a_clipped_normal_in_six_of_ten(draws: AugmentParams) -> None:
    rotation = draws.rotation_degrees
    assert np.abs(rotation).max() == pytest.approx(90)
    assert (rotation != 0).mean() == pytest.approx(0.6, abs=0.012)
    turned = rotation[rotation != 0]
    assert (np.abs(turned) == 90).mean() == pytest.approx(0.0455, abs=0.006)
    assert turned.mean() == pytest.approx(0, abs=1.5)
    assert turned[np.abs(turned) < 90].std() == pytest.approx(45 * np.sqrt(0.7737), rel=0.02)


def test_flip_and_half_body_have_their_probabilities(draws: AugmentParams) -> None:
    assert draws.flip.mean() == pytest.approx(0.5, abs=0.012)
    assert draws.half_body.mean() == pytest.approx(0.3, abs=0.012)
    # A normal draw below 0.5, as published, not a uniform one.
    assert draws.prefer_upper.mean() == pytest.approx(0.6915, abs=0.012)


def test_draws_are_independent(draws: AugmentParams) -> None:
    correlation = np.corrcoef(_columns(draws)[:5]) - np.eye(5)
    assert np.abs(correlation).max() < 0.03


def test_one_setting_does_not_change_the_draws_of_another() -> None:
    changed = AugmentSettings(
        flip=False, scale_factor=0.0, rotation_factor=45.0, half_body_probability=0.0, half_body_above=8
    )
    first, second = (draw(settings, 0, 0, 50) for settings in (PUBLISHED, changed))
    np.testing.assert_array_equal(first.rotation_degrees, second.rotation_degrees)
    assert not second.flip.any()
    assert not second.half_body.any()
    assert (second.scale_factor == 1).all()


def test_nothing_is_changed_when_all_is_off() -> None:
    params = draw(OFF, 0, 0, 50)._replace(prefer_upper=np.zeros(50, bool))
    for one, other in zip(params, no_augmentation(50), strict=True):
        np.testing.assert_array_equal(one, other)


def test_half_body_of_one_point_is_none(skeleton: Skeleton) -> None:
    points, visible = np.full((1, 17, 2), 5, np.float32), np.ones((1, 17), np.float32)
    people = _people(np.random.default_rng(0))._replace(keypoints=points, visible=visible)
    same = _changed(people, _params(half_body=True), skeleton)
    np.testing.assert_array_equal(same.center, people.center)


def test_half_body_needs_enough_keypoints(rng: np.random.Generator, skeleton: Skeleton) -> None:
    params = _params(half_body=True, prefer_upper=True)
    few, many = _people(rng, 8), _people(rng, 9)
    same = _changed(few, params, skeleton)
    np.testing.assert_array_equal(same.center, few.center)
    np.testing.assert_array_equal(same.scale, few.scale)
    assert not np.array_equal(_changed(many, params, skeleton).center, many.center)


def test_flip_mirrors_points_centre_and_sides(rng: np.random.Generator, skeleton: Skeleton) -> None:
    people = _people(rng, 9)
    flipped = _changed(people, _params(flip=True), skeleton)
    np.testing.assert_array_equal(flipped.center, [[319 - 120, 90]])
    left, right = skeleton.names.index("left_wrist"), skeleton.names.index("right_wrist")
    np.testing.assert_allclose(flipped.keypoints[0, left, 0], 319 - people.keypoints[0, right, 0], rtol=1e-6)
    assert flipped.visible[0, left] == people.visible[0, right]
    twice = _changed(flipped, _params(flip=True), skeleton)
    for one, other in zip(twice, people, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)


def test_scale_factor_is_applied_after_half_body(rng: np.random.Generator, skeleton: Skeleton) -> None:
    people = _people(rng)
    params = _params(half_body=True, prefer_upper=True, scale_factor=1.2)
    scaled = _changed(people, params, skeleton)
    plain = _changed(people, params._replace(scale_factor=np.ones(1)), skeleton)
    np.testing.assert_allclose(scaled.scale, plain.scale * 1.2, rtol=1e-6)


def test_a_batch_equals_its_people_one_by_one(rng: np.random.Generator, skeleton: Skeleton) -> None:
    people, params = _people(rng, 12, 40), draw(PUBLISHED, 0, 0, 40)
    together = _changed(people, params, skeleton)
    for row in range(40):
        one = np.array([row])
        alone = _changed(People(*(field[one] for field in people)), params.take(one), skeleton)
        for single, batched in zip(alone, together, strict=True):
            np.testing.assert_array_equal(single[0], batched[row])


def test_inputs_stay_as_they_are(rng: np.random.Generator, skeleton: Skeleton) -> None:
    people = _people(rng, count=5)
    before = [field.copy() for field in people]
    params = _params(5, half_body=True, prefer_upper=True, scale_factor=1.2, rotation_degrees=30.0, flip=True)
    changed = _changed(people, params, skeleton)
    for field, kept in zip(people, before, strict=True):
        np.testing.assert_array_equal(field, kept)
    assert all(field.dtype == np.float32 for field in changed)

import numpy as np
import pytest
from reference import coco_records

from lib.dataset.augment import (
    NO_AUGMENTATION,
    AugmentParams,
    AugmentSettings,
    Person,
    change_person,
    draw,
    half_body_box,
    sample_generator,
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
def draws() -> np.recarray:
    rows = [draw(PUBLISHED, sample_generator(0, 3, index)) for index in range(DRAWS)]
    return np.rec.fromrecords(rows, names=AugmentParams._fields)


def _person(rng: np.random.Generator, num_visible: int = 17) -> Person:
    visible = np.zeros(17, np.float32)
    visible[rng.permutation(17)[:num_visible]] = 1
    points = rng.uniform(0, 300, (17, 2)).astype(np.float32)
    return Person(np.float32([120, 90]), np.float32([0.6, 0.8]), points, visible)


def test_the_same_key_draws_the_same() -> None:
    assert draw(PUBLISHED, sample_generator(1, 2, 3)) == draw(PUBLISHED, sample_generator(1, 2, 3))
    others = {draw(PUBLISHED, sample_generator(*key)) for key in ((1, 2, 3), (1, 3, 2), (2, 1, 3), (0, 2, 3))}
    assert len(others) == 4


def test_scale_is_a_clipped_normal(draws: np.recarray) -> None:
    scale = draws.scale_factor
    assert scale.min() == pytest.approx(0.65)
    assert scale.max() == pytest.approx(1.35)
    # 1 + 0.35 clip(randn, -1, 1): 31.7 % lie at the two limits; the variance of a clipped normal is 0.5161.
    at_limit = np.isclose(scale, 0.65) | np.isclose(scale, 1.35)
    assert at_limit.mean() == pytest.approx(0.3173, abs=0.01)
    assert scale.mean() == pytest.approx(1, abs=0.006)
    assert scale.std() == pytest.approx(0.35 * np.sqrt(0.5161), rel=0.02)


def test_rotation_is_a_clipped_normal_in_six_of_ten(draws: np.recarray) -> None:
    rotation = draws.rotation_degrees
    assert np.abs(rotation).max() == pytest.approx(90)
    assert (rotation != 0).mean() == pytest.approx(0.6, abs=0.012)
    turned = rotation[rotation != 0]
    assert (np.abs(turned) == 90).mean() == pytest.approx(0.0455, abs=0.006)
    assert turned.mean() == pytest.approx(0, abs=1.5)
    assert turned[np.abs(turned) < 90].std() == pytest.approx(45 * np.sqrt(0.7737), rel=0.02)


def test_flip_and_half_body_have_their_probabilities(draws: np.recarray) -> None:
    assert draws.flip.mean() == pytest.approx(0.5, abs=0.012)
    assert draws.half_body.mean() == pytest.approx(0.3, abs=0.012)
    # A normal draw below 0.5, as published, not a uniform one.
    assert draws.prefer_upper.mean() == pytest.approx(0.6915, abs=0.012)


def test_draws_are_independent(draws: np.recarray) -> None:
    columns = np.stack([draws[name].astype(float) for name in AugmentParams._fields])
    correlation = np.corrcoef(columns) - np.eye(len(columns))
    assert np.abs(correlation).max() < 0.03


def test_one_setting_does_not_change_the_draws_of_another() -> None:
    changed = AugmentSettings(
        flip=False, scale_factor=0.0, rotation_factor=45.0, half_body_probability=0.0, half_body_above=8
    )
    for index in range(50):
        first, second = (draw(settings, sample_generator(0, 0, index)) for settings in (PUBLISHED, changed))
        assert first.rotation_degrees == second.rotation_degrees
        assert (second.flip, second.scale_factor, second.half_body) == (False, 1.0, False)


def test_nothing_is_changed_when_all_is_off() -> None:
    for index in range(50):
        params = draw(OFF, sample_generator(0, 0, index))
        assert params._replace(prefer_upper=False) == NO_AUGMENTATION


@pytest.mark.parametrize("num_visible", [2, 3, 5, 9, 17])
@pytest.mark.parametrize("prefer_upper", [True, False])
def test_half_body_equals_the_published_loop(
    rng: np.random.Generator, skeleton: Skeleton, num_visible: int, prefer_upper: bool
) -> None:
    for _ in range(30):
        person = _person(rng, num_visible)
        box = half_body_box(person.keypoints, person.visible, skeleton.upper_body, prefer_upper, ASPECT)
        expected = coco_records.half_body(
            person.keypoints.tolist(), person.visible.tolist(), list(skeleton.upper_body), prefer_upper, ASPECT
        )
        assert (box is None) == (expected is None)
        if box is not None and expected is not None:
            np.testing.assert_allclose(box[0], expected[0], rtol=1e-5)
            np.testing.assert_allclose(box[1], expected[1], rtol=1e-5)


def test_half_body_of_one_point_is_none(skeleton: Skeleton) -> None:
    points, visible = np.full((17, 2), 5, np.float32), np.ones(17, np.float32)
    assert half_body_box(points, visible, skeleton.upper_body, True, ASPECT) is None


def test_half_body_needs_enough_keypoints(rng: np.random.Generator, skeleton: Skeleton) -> None:
    params = NO_AUGMENTATION._replace(half_body=True, prefer_upper=True)
    few, many = _person(rng, 8), _person(rng, 9)
    same = change_person(few, params, PUBLISHED, skeleton, ASPECT, 320)
    np.testing.assert_array_equal(same.center, few.center)
    np.testing.assert_array_equal(same.scale, few.scale)
    half = change_person(many, params, PUBLISHED, skeleton, ASPECT, 320)
    assert not np.array_equal(half.center, many.center)


def test_without_upper_body_the_rest_counts_as_lower(rng: np.random.Generator) -> None:
    person = _person(rng)
    box = half_body_box(person.keypoints, person.visible, (), True, ASPECT)
    assert box is not None
    np.testing.assert_allclose(box[0], person.keypoints.mean(axis=0), rtol=1e-5)


def test_flip_mirrors_points_centre_and_sides(rng: np.random.Generator, skeleton: Skeleton) -> None:
    person = _person(rng, 9)
    flipped = change_person(person, NO_AUGMENTATION._replace(flip=True), PUBLISHED, skeleton, ASPECT, 320)
    np.testing.assert_array_equal(flipped.center, [319 - 120, 90])
    left, right = skeleton.names.index("left_wrist"), skeleton.names.index("right_wrist")
    np.testing.assert_allclose(flipped.keypoints[left, 0], 319 - person.keypoints[right, 0], rtol=1e-6)
    assert flipped.visible[left] == person.visible[right]
    twice = change_person(flipped, NO_AUGMENTATION._replace(flip=True), PUBLISHED, skeleton, ASPECT, 320)
    for one, other in zip(twice, person, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)


def test_scale_factor_is_applied_after_half_body(rng: np.random.Generator, skeleton: Skeleton) -> None:
    person = _person(rng)
    params = AugmentParams(True, True, 1.2, 0.0, False)
    one, two = (
        change_person(person, given, PUBLISHED, skeleton, ASPECT, 320)
        for given in (params, params._replace(scale_factor=1.0))
    )
    np.testing.assert_allclose(one.scale, two.scale * 1.2, rtol=1e-6)


def test_inputs_stay_as_they_are(rng: np.random.Generator, skeleton: Skeleton) -> None:
    person = _person(rng)
    before = [field.copy() for field in person]
    changed = change_person(person, AugmentParams(True, True, 1.2, 30.0, True), PUBLISHED, skeleton, ASPECT, 320)
    for field, kept in zip(person, before, strict=True):
        np.testing.assert_array_equal(field, kept)
    assert all(field.dtype == np.float32 for field in changed)

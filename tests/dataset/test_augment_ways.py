"""mmpose's and RSN's random changes: distributions, and the applied result against scalar loops."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.tiny_dataset import tiny_config, write_dataset
from reference import augment_loops

from lib.config import resolve_skeleton
from lib.dataset import SampleKey, build_dataset
from lib.dataset.augment import (
    RECIPES,
    AugmentParams,
    AugmentSettings,
    People,
    change_people,
    draw,
    no_augmentation,
    visible_in_crop,
)
from lib.skeletons.skeleton import load_skeleton
from lib.utils.errors import PoseError
from lib.utils.geometry import PlainCrop, apply_affine

RSN = AugmentSettings(True, 0.25, 45.0, 0.3, 3, "rsn")
MMPOSE = AugmentSettings(True, 0.5, 40.0, 0.3, 8, "mmpose")
UPPER = tuple(range(13))
ASPECT, COUNT, DRAWS = 0.75, 400, 20000
SIZES = (192, 256), (48, 64)


def _people(rng: np.random.Generator, count: int = COUNT) -> People:
    flags = rng.integers(0, 3, (count, 17)) * (rng.random((count, 17)) < rng.random((count, 1)))
    box = rng.uniform((0, 0, 20, 20), (300, 200, 300, 300), (count, 4))
    center, scale = PlainCrop(*SIZES).box_to_center_scale(box)
    keypoints = box[:, None, :2] + rng.uniform(-0.1, 1.1, (count, 17, 2)) * box[:, None, 2:]
    return People(center, scale, box.astype(np.float32), keypoints.astype(np.float32), flags.astype(np.float32))


def test_uniform_draws() -> None:
    params = draw(RSN, 0, 3, DRAWS)
    assert 0.6 <= params.scale_factor.min() < 0.602
    assert 0.998 < params.scale_factor.max() <= 1.0
    assert params.scale_factor.std() == pytest.approx(0.4 / np.sqrt(12), rel=0.02)
    turned = params.rotation_degrees[params.rotation_degrees != 0]
    assert len(turned) / DRAWS == pytest.approx(0.5, abs=0.012)
    assert 44.9 < np.abs(turned).max() <= 45
    assert turned.std() == pytest.approx(90 / np.sqrt(12), rel=0.02)
    for stretch, extend in ((params.stretch, 1.05), (params.half_body_stretch, 1.0)):
        np.testing.assert_allclose(stretch.min(axis=0), extend, rtol=1e-3)
        np.testing.assert_allclose(stretch.max(axis=0), [extend * 1.6, extend * 1.8], rtol=1e-3)
        np.testing.assert_allclose(stretch.mean(axis=0), [extend * 1.3, extend * 1.4], rtol=5e-3)
    assert params.flip.mean() == pytest.approx(0.5, abs=0.012)
    assert params.half_body.mean() == pytest.approx(0.3, abs=0.012)
    columns = [params.scale_factor, params.rotation_degrees, *params.stretch.T, *params.half_body_stretch.T]
    correlation = np.corrcoef([*columns, params.flip, params.half_body, params.prefer_upper])
    assert np.abs(correlation - np.eye(len(correlation))).max() < 0.03
    assert (params.shift == 0).all()


def test_mpii_has_one_extension() -> None:
    params = draw(replace(RSN, rotation_factor=60.0, way="rsn_mpii"), 0, 0, DRAWS)
    assert (params.stretch == 1.25).all()
    np.testing.assert_allclose([params.scale_factor.min(), params.scale_factor.max()], [0.75, 1.25], atol=1e-3)
    np.testing.assert_allclose(params.half_body_stretch.max(axis=0), 1.6, rtol=1e-3)


def test_three_of_ten_centres_move() -> None:
    params = draw(MMPOSE, 0, 3, DRAWS)
    moved = (params.shift != 0).any(axis=1)
    assert moved.mean() == pytest.approx(0.3, abs=0.012)
    shift = params.shift[moved]
    assert 0.159 < np.abs(shift).max() <= 0.16
    np.testing.assert_allclose(shift.std(axis=0), 0.32 / np.sqrt(12), rtol=0.02)
    assert abs(np.corrcoef(shift.T)[0, 1]) < 0.03


def test_all_but_the_centre_is_drawn_as_for_hrnet() -> None:
    own, hrnet = draw(MMPOSE, 4, 5, 100), draw(replace(MMPOSE, way="hrnet"), 4, 5, 100)
    for name in ("half_body", "prefer_upper", "scale_factor", "rotation_degrees", "flip"):
        np.testing.assert_array_equal(getattr(own, name), getattr(hrnet, name))


@pytest.mark.parametrize("way", sorted(RECIPES))
def test_draws_depend_on_seed_epoch_and_record_alone(way: str) -> None:
    settings = replace(RSN, way=way)
    many, few = draw(settings, 1, 2, 100), draw(settings, 1, 2, 7)
    for one, other in zip(many.take(np.arange(7)), few, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(("way", "extend", "shrink", "above"), [("rsn", 0.05, 0.8, 3), ("rsn_mpii", 0.25, 1.0, 8)])
def test_rsn_equals_the_published_loop(
    rng: np.random.Generator, way: str, extend: float, shrink: float, above: int
) -> None:
    settings = AugmentSettings(True, 0.25, 45.0, 0.7, above, way)
    people, params = _people(rng), draw(settings, 9, 1, COUNT)
    skeleton = replace(load_skeleton("coco"), upper_body=UPPER)
    widths = rng.integers(400, 640, COUNT)
    changed = change_people(people, params, settings, skeleton, ASPECT, widths)
    halves = 0
    for row in range(COUNT):
        person = {
            "box": people.box[row].tolist(),
            "points": people.keypoints[row].tolist(),
            "flags": people.visible[row].tolist(),
        }
        drawn = {
            "growth_w": params.stretch[row, 0] / (1 + extend) - 1,
            "growth_h": params.stretch[row, 1] / (1 + extend) - 1,
            "half_body": params.half_body[row],
            "prefer_upper": params.prefer_upper[row],
            "half_growth": (params.half_body_stretch[row] - 1).tolist(),
            "scale": params.scale_factor[row] / shrink,
            "flip": params.flip[row],
        }
        options = {
            "extend": extend,
            "shrink": shrink,
            "above": above,
            "upper_body": UPPER,
            "aspect": ASPECT,
            "width": widths[row],
        }
        center, scale = augment_loops.rsn_person(person, drawn, options)
        np.testing.assert_allclose(changed.center[row], center, rtol=2e-6, atol=1e-4)
        np.testing.assert_allclose(changed.scale[row], scale, rtol=2e-6)
        whole, _ = augment_loops.rsn_person(person, {**drawn, "half_body": False}, options)
        halves += center != whole
    assert halves > COUNT / 5
    assert all(field.dtype == np.float32 for field in changed)


def test_mmpose_moves_whole_bodies_only(rng: np.random.Generator) -> None:
    people, skeleton = _people(rng), load_skeleton("coco")
    params, widths = draw(MMPOSE, 2, 2, COUNT), np.full(COUNT, 500)
    changed = change_people(people, params, MMPOSE, skeleton, ASPECT, widths)
    plain = change_people(people, params, replace(MMPOSE, way="hrnet"), skeleton, ASPECT, widths)
    np.testing.assert_array_equal(changed.scale, plain.scale)
    is_half = (plain.scale != people.scale * params.scale_factor.astype(np.float32)[:, None]).any(axis=1)
    assert is_half.any()
    np.testing.assert_array_equal(changed.center[is_half], plain.center[is_half])
    for row in np.flatnonzero(~is_half):
        x, y = augment_loops.mmpose_center(
            people.center[row].tolist(), people.scale[row].tolist(), params.shift[row].tolist()
        )
        np.testing.assert_allclose(changed.center[row], (499 - x if params.flip[row] else x, y), atol=1e-3)


def test_keypoints_outside_of_rsns_crops_are_not_labelled(rng: np.random.Generator) -> None:
    people, degrees = _people(rng), rng.uniform(-45, 45, COUNT)
    crop = PlainCrop(*SIZES)
    points = apply_affine(people.keypoints, crop.warp_matrix(people.center, people.scale * 0.7, degrees))
    seen = visible_in_crop(points, people.visible, RSN, SIZES[0])
    for row in range(COUNT):
        expected = augment_loops.rsn_flags(
            people.keypoints[row].tolist(),
            people.visible[row].tolist(),
            people.center[row].tolist(),
            (people.scale[row] * 0.7).tolist(),
            degrees[row],
        )
        assert seen[row].tolist() == expected
    assert 0 < (seen > 0).sum() < (people.visible > 0).sum()
    assert set(np.unique(seen)) == {0, 1, 2}
    for way in ("hrnet", "mmpose"):
        assert visible_in_crop(points, people.visible, replace(RSN, way=way), SIZES[0]) is people.visible


def test_the_border_of_the_crop_belongs_to_it() -> None:
    points = torch.tensor([[[0.0, 0.0], [191.0, 255.0], [-0.001, 5], [191.001, 5], [5, 255.001]]], dtype=torch.float64)
    assert visible_in_crop(points, np.ones((1, 5), np.float32), RSN, SIZES[0]).tolist() == [[1, 1, 0, 0, 0]]


def test_flipped_people_flip_back(rng: np.random.Generator) -> None:
    """Their boxes too: in the mirrored image the same way gives the same crop."""
    people, skeleton, widths = _people(rng), load_skeleton("coco"), np.full(COUNT, 500)
    still: AugmentParams = no_augmentation(COUNT)
    flipped = change_people(people, still._replace(flip=np.ones(COUNT, bool)), RSN, skeleton, ASPECT, widths)
    again = change_people(flipped, still, RSN, skeleton, ASPECT, widths)
    np.testing.assert_allclose(again.center, flipped.center, atol=1e-3)
    np.testing.assert_allclose(again.scale, flipped.scale, rtol=1e-6)


def test_samples_of_rsns_way(tmp_path: Path, rng: np.random.Generator) -> None:
    write_dataset(tmp_path, rng)
    options = ("DATASET.AUGMENTATION", "rsn", "DATASET.NUM_JOINTS_HALF_BODY", "3", "DATASET.UPPER_BODY", str([*UPPER]))
    config = tiny_config(tmp_path, *options)
    assert resolve_skeleton(config).upper_body == UPPER
    dataset, other = (build_dataset(config, is_train=True) for _ in range(2))
    flags = set()
    for epoch in range(4):
        batch = dataset.batch(epoch, np.arange(len(dataset)))
        flags |= set(batch.visible.unique().tolist())
        inside = ((batch.input_keypoints >= 0) & (batch.input_keypoints <= torch.tensor([95, 127]))).all(dim=-1)
        assert (inside | (batch.visible == 0)).all()
        one = other[SampleKey(epoch, 3)]
        assert torch.equal(one.image, batch.image[3])
        assert torch.equal(one.visible, batch.visible[3])
    assert flags == {0, 1, 2}
    assert build_dataset(config, is_train=False)[0].visible.max() == 2


def test_an_upper_body_of_unknown_keypoints_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        PoseError, match=r"DATASET\.UPPER_BODY is \[0, 17\], but it must be a list of indices from 0 to"
    ):
        tiny_config(tmp_path, "DATASET.UPPER_BODY", "[0, 17]")

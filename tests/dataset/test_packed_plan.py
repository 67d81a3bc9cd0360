from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers.tiny_dataset import tiny_config, write_dataset

from lib.dataset import PoseDataset, build_dataset
from lib.dataset.augment import AugmentSettings
from lib.dataset.packed.plan import Layout, plan_layout
from lib.utils.geometry import apply_affine

SETTINGS = AugmentSettings(True, 0.35, 45.0, 0.3, 8)


@pytest.fixture
def dataset(tmp_path: Path, rng: np.random.Generator) -> PoseDataset:
    write_dataset(tmp_path, rng, images=10)
    return build_dataset(tiny_config(tmp_path), is_train=True)


def _plan(dataset: PoseDataset, shard_bytes: int = 10**9, density: float | None = None) -> Layout:
    return plan_layout(
        dataset.records,
        dataset.images,
        dataset.codec,
        dataset.skeleton,
        SETTINGS,
        density=density,
        shard_bytes=shard_bytes,
    )


@pytest.mark.parametrize("shard_bytes", [1, 300_000, 700_000, 10**9])
def test_shards_are_even_and_part_no_image(dataset: PoseDataset, shard_bytes: int) -> None:
    layout = _plan(dataset, shard_bytes)
    sizes = layout.stored_wh.prod(axis=1) * 3
    for number in range(layout.shard.max() + 1):
        members = np.flatnonzero(layout.shard == number)
        assert (np.diff(members) == 1).all()
        np.testing.assert_array_equal(layout.offset[members], np.cumsum(sizes[members]) - sizes[members])
    for image in np.unique(dataset.records.image_index):
        assert len(set(layout.shard[dataset.records.image_index == image].tolist())) == 1
    of_image = np.bincount(dataset.records.image_index, weights=sizes)
    shards = layout.shards()
    assert sum(shard.num_people for shard in shards) == len(dataset)
    assert sum(shard.num_bytes for shard in shards) == sizes.sum()
    assert len(shards) <= -(-sizes.sum() // shard_bytes)
    for shard in shards:
        assert shard.num_people
        assert shard.num_bytes <= shard_bytes + of_image.max()


def test_maps_bring_the_edges_of_a_region_to_the_edges_of_its_pixels(dataset: PoseDataset) -> None:
    layout = _plan(dataset, density=0.6)
    assert (layout.stored_wh < layout.region[:, 2:] - layout.region[:, :2]).any()
    edges = layout.region.reshape(-1, 2, 2) - 0.5
    expected = np.stack([np.full_like(layout.stored_wh, 0), layout.stored_wh], axis=1) - 0.5
    np.testing.assert_allclose(apply_affine(edges, layout.to_stored), expected, atol=1e-9)


def test_at_the_images_density_pixels_keep_their_size(dataset: PoseDataset) -> None:
    layout = _plan(dataset)
    np.testing.assert_array_equal(layout.stored_wh, layout.region[:, 2:] - layout.region[:, :2])
    np.testing.assert_array_equal(layout.to_stored[:, :, :2], np.broadcast_to(np.eye(2), (len(dataset), 2, 2)))


def test_weaker_changes_need_fewer_bytes(dataset: PoseDataset) -> None:
    weaker = replace(SETTINGS, rotation_factor=0.0, half_body_probability=0.0)
    args = (dataset.records, dataset.images, dataset.codec, dataset.skeleton)
    strong, weak = (
        plan_layout(*args, settings, density=1.5, shard_bytes=10**9).shards()[0].num_bytes
        for settings in (SETTINGS, weaker)
    )
    assert weak < strong

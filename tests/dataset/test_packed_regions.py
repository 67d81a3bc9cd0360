from pathlib import Path

import numpy as np
import pytest
from helpers.tiny_dataset import tiny_config, write_dataset

from lib.codecs.build import build_codec
from lib.dataset import PoseDataset, build_dataset
from lib.dataset.augment import AugmentSettings, People, change_people, draw
from lib.dataset.crop import mirror_maps
from lib.dataset.packed.regions import pixel_regions, sampled_rectangles, stored_density

EPOCHS = 60
# So few pixels that each of them is several of the image.
SMALL = ("MODEL.IMAGE_SIZE", "[32,64]", "MODEL.HEATMAP_SIZE", "[8,16]")
STILL = AugmentSettings(False, 0.0, 0.0, 0.0, 8)


@pytest.fixture
def root(tmp_path: Path, rng: np.random.Generator) -> Path:
    write_dataset(tmp_path, rng)
    return tmp_path


def _sampled(dataset: PoseDataset, settings: AugmentSettings, epoch: int) -> np.ndarray:
    """Positions in the image of the outermost pixels of an epoch's crops, (N, 4, 2), by the training's own code."""
    records, codec = dataset.records, dataset.codec
    people = People(records.center, records.scale, records.box, records.keypoints, records.visible)
    params = draw(settings, 5, epoch, len(records))
    widths = dataset.images.size_wh[records.image_index, 0]
    width, height = codec.input_size_wh
    people = change_people(people, params, settings, dataset.skeleton, width / height, widths)
    matrices = codec.warp_matrix(people.center, people.scale, params.rotation_degrees).numpy()
    corners = np.array([[x, y] for x in (0, width - 1) for y in (0, height - 1)], float)
    maps = mirror_maps(matrices, params.flip, widths)
    return np.linalg.solve(maps[:, None, :, :2], (corners - maps[:, None, :, 2])[..., None])[..., 0]


@pytest.mark.parametrize("codec", ["msra", "udp", "dark"])
@pytest.mark.parametrize(
    "settings",
    [
        AugmentSettings(True, 0.35, 45.0, 0.3, 8),
        AugmentSettings(True, 0.25, 10.0, 0.9, 4),
        AugmentSettings(False, 0.5, 120.0, 0.0, 8),
        AugmentSettings(True, 0.0, 0.0, 0.0, 8),
        AugmentSettings(True, 0.5, 40.0, 0.3, 8, "mmpose"),
        AugmentSettings(True, 0.25, 45.0, 0.3, 3, "rsn"),
        AugmentSettings(False, 0.25, 10.0, 0.9, 8, "rsn"),
        AugmentSettings(True, 0.25, 60.0, 0.5, 8, "rsn_mpii"),
    ],
)
@pytest.mark.parametrize("density", [None, 0.5])
def test_nothing_is_sampled_outside_of_a_region(
    root: Path, codec: str, settings: AugmentSettings, density: float | None
) -> None:
    dataset = build_dataset(tiny_config(root, "MODEL.CODEC", codec, *SMALL), is_train=True)
    size_wh = dataset.images.size_wh[dataset.records.image_index]
    first, last = sampled_rectangles(dataset.records, dataset.codec, settings, dataset.skeleton)
    per_pixel = stored_density(dataset.records, dataset.codec, density)
    regions = pixel_regions(first, last, per_pixel, size_wh)
    # The pixels that a position is interpolated with; where pixels are reduced these are stored ones, half of which
    # reach beyond the position.
    reach = 0.5 / per_pixel[:, None, None] - 0.5
    for epoch in range(EPOCHS):
        points = _sampled(dataset, settings, epoch)
        low = np.clip(np.floor(points - reach), 0, size_wh[:, None] - 1)
        high = np.clip(np.floor(points + reach) + 1, 0, size_wh[:, None] - 1)
        assert (low >= regions[:, None, :2]).all()
        assert (high < regions[:, None, 2:]).all()


def test_regions_are_no_larger_than_needed(root: Path) -> None:
    """Many draws come close to each side of the rectangle."""
    settings = AugmentSettings(True, 0.3, 5.0, 0.5, 8)
    dataset = build_dataset(tiny_config(root), is_train=True)
    first, last = sampled_rectangles(dataset.records, dataset.codec, settings, dataset.skeleton)
    points = np.concatenate([_sampled(dataset, settings, epoch) for epoch in range(400)], axis=1)
    sides = (last - first).max()
    np.testing.assert_allclose(points.min(axis=1), first, atol=0.03 * sides)
    np.testing.assert_allclose(points.max(axis=1), last, atol=0.03 * sides)


def test_without_changes_a_region_is_the_crop(root: Path) -> None:
    dataset = build_dataset(tiny_config(root), is_train=True)
    first, last = sampled_rectangles(dataset.records, dataset.codec, STILL, dataset.skeleton)
    points = _sampled(dataset, STILL, 0)
    np.testing.assert_allclose(first, points.min(axis=1), atol=1e-3)
    np.testing.assert_allclose(last, points.max(axis=1), atol=1e-3)


def test_any_rotation_gives_a_circle(root: Path) -> None:
    dataset = build_dataset(tiny_config(root), is_train=True)
    settings = AugmentSettings(False, 0.0, 90.0, 0.0, 8)
    first, last = sampled_rectangles(dataset.records, dataset.codec, settings, dataset.skeleton)
    diagonals = np.hypot(*(dataset.records.scale.astype(float) * 200).T)
    np.testing.assert_allclose(last - first, np.stack([diagonals, diagonals], axis=1), rtol=1e-6)


def test_density_counts_stored_pixels_per_input_pixel(root: Path) -> None:
    dataset = build_dataset(tiny_config(root), is_train=True)
    codec = build_codec(tiny_config(root))
    image_per_input = dataset.records.scale * 200 / (np.array(codec.input_size_wh) - 1)
    expected = np.minimum(1, 0.7 / image_per_input.min(axis=1))
    np.testing.assert_allclose(stored_density(dataset.records, codec, 0.7), expected, rtol=1e-5)
    assert (expected < 1).any()
    assert (stored_density(dataset.records, codec, None) == 1).all()


def test_a_region_has_a_pixel_even_where_nothing_is_sampled_in_the_image() -> None:
    far = np.array([[1000.0, -500.0]])
    region = pixel_regions(far, far + 10, np.ones(1), np.array([[320, 240]]))
    assert region.tolist() == [[319, 0, 320, 1]]

from pathlib import Path

import numpy as np
import pytest
from helpers.tiny_dataset import tiny_config, write_dataset

from lib.bench.loader import loader_rows
from lib.bench.pictures import with_boxes
from lib.bench.plain_loader import PlainDataset
from lib.bench.settings import BenchSettings
from lib.dataset import SampleKey, build_dataset
from lib.dataset.pixels import ImagePixels
from lib.utils.image import normalize


@pytest.mark.parametrize("is_train", [True, False])
def test_both_ways_load_the_same_samples(tmp_path: Path, rng: np.random.Generator, is_train: bool) -> None:
    write_dataset(tmp_path, rng)
    cfg = tiny_config(tmp_path, "MODEL.SIGMA", "2")
    dataset = build_dataset(cfg, is_train=is_train)
    assert isinstance(dataset.source, ImagePixels)
    paths = [dataset.source.store.name(int(index)) for index in dataset.records.image_index]
    plain = PlainDataset(dataset, paths, cfg.MODEL.SIGMA, cfg.DATASET.MEAN, cfg.DATASET.STD)
    for index in range(len(dataset)):
        expected, sample = plain[3, index], dataset[SampleKey(3, index)]
        shown = (sample.visible > 0).numpy()
        np.testing.assert_allclose(sample.input_keypoints[shown], expected.input_keypoints[shown], atol=1e-3)
        heatmaps, weights = dataset.codec.encode(sample.input_keypoints[None].double(), sample.visible[None])
        np.testing.assert_array_equal(weights[0], expected.weights[:, 0])
        np.testing.assert_allclose(heatmaps[0], expected.heatmaps, atol=1e-4)
        # OpenCV 4 rounds sampled positions, which moves steep edges by a few grey levels of 255.
        image = normalize(sample.image[None], cfg.DATASET.MEAN, cfg.DATASET.STD)[0]
        assert np.abs(image - expected.image).max() < 6 / 255 / min(cfg.DATASET.STD)


def test_made_boxes_lie_in_their_images(tmp_path: Path, rng: np.random.Generator) -> None:
    write_dataset(tmp_path, rng, images=3)
    crowded = with_boxes(build_dataset(tiny_config(tmp_path), is_train=False), 5)
    assert len(crowded) == 5 * len(np.unique(crowded.records.image_index))
    width, height = crowded.images.size_wh[crowded.records.image_index].T
    x, y = crowded.records.center.T
    assert ((x > 0) & (x < width) & (y > 0) & (y < height)).all()
    assert crowded.batch(0, np.arange(4)).image.float().mean() > 1


def test_rows_of_both_loaders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lib.bench.pictures.IMAGES", 3)
    rows = loader_rows(BenchSettings(repeats=1))
    assert {row.name for row in rows} == {"training loader, JPEG", "test loader, 20 boxes per image"}
    assert all(row.median > 0 for row in rows)

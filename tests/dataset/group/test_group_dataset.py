"""Training samples of whole pictures: picture, people and masks show the same view."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from helpers.tiny_groups import group_experiment, make_group_data
from pycocotools import mask as coco_mask
from reference.group_views import bilinear

from lib.config import load_config
from lib.dataset import PoseLoader, TrainSampler
from lib.dataset.group.augment import draw_views, view_maps
from lib.dataset.group.build import build_group_dataset
from lib.dataset.group.dataset import GroupDataset, GroupSample
from lib.dataset.group.regions import Regions
from lib.dataset.layout import DataFiles
from lib.utils.errors import PoseError


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_group_data(tmp_path_factory.mktemp("groups") / "data", train=12)


def _dataset(root: Path, codec: str = "ae", *overrides: str) -> GroupDataset:
    path = root / "annotations" / "person_keypoints_train.json"
    experiment = group_experiment(root, root, MODEL={"CODEC": codec}, DATASET={"MAX_NUM_PEOPLE": 5}, SEED=3)
    files = DataFiles("train", str(path), str(root / "images" / "train"), None)
    return build_group_dataset(load_config(experiment, list(overrides)), files)


def _maps(dataset: GroupDataset, epoch: int, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    params = draw_views(dataset.augment, dataset.seed, epoch, len(dataset)).take(indices)
    return view_maps(params, dataset.augment, dataset.records.size_wh[indices], dataset.crops[0]), params.flip


@pytest.mark.parametrize("codec", ["ae", "ae_udp"])
def test_people_against_a_loop(root: Path, codec: str) -> None:
    dataset = _dataset(root, codec)
    records, indices = dataset.records, np.array([5, 0, 3, 2, 9])
    sample, (maps, flip) = dataset.batch(4, indices), _maps(dataset, 4, indices)
    assert flip.any()
    order = dataset.skeleton.flip_permutation
    for position, index in enumerate(indices.tolist()):
        first, end = records.first[index : index + 2]
        for person in range(5):
            for keypoint in range(17):
                point, flag = np.zeros(2), 0.0
                if first + person < end:
                    source = order[keypoint] if flip[position] else keypoint
                    flag = records.visible[first + person, source]
                    point = maps[position] @ (*records.keypoints[first + person, source], 1.0)
                assert sample.visible[position, person, keypoint] == flag
                np.testing.assert_allclose(sample.input_keypoints[position, person, keypoint], point, atol=1e-4)


@pytest.mark.parametrize("mask_outside", [True, False])
@pytest.mark.parametrize("codec", ["ae", "ae_udp"])
def test_masks_against_a_loop(root: Path, codec: str, mask_outside: bool) -> None:
    """An output's pixel is taken back to the picture through the input, each by the formula of its convention."""
    dataset, indices = _dataset(root, codec, "DATASET.MASK_OUTSIDE", str(mask_outside)), np.array([2, 11, 7])
    sample, (maps, _) = dataset.batch(1, indices), _maps(dataset, 1, indices)
    assert [tuple(mask.shape) for mask in sample.masks] == [(3, 16, 16), (3, 32, 32)]
    unsure = 0
    for mask in sample.masks:
        size = mask.shape[-1]
        stride = 63 / (size - 1) if codec == "ae_udp" else 64 / size
        for position, index in enumerate(indices.tolist()):
            counted = dataset.regions.mask(int(dataset.records.image_index[index])).astype(float).tolist()
            for y in range(size):
                for x in range(size):
                    back = np.linalg.solve(maps[position][:, :2], np.array([x, y]) * stride - maps[position][:, 2])
                    value = bilinear(counted, *back.tolist(), outside=0.0 if mask_outside else 255.0)
                    if abs(value - 127.5) < 12:  # OpenCV 4 rounds positions to 1/32 of a pixel
                        unsure += 1
                    else:
                        assert bool(mask[position, y, x]) == (value > 127.5)
    assert unsure < 100
    assert any(bool(mask.any()) and not bool(mask.all()) for mask in sample.masks[0])


def test_the_picture_shows_the_keypoints(root: Path) -> None:
    """Every labelled dot of a lone person has the colour that the stored picture has there, mirrored or not."""
    dataset = _dataset(root, "ae", "DATASET.ROT_FACTOR", "0", "DATASET.MAX_SCALE", "0.8")
    indices, mirrored = np.array([0]), set()
    for epoch in range(6):
        sample, (_, flip) = dataset.batch(epoch, indices), _maps(dataset, epoch, indices)
        mirrored.add(bool(flip[0]))
        stored = cv2.imread(str(root / "images" / "train" / "1000.png"))[..., ::-1].astype(float)
        order = dataset.skeleton.flip_permutation if flip[0] else range(17)
        errors = []
        for keypoint, source in enumerate(order):
            x, y = sample.input_keypoints[0, 0, keypoint].round().int().tolist()
            if 0 <= x < 64 and 0 <= y < 64:
                column, row = dataset.records.keypoints[0, source].round().astype(int)
                errors.append(np.abs(sample.image[0, :, y, x].numpy() - stored[row, column]).max())
        assert np.median(errors) < 12
    assert mirrored == {True, False}


def _equal(one: GroupSample, other: GroupSample) -> bool:
    tensors = zip((*one[:3], *one.masks, one.index), (*other[:3], *other.masks, other.index), strict=True)
    return all(torch.equal(a, b) for a, b in tensors)


def test_a_sample_depends_on_seed_epoch_and_number_alone(root: Path) -> None:
    dataset, indices = _dataset(root), np.array([1, 6, 2])
    batch = dataset.batch(2, indices)
    dataset.batch(3, indices)
    assert _equal(batch, _dataset(root).batch(2, indices))
    assert not _equal(batch, dataset.batch(3, indices))
    for position, index in enumerate(indices.tolist()):
        alone = dataset.batch(2, np.array([index]))
        assert torch.equal(alone.image[0], batch.image[position])
        assert torch.equal(alone.masks[1][0], batch.masks[1][position])
    single = dataset[6]
    assert single.image.shape == (3, 64, 64)
    assert single.input_keypoints.shape == (5, 17, 2)
    assert [tuple(mask.shape) for mask in single.masks] == [(16, 16), (32, 32)]


def test_workers_give_the_same(root: Path) -> None:
    dataset = _dataset(root)
    batches = []
    for workers in (0, 2):
        loader = PoseLoader(dataset, TrainSampler(len(dataset), 5, 3), 5, num_workers=workers)
        loader.set_epoch(1)
        batches.append([GroupSample(*batch) for batch in loader])
    assert len(batches[0]) == 3
    assert all(_equal(one, other) for one, other in zip(*batches, strict=True))


def test_a_crowd_that_covers_everything(root: Path) -> None:
    dataset = _dataset(root)
    regions = dataset.regions
    parts = [coco_mask.frPyObjects({"size": [h, w], "counts": [0, w * h]}, h, w)["counts"] for w, h in regions.size_wh]
    start = np.concatenate([[0], np.cumsum([len(part) for part in parts])])
    dataset.regions = Regions(np.frombuffer(b"".join(parts), np.uint8), start, regions.size_wh)
    sample = dataset.batch(0, np.arange(4))
    assert not any(mask.any() for mask in sample.masks)
    assert (sample.visible > 0).any(), "the people are still there"


def test_a_broken_picture_is_named(tmp_path: Path) -> None:
    copied = make_group_data(tmp_path / "data")
    (copied / "images" / "train" / "1001.png").write_bytes(b"no picture")
    with pytest.raises(PoseError, match=r"record 1: image .*1001\.png"):
        _dataset(copied).batch(0, np.array([0, 1]))

"""Training samples of whole pictures: picture, people and masks show the same view."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from helpers.tiny_groups import group_experiment, make_group_data
from pycocotools import mask as coco_mask
from reference.group_views import bilinear, random_square, taught_point
from reference.grouping_loops import draw
from yacs.config import CfgNode

from lib.codecs.group.build import build_group_codec
from lib.config import load_config
from lib.core.group_loss import GroupLoss
from lib.core.teacher import GroupTeacher
from lib.dataset import PoseLoader, TrainSampler
from lib.dataset.group.augment import ViewParams, draw_views, view_maps
from lib.dataset.group.build import build_group_dataset
from lib.dataset.group.dataset import GroupDataset, GroupSample
from lib.dataset.group.regions import Regions
from lib.dataset.layout import DataFiles
from lib.utils.errors import PoseError


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_group_data(tmp_path_factory.mktemp("groups") / "data", train=12)


def _config(root: Path, codec: str = "ae", *overrides: str) -> CfgNode:
    return load_config(group_experiment(root, root, MODEL={"CODEC": codec}, SEED=3), list(overrides))


def _dataset(root: Path, codec: str = "ae", *overrides: str) -> GroupDataset:
    path = root / "annotations" / "person_keypoints_train.json"
    files = DataFiles("train", str(path), str(root / "images" / "train"), None)
    return build_group_dataset(_config(root, codec, *overrides), files)


def _params(dataset: GroupDataset, epoch: int, indices: np.ndarray) -> ViewParams:
    return draw_views(dataset.augment, dataset.seed, epoch, len(dataset)).take(indices)


def _maps(
    dataset: GroupDataset, epoch: int, indices: np.ndarray, *, mirrored: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    params = _params(dataset, epoch, indices)
    shown = params if mirrored else params._replace(flip=np.zeros_like(params.flip))
    return view_maps(shown, dataset.augment, dataset.records.size_wh[indices], dataset.crops[0]), params.flip


def _populated(sample: GroupSample) -> np.ndarray:
    """Which pictures of a batch have people, (B,) bool."""
    return (sample.visible > 0).flatten(1).any(dim=1).numpy()


@pytest.mark.parametrize("codec", ["ae", "ae_udp"])
def test_people_against_a_loop(root: Path, codec: str) -> None:
    dataset = _dataset(root, codec)
    records, indices = dataset.records, np.array([5, 0, 3, 2, 9, 1, 10, 8])
    sample, (maps, flip) = dataset.batch(4, indices), _maps(dataset, 4, indices)
    assert set(flip[_populated(sample)].tolist()) == {True, False}
    order = dataset.skeleton.flip_permutation
    most = int((records.first[indices + 1] - records.first[indices]).max())
    assert sample.visible.shape == (8, most, 17), "as many places as the picture with most people needs"
    for position, index in enumerate(indices.tolist()):
        first, end = records.first[index : index + 2]
        for person in range(most):
            for keypoint in range(17):
                point, flag = np.zeros(2), 0.0
                if first + person < end:
                    source = order[keypoint] if flip[position] else keypoint
                    flag = records.visible[first + person, source]
                    point = maps[position] @ (*records.keypoints[first + person, source], 1.0)
                assert sample.visible[position, person, keypoint] == flag
                np.testing.assert_allclose(sample.input_keypoints[position, person, keypoint], point, atol=1e-4)


@pytest.mark.parametrize("codec", ["ae", "ae_udp"])
@pytest.mark.parametrize("flip_on", ["output", "input"])
def test_targets_against_the_published_formula(root: Path, codec: str, flip_on: str) -> None:
    """From the annotation to heatmaps and tags' pixels of both outputs, mirrored on each or on the input."""
    dataset, indices = _dataset(root, codec, "DATASET.FLIP_ON", flip_on), np.arange(12)
    sample, params, udp = dataset.batch(4, indices), _params(dataset, 4, indices), codec == "ae_udp"
    made = build_group_codec(_config(root, codec))
    targets, _ = GroupTeacher(made).targets(sample, torch.device("cpu"))
    assert set(params.flip[_populated(sample)].tolist()) == {True, False}
    records, order = dataset.records, dataset.skeleton.flip_permutation
    for position, index in enumerate(indices.tolist()):
        size_wh, flips = tuple(records.size_wh[index].tolist()), bool(params.flip[position])
        drawn = float(params.scale[position]), (float(params.shift[position, 0]), float(params.shift[position, 1]))
        translate = dataset.augment.max_translate
        center, side = random_square(size_wh, *drawn, short=True, max_translate=translate, by_axis=False, udp=udp)
        people = slice(*records.first[index : index + 2])
        keypoints, visible = records.keypoints[people], records.visible[people] > 0
        if flips:
            keypoints, visible = keypoints[:, list(order)], visible[:, list(order)]
        degrees = float(params.rotation_degrees[position])
        for maps in targets.heatmaps:
            size = maps.shape[-1]
            points = np.zeros(keypoints.shape)
            for place in np.ndindex(visible.shape):
                x, y = keypoints[place].tolist()
                where = flip_on if flips else ""
                points[place] = taught_point((x, y), center, side, degrees, (64, size), udp=udp, flip_on=where)
            expected = draw(points, visible, made.sigma, size, size, unbiased=udp)
            np.testing.assert_allclose(maps[position].numpy(), expected, atol=1e-4)
            if size == 16:
                for place in np.ndindex(visible.shape):
                    x, y = (int(value) for value in points[place])
                    shown = bool(visible[place]) and 0 <= x < 16 and 0 <= y < 16
                    assert targets.tag_visible[position][place] == shown
                    assert targets.tag_index[position][place] == (16 * y + x if shown else 0)


def test_pictures_are_mirrored_on_one_of_two_grids(root: Path) -> None:
    assert _dataset(root).augment.flip_on_output
    with pytest.raises(PoseError, match=r"DATASET.FLIP_ON is 'both'.* output.* input"):
        _config(root, "ae", "DATASET.FLIP_ON", "both")


@pytest.mark.parametrize("codec", ["ae", "ae_udp"])
@pytest.mark.parametrize("flip_on", ["output", "input"])
def test_masks_against_a_loop(root: Path, codec: str, flip_on: str) -> None:
    """An output's pixel is taken back to the picture through the input, each by the formula of its convention.

    Published: the mask of the picture as it is, whose columns change places.
    """
    dataset, indices = _dataset(root, codec, "DATASET.FLIP_ON", flip_on), np.array([2, 11, 7, 5])
    sample, (maps, flip) = dataset.batch(1, indices), _maps(dataset, 1, indices, mirrored=flip_on == "input")
    assert flip.any()
    assert not flip.all()
    assert [tuple(mask.shape) for mask in sample.masks] == [(4, 16, 16), (4, 32, 32)]
    unsure = 0
    for mask in sample.masks:
        size = mask.shape[-1]
        stride = 63 / (size - 1) if codec == "ae_udp" else 64 / size
        for position, index in enumerate(indices.tolist()):
            counted = dataset.regions.mask(int(dataset.records.image_index[index])).astype(float).tolist()
            for y in range(size):
                for x in range(size):
                    column = size - 1 - x if flip[position] and flip_on == "output" else x
                    point = np.array([column, y]) * stride
                    back = np.linalg.solve(maps[position][:, :2], point - maps[position][:, 2])
                    value = bilinear(counted, *back.tolist())
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
    tensors = zip((*one[:4], *one.masks, one.index), (*other[:4], *other.masks, other.index), strict=True)
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
    assert single.input_keypoints.shape == (1, 17, 2)
    assert single.shifts.shape == (2,)
    assert [tuple(mask.shape) for mask in single.masks] == [(16, 16), (32, 32)]


def test_targets_and_losses_do_not_depend_on_the_places(root: Path, rng: np.random.Generator) -> None:
    """A picture's people are taught the same whoever else is in the batch."""
    dataset, codec = _dataset(root), build_group_codec(_config(root))
    sample = dataset.batch(0, np.array([1, 2, 3]))
    keypoints = torch.cat([sample.input_keypoints, torch.zeros(3, 27, 17, 2)], dim=1)
    visible = torch.cat([sample.visible, torch.zeros(3, 27, 17)], dim=1)
    own, padded = (
        codec.encode(points, flags, sample.shifts)
        for points, flags in ((sample.input_keypoints, sample.visible), (keypoints, visible))
    )
    assert all(torch.equal(one, other) for one, other in zip(own.heatmaps, padded.heatmaps, strict=True))
    assert torch.equal(own.tag_index, padded.tag_index[:, :3])
    assert not padded.tag_visible[:, 3:].any()
    shapes = (3, 34, 16, 16), (3, 17, 32, 32)
    outputs = [torch.from_numpy(rng.normal(size=shape)).float().requires_grad_() for shape in shapes]
    for kind in ("exp", "max"):
        gradients = []
        for targets in (own, padded):
            terms = GroupLoss(kind)(outputs, targets, sample.masks)
            assert terms["push"] > 0
            gradients.append([*terms.values(), *torch.autograd.grad(sum(terms.values()), outputs)])
        for one, other in zip(*gradients, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-9)


def test_pictures_with_nobody_have_a_place(root: Path) -> None:
    dataset = _dataset(root)
    assert dataset.records.first[3] == dataset.records.first[4]
    sample = dataset.batch(0, np.array([3]))
    assert sample.visible.shape == (1, 1, 17)
    assert not sample.visible.any()


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

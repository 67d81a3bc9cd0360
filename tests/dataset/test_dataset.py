from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from helpers.tiny_dataset import rewrite_annotations, tiny_config, write_dataset

from lib.dataset import PoseDataset, SampleKey, build_dataset
from lib.utils.errors import PoseError


@pytest.fixture
def root(tmp_path: Path, rng: np.random.Generator) -> Path:
    write_dataset(tmp_path, rng)
    return tmp_path


def test_samples_have_the_agreed_form(root: Path) -> None:
    dataset = build_dataset(tiny_config(root), is_train=True)
    assert len(dataset) == 17
    sample = dataset[SampleKey(2, 3)]
    shapes = {name: (tuple(value.shape), value.dtype) for name, value in sample._asdict().items()}
    assert shapes == {
        "image": ((3, 128, 96), torch.uint8),
        "input_keypoints": ((17, 2), torch.float32),
        "visible": ((17,), torch.float32),
        "center": ((2,), torch.float32),
        "scale": ((2,), torch.float32),
        "score": ((), torch.float64),
        "index": ((), torch.int64),
    }
    assert int(sample.index) == 3


def test_test_samples_show_the_box_as_recorded(root: Path) -> None:
    dataset = build_dataset(tiny_config(root), is_train=False)
    sample, records = dataset[4], dataset.records
    np.testing.assert_array_equal(sample.center, records.center[4])
    np.testing.assert_array_equal(sample.scale, records.scale[4])
    back = dataset.codec.to_image(sample.input_keypoints[None], sample.center[None], sample.scale[None])[0]
    np.testing.assert_allclose(back, records.keypoints[4], atol=1e-2)
    assert torch.equal(sample.image, dataset[SampleKey(5, 4)].image)


def test_training_samples_depend_on_epoch_record_and_seed(root: Path) -> None:
    dataset = build_dataset(tiny_config(root), is_train=True)
    other_seed = build_dataset(tiny_config(root, "SEED", "1"), is_train=True)
    sample = dataset[SampleKey(1, 4)]
    again = build_dataset(tiny_config(root), is_train=True)[SampleKey(1, 4)]
    assert all(torch.equal(one, two) for one, two in zip(sample, again, strict=True))
    assert torch.equal(dataset[4].image, dataset[SampleKey(0, 4)].image)
    for changed in (dataset[SampleKey(2, 4)], other_seed[SampleKey(1, 4)]):
        assert not torch.equal(sample.image, changed.image)


@pytest.mark.parametrize("codec", ["msra", "udp", "dark"])
def test_labelled_spots_lie_at_their_keypoints(tmp_path: Path, rng: np.random.Generator, codec: str) -> None:
    """Whatever is drawn, flips included, each keypoint stays on the coloured spot it was annotated at."""
    content = write_dataset(tmp_path, rng, images=2, people=1)
    values = rng.permutation(np.arange(60, 230, 10))
    for entry, image in zip(content["annotations"], content["images"], strict=True):
        x, y = np.meshgrid(60 + 40 * np.arange(5), 60 + 40 * np.arange(4))
        points = np.stack([x.ravel(), y.ravel()], axis=1)[:17]
        canvas = np.zeros((240, 320, 3), np.uint8)
        for value, point in zip(values, points.tolist(), strict=True):
            cv2.circle(canvas, point, 9, (int(value),) * 3, -1)
        cv2.imwrite(str(tmp_path / "images" / "tiny" / image["file_name"]), canvas)
        entry["keypoints"] = np.concatenate([points, np.full((17, 1), 2)], axis=1).ravel().tolist()
        entry.update(bbox=[50, 50, 190, 140], num_keypoints=17)
    rewrite_annotations(tmp_path, content)
    dataset = build_dataset(tiny_config(tmp_path, "MODEL.CODEC", codec), is_train=True)
    mirrored = list(dataset.skeleton.flip_permutation)
    seen = {False: 0, True: 0}
    for epoch in range(12):
        sample = dataset[SampleKey(epoch, 1)]
        x, y = sample.input_keypoints.round().long().T
        inside = (x >= 2) & (x < 94) & (y >= 2) & (y < 126)
        spots = sample.image[0][y.clamp(0, 127), x.clamp(0, 95)][inside].numpy()
        candidates = {flip: (values[mirrored] if flip else values)[inside.numpy()] for flip in (False, True)}
        matches = [flip for flip, wanted in candidates.items() if np.array_equal(spots, wanted)]
        assert matches, epoch
        seen[matches[0]] += int(inside.sum() > 2)
    assert min(seen.values()) > 1


def test_colour_order_follows_the_config(root: Path) -> None:
    rgb = build_dataset(tiny_config(root), is_train=False)[3].image
    bgr = build_dataset(tiny_config(root, "DATASET.COLOR_RGB", "False"), is_train=False)[3].image
    assert torch.equal(rgb, bgr.flip(0))
    assert not torch.equal(rgb, bgr)


@pytest.mark.parametrize("is_train", [False, True])
def test_records_are_never_written_to(root: Path, is_train: bool) -> None:
    dataset = build_dataset(tiny_config(root), is_train=is_train)
    before = {name: value.copy() for name, value in vars(dataset.records).items()}
    for index in range(len(dataset)):
        sample = dataset[SampleKey(1, index)]
        for value in sample:
            value.zero_()
    for name, value in before.items():
        np.testing.assert_array_equal(getattr(dataset.records, name), value)


def test_an_image_of_another_size_is_named(root: Path) -> None:
    dataset = build_dataset(tiny_config(root), is_train=False)
    cv2.imwrite(dataset.source.store.name(0), np.zeros((320, 240, 3), np.uint8))
    with pytest.raises(PoseError, match=r"record 0: image .*100\.png has 240x320 stored pixels, .* says 320x240"):
        dataset[0]


def test_a_corrupt_image_is_named_with_its_record(root: Path) -> None:
    dataset = build_dataset(tiny_config(root), is_train=False)
    Path(dataset.source.store.name(1)).write_bytes(b"broken")
    index = int(np.flatnonzero(dataset.records.image_index == 1)[0])
    with pytest.raises(PoseError, match=rf"record {index}: image .*101\.png is cut short or not a picture"):
        dataset[index]


def test_neighbours_in_one_image_decode_it_once(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = build_dataset(tiny_config(root), is_train=False)
    reads: list[int] = []
    read = dataset.source.store.read
    monkeypatch.setattr(dataset.source.store, "read", lambda index: reads.append(index) or read(index))
    for index in range(len(dataset)):
        dataset[index]
    assert reads == sorted(set(dataset.records.image_index.tolist()))


def test_provenance_is_there_to_be_reported(root: Path) -> None:
    dataset: PoseDataset = build_dataset(tiny_config(root), is_train=False)
    assert dataset.annotation_file == str(root / "annotations" / "person_keypoints_tiny.json")
    assert dataset.box_source == "annotated boxes"
    assert dataset.num_dropped == {"no keypoints": 1}


@pytest.mark.parametrize("is_train", [False, True])
def test_a_batch_equals_its_samples(root: Path, is_train: bool) -> None:
    dataset = build_dataset(tiny_config(root), is_train=is_train)
    indices = np.array([5, 0, 3, 5])
    batch = dataset.batch(2, indices)
    assert batch.image.shape == (4, 3, 128, 96)
    for row, index in enumerate(indices.tolist()):
        for one, many in zip(dataset[SampleKey(2, index)], batch, strict=True):
            assert torch.equal(one, many[row])

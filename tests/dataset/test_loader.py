from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from helpers.tiny_dataset import tiny_config, write_dataset

from lib.dataset import PoseDataset, Sample, build_dataset, build_loader
from lib.utils.errors import PoseError


@pytest.fixture
def root(tmp_path: Path, rng: np.random.Generator) -> Path:
    write_dataset(tmp_path, rng)
    return tmp_path


def _samples(batches: list[Sample]) -> dict[int, tuple[torch.Tensor, ...]]:
    """Every sample of an epoch by its record."""
    return {int(index): tuple(row) for batch in batches for index, *row in zip(batch.index, *batch, strict=True)}


def _epoch(root: Path, epoch: int, workers: int, world_size: int = 1) -> dict[int, tuple[torch.Tensor, ...]]:
    config = tiny_config(root, "WORKERS", str(workers))
    dataset = build_dataset(config, is_train=True)
    samples: dict[int, tuple[torch.Tensor, ...]] = {}
    for rank in range(world_size):
        loader = build_loader(config, dataset, True, rank, world_size)
        loader.set_epoch(epoch)
        samples |= _samples(list(loader))
    return samples


@pytest.mark.parametrize(("workers", "world_size"), [(1, 1), (2, 1), (0, 2), (0, 3), (2, 2)])
def test_samples_do_not_depend_on_workers_or_processes(root: Path, workers: int, world_size: int) -> None:
    expected = _epoch(root, 3, workers=0)
    assert set(expected) == set(range(17))
    actual = _epoch(root, 3, workers, world_size)
    assert set(actual) == set(expected)
    for index, sample in expected.items():
        assert all(torch.equal(one, two) for one, two in zip(sample, actual[index], strict=True))


def test_workers_live_on_and_see_new_epochs(root: Path) -> None:
    config = tiny_config(root, "WORKERS", "1")
    loader = build_loader(config, build_dataset(config, is_train=True), True)
    for epoch in (0, 1, 0):
        loader.set_epoch(epoch)
        actual, expected = _samples(list(loader)), _epoch(root, epoch, workers=0)
        assert all(torch.equal(actual[index][0], expected[index][0]) for index in expected)


@pytest.mark.parametrize("workers", [0, 2])
def test_an_epoch_continues_in_its_middle(root: Path, workers: int) -> None:
    config = tiny_config(root, "WORKERS", str(workers))
    loader = build_loader(config, build_dataset(config, is_train=True), True)
    loader.set_epoch(2)
    whole = list(loader)
    loader.set_epoch(2, start_step=3)
    rest = list(loader)
    assert len(loader) == len(whole) == 5
    assert len(rest) == 2
    for one, two in zip(whole[3:], rest, strict=True):
        assert torch.equal(one.image, two.image)
        assert torch.equal(one.index, two.index)


@pytest.mark.parametrize("world_size", [1, 2, 4])
def test_a_test_sees_each_record_once(root: Path, world_size: int) -> None:
    config = tiny_config(root)
    dataset = build_dataset(config, is_train=False)
    loaders = [build_loader(config, dataset, False, rank, world_size) for rank in range(world_size)]
    indices = [int(index) for loader in loaders for batch in loader for index in batch.index]
    assert indices == list(range(17))


def test_more_processes_than_records(root: Path) -> None:
    config = tiny_config(root)
    loader = build_loader(config, build_dataset(config, is_train=False), False, rank=0, world_size=100)
    assert list(loader) == []


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("is_train", [True, False])
def test_a_bad_image_is_one_sentence(root: Path, workers: int, is_train: bool) -> None:
    config = tiny_config(root, "WORKERS", str(workers))
    dataset: PoseDataset = build_dataset(config, is_train=is_train)
    loader = build_loader(config, dataset, is_train)
    Path(dataset.source.store.name(4)).write_bytes(b"broken")
    with pytest.raises(PoseError, match=r"^record \d+: image .*104\.png is cut short or not a picture") as caught:
        list(loader)
    assert "\n" not in str(caught.value)


def test_iterating_leaves_the_global_random_state_alone(root: Path) -> None:
    config = tiny_config(root)
    loader = build_loader(config, build_dataset(config, is_train=True), True)
    before = torch.get_rng_state()
    list(loader)
    assert torch.equal(torch.get_rng_state(), before)


def test_workers_use_one_thread(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tiny_config(root, "WORKERS", "1")
    dataset = build_dataset(config, is_train=False)
    threads = torch.tensor([-1, -1]).share_memory_()
    make = PoseDataset.batch

    def watched(self: PoseDataset, epoch: int, indices: np.ndarray) -> Sample:
        threads[:] = torch.tensor([cv2.getNumThreads(), torch.get_num_threads()])
        return make(self, epoch, indices)

    monkeypatch.setattr(PoseDataset, "batch", watched)
    list(build_loader(config, dataset, False))
    assert threads[0] <= 1
    assert threads[1] == 1

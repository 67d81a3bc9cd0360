from itertools import chain

import numpy as np
import pytest

from lib.dataset.sampler import SampleKey, TestSampler, TrainSampler


def _indices(sampler: TrainSampler | TestSampler) -> list[int]:
    return [key.index for key in sampler]


@pytest.mark.parametrize("world_size", [1, 2, 3, 5, 30])
def test_each_record_is_trained_on_in_each_epoch(world_size: int) -> None:
    samplers = [TrainSampler(23, 4, 7, rank, world_size) for rank in range(world_size)]
    seen = [_indices(sampler) for sampler in samplers]
    assert {len(indices) for indices in seen} == {len(samplers[0])} == {-(-23 // world_size)}
    flat = list(chain.from_iterable(seen))
    assert set(flat) == set(range(23))
    assert len(flat) - 23 < world_size


def test_orders_depend_on_seed_and_epoch_alone() -> None:
    sampler = TrainSampler(50, 4, seed=1)
    first = list(sampler)
    assert first == list(sampler) == list(TrainSampler(50, 8, seed=1))
    sampler.set_epoch(1)
    assert _indices(sampler) != [key.index for key in first]
    assert {key.epoch for key in sampler} == {1}
    assert _indices(TrainSampler(50, 4, seed=2)) != [key.index for key in first]


@pytest.mark.parametrize("world_size", [2, 4])
def test_a_step_covers_the_same_records_for_any_number_of_processes(world_size: int) -> None:
    single = _indices(TrainSampler(64, 8, seed=3))
    batch = 8 // world_size
    shares = [_indices(TrainSampler(64, batch, 3, rank, world_size)) for rank in range(world_size)]
    for step in range(8):
        together = chain.from_iterable(share[step * batch : (step + 1) * batch] for share in shares)
        assert sorted(together) == sorted(single[step * 8 : (step + 1) * 8])


def test_an_epoch_continues_in_its_middle() -> None:
    sampler = TrainSampler(50, 4, 3, rank=1, world_size=2)
    sampler.set_epoch(5)
    whole = list(sampler)
    sampler.set_epoch(5, start_step=3)
    assert list(sampler) == whole[12:]
    assert len(sampler) == 25
    sampler.set_epoch(5, start_step=7)
    assert list(sampler) == []


def test_an_iteration_stays_in_its_epoch() -> None:
    sampler = TrainSampler(5, 2, 0)
    keys = iter(sampler)
    next(keys)
    sampler.set_epoch(1)
    assert {key.epoch for key in keys} == {0}


def test_without_shuffling_the_order_is_that_of_the_records() -> None:
    assert _indices(TrainSampler(5, 2, 0, shuffle=False)) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("world_size", [1, 2, 3, 7])
@pytest.mark.parametrize("num_records", [0, 1, 6, 100])
def test_each_record_is_tested_once(num_records: int, world_size: int) -> None:
    samplers = [TestSampler(np.arange(num_records), rank, world_size) for rank in range(world_size)]
    assert list(chain.from_iterable(map(_indices, samplers))) == list(range(num_records))
    assert sum(map(len, samplers)) == num_records
    assert np.ptp([len(sampler) for sampler in samplers]) <= 1


def test_keys_of_a_test_belong_to_epoch_zero() -> None:
    sampler = TestSampler(np.arange(2))
    sampler.set_epoch(9)
    assert list(sampler) == [SampleKey(0, 0), SampleKey(0, 1)]


def test_people_of_an_image_follow_each_other() -> None:
    assert _indices(TestSampler(np.array([5, 2, 5, 9, 2, 2]))) == [1, 4, 5, 0, 2, 3]

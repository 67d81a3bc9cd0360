from itertools import chain

import numpy as np
import pytest

from lib.dataset.packed.sampler import ShardSampler
from lib.dataset.sampler import TrainSampler
from lib.utils.errors import PoseError

SHARD = np.repeat(np.arange(7), [5, 9, 4, 6, 5, 5, 2])


def _indices(sampler: TrainSampler) -> list[int]:
    return [key.index for key in sampler]


@pytest.mark.parametrize("world_size", [2, 3, 7])
def test_each_process_stays_in_its_shards(world_size: int) -> None:
    samplers = [ShardSampler(SHARD, 7, 4, 1, rank, world_size) for rank in range(world_size)]
    assert sorted(chain.from_iterable(sampler.own_shards for sampler in samplers)) == list(range(7))
    for rank, sampler in enumerate(samplers):
        seen = _indices(sampler)
        assert set((SHARD[seen] % world_size).tolist()) == {rank}
        assert len(seen) == len(sampler) == len(TrainSampler(len(SHARD), 4, 1, rank, world_size))


def test_one_process_sees_the_shared_order() -> None:
    own, shared = ShardSampler(SHARD, 7, 4, 3), TrainSampler(len(SHARD), 4, 3)
    for epoch in range(3):
        own.set_epoch(epoch)
        shared.set_epoch(epoch)
        assert list(own) == list(shared)


def test_a_process_with_many_records_leaves_others_out_each_time() -> None:
    sampler = ShardSampler(np.repeat([0, 1], [30, 10]), 2, 4, 0, 0, 2)
    epochs = []
    for epoch in range(6):
        sampler.set_epoch(epoch)
        epochs.append(_indices(sampler))
        assert len(set(epochs[-1])) == len(epochs[-1]) == 20
    assert set(chain.from_iterable(epochs)) == set(range(30))
    assert epochs[0] != epochs[1]


def test_a_process_with_few_records_goes_through_them_again() -> None:
    seen = _indices(ShardSampler(np.repeat([0, 1], [30, 10]), 2, 4, 0, 1, 2))
    assert sorted(seen[:10]) == sorted(seen[10:]) == list(range(30, 40))


def test_without_shuffling_epochs_go_on_where_the_last_one_stopped() -> None:
    sampler = ShardSampler(np.repeat([0, 1], [30, 10]), 2, 4, 0, 0, 2, shuffle=False)
    assert _indices(sampler) == list(range(20))
    sampler.set_epoch(1)
    assert _indices(sampler) == [*range(20, 30), *range(10)]


def test_an_epoch_continues_in_its_middle() -> None:
    sampler = ShardSampler(SHARD, 7, 4, 3, 1, 2)
    sampler.set_epoch(5)
    whole = list(sampler)
    sampler.set_epoch(5, start_step=2)
    assert list(sampler) == whole[8:]


def test_more_processes_than_shards_are_refused() -> None:
    with pytest.raises(PoseError, match=r"8 processes cannot share 7 shards with DATASET\.SHARDS own; .*--shard-size"):
        ShardSampler(SHARD, 7, 4, 0, 0, 8)


def test_a_process_without_records_is_refused() -> None:
    with pytest.raises(PoseError, match="no record that is trained on lies in the shards of process 1 of 2"):
        ShardSampler(np.zeros(5, np.int64), 2, 4, 0, 1, 2)

"""Which records each process sees, in which order."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from torch.utils.data import Sampler


class SampleKey(NamedTuple):
    """What determines a sample completely: the epoch of its random changes and the record."""

    epoch: int
    index: int  # type: ignore[assignment] # hides tuple.index, which nobody needs here


class TrainSampler(Sampler[SampleKey]):
    """A new order in each epoch, the same for any number of processes.

    Step s of W processes with batches of B covers the same records as step s of one process with batches of W x B.
    When the records cannot be shared evenly, the first of the epoch's order are used twice, so that no process waits
    for another.

    Args:
        num_records: size of the data set.
        batch_size: records per step and process.
        seed: of the orders.
        rank: this process.
        world_size: number of processes.
        shuffle: False keeps the order of the records.
    """

    def __init__(
        self, num_records: int, batch_size: int, seed: int, rank: int = 0, world_size: int = 1, *, shuffle: bool = True
    ) -> None:
        self.num_records = num_records
        self.batch_size = batch_size
        self.seed = seed
        self.rank = rank
        self.world_size = world_size
        self.shuffle = shuffle
        self._epoch = 0
        self._start_step = 0

    def set_epoch(self, epoch: int, start_step: int = 0) -> None:
        """Choose the epoch that the next iteration goes through, and the number of its steps to leave out."""
        self._epoch = epoch
        self._start_step = start_step

    def __len__(self) -> int:
        """Records of this process in a whole epoch, whatever `start_step` is."""
        return -(-self.num_records // self.world_size)

    def __iter__(self) -> Iterator[SampleKey]:
        epoch, order = self._epoch, np.arange(self.num_records)
        if self.shuffle:
            generator = np.random.Generator(np.random.PCG64(np.random.SeedSequence((self.seed, epoch))))
            order = generator.permutation(order)
        own = self._share(order, epoch)[self._start_step * self.batch_size :]
        return (SampleKey(epoch, index) for index in own.tolist())

    def _share(self, order: np.ndarray, epoch: int) -> np.ndarray:  # noqa: ARG002 - for those that take turns
        """The records of this process in an epoch, in their order: `len(self)` of all, (N,), in the epoch's order."""
        return np.resize(order, len(self) * self.world_size)[self.rank :: self.world_size]


class TestSampler(Sampler[SampleKey]):
    """Each record exactly once over all processes; those of an image follow each other, so that it is decoded once.

    Args:
        image_index: the image of each record, (N,).
        rank: this process.
        world_size: number of processes.
    """

    __test__ = False  # not a test, whatever pytest makes of its name

    def __init__(self, image_index: np.ndarray, rank: int = 0, world_size: int = 1) -> None:
        order, count = np.argsort(image_index, kind="stable"), len(image_index)
        self._own = order[count * rank // world_size : count * (rank + 1) // world_size]

    def set_epoch(self, epoch: int, start_step: int = 0) -> None:
        """Nothing depends on the epoch: the same records in the same order each time."""

    def __len__(self) -> int:
        return len(self._own)

    def __iter__(self) -> Iterator[SampleKey]:
        return (SampleKey(0, int(index)) for index in self._own)

"""Which records each process sees when it reads only its own shards."""

import numpy as np

from lib.dataset.sampler import TrainSampler
from lib.utils.errors import PoseError


class ShardSampler(TrainSampler):
    """As `TrainSampler`, but process r of W sees only records of the shards r, r + W, r + 2W, ...

    Each process takes its own records in the order in which they stand in the epoch's shared order, and as many of
    them as it would be given of all, so that the number of steps is the same. What differs: a step's records are not
    those of a single process; a process with more records than that leaves the last of its order out in this epoch,
    one with fewer goes through its own again. With one process nothing differs.

    Args:
        shard: of each record, (N,).
        num_shards: in all.
        batch_size, seed, rank, world_size, shuffle: as for `TrainSampler`. Without shuffling, an epoch goes on in the
            order of the records where the last one stopped.

    Raises:
        PoseError: there are fewer shards than processes, or none of a process's records is used.
    """

    def __init__(
        self,
        shard: np.ndarray,
        num_shards: int,
        batch_size: int,
        seed: int,
        rank: int = 0,
        world_size: int = 1,
        *,
        shuffle: bool = True,
    ) -> None:
        super().__init__(len(shard), batch_size, seed, rank, world_size, shuffle=shuffle)
        if num_shards < world_size:
            raise PoseError(
                f"{world_size} processes cannot share {num_shards} shards with DATASET.SHARDS own; pack with a smaller "
                "--shard-size or use DATASET.SHARDS all."
            )
        self.own_shards = list(range(rank, num_shards, world_size))
        self._is_own = shard % world_size == rank
        if not self._is_own.any():
            raise PoseError(
                f"no record that is trained on lies in the shards of process {rank} of {world_size}; pack with a "
                "smaller --shard-size or use DATASET.SHARDS all."
            )

    def _share(self, order: np.ndarray, epoch: int) -> np.ndarray:
        own = order[self._is_own[order]]
        return np.resize(own if self.shuffle else np.roll(own, -epoch * len(self)), len(self))

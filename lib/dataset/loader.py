"""Batches from worker processes."""

import multiprocessing
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from lib.dataset.dataset import Sample
from lib.dataset.sampler import SampleKey, TestSampler, TrainSampler
from lib.utils.errors import PoseError


class BatchSource(Protocol):
    """A data set that makes whole batches: people, or whole pictures."""

    def __len__(self) -> int: ...

    def batch(self, epoch: int, indices: np.ndarray) -> Any:
        """The samples of an epoch at the given records, (B,), as one; raises PoseError where one cannot be made."""


@dataclass(frozen=True)
class _Failure:
    """A PoseError on its way out of a worker; the loader of torch would put a traceback into its sentence."""

    message: str


class _Batches(Dataset[Any]):
    """Whole batches at once, with a PoseError returned in place of being raised."""

    def __init__(self, dataset: BatchSource) -> None:
        self.dataset = dataset

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitems__(self, keys: list[SampleKey]) -> Any:
        """The records of a batch; they belong to one epoch. torch's loader looks for this method."""
        try:
            return self.dataset.batch(keys[0].epoch, np.array([key.index for key in keys]))
        except PoseError as error:
            return _Failure(str(error))


class PoseLoader(DataLoader[Any]):
    """Batched samples of a data set in the order of a sampler.

    Iteration gives what the data set makes: `Sample`s with a leading batch dimension for people one by one. `len` is
    the number of steps of a whole epoch, also where the sampler starts in its middle.

    Args:
        dataset: the samples.
        sampler: which of them this process sees.
        batch_size: samples per step.
        num_workers: worker processes; 0 loads in this process.
        pin_memory: page-locked batches, for CUDA.
    """

    def __init__(
        self,
        dataset: BatchSource,
        sampler: TrainSampler | TestSampler,
        batch_size: int,
        *,
        num_workers: int = 0,
        pin_memory: bool = False,
    ) -> None:
        super().__init__(
            _Batches(dataset),
            batch_size=batch_size,
            sampler=sampler,
            num_workers=num_workers,
            collate_fn=_as_it_is,
            pin_memory=pin_memory,
            worker_init_fn=_start_worker,
            multiprocessing_context=_context() if num_workers else None,
            persistent_workers=num_workers > 0,
            # Samples do not use torch's random numbers; the global generator must not depend on how often we iterate.
            generator=torch.Generator(),
        )

    def set_epoch(self, epoch: int, start_step: int = 0) -> None:
        """Choose the epoch of the next iteration and the number of its steps to leave out; test loaders have none."""
        self.sampler.set_epoch(epoch, start_step)  # type: ignore[attr-defined]

    def __iter__(self) -> Iterator[Sample]:  # type: ignore[override]
        """Go through the chosen epoch.

        Raises:
            PoseError: a sample cannot be made; the sentence names its file and record.
        """
        for batch in super().__iter__():
            if isinstance(batch, _Failure):
                # Ends the workers now; from the garbage collector's hands torch waits five seconds for each.
                self._iterator = None
                raise PoseError(batch.message)
            yield batch


def _as_it_is(batch: Any) -> Any:
    return batch


def _start_worker(worker_id: int) -> None:  # noqa: ARG001 - the signature that torch asks for
    """One thread per worker, as torch has it: OpenCV's own in forked processes can hang and are no faster."""
    cv2.setNumThreads(0)
    # The main process ends the workers; without this each of them prints a traceback on Ctrl-C.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _context() -> multiprocessing.context.BaseContext | None:
    """Forked workers share the records' memory; other systems than Linux keep their own way to start processes."""
    return multiprocessing.get_context("fork") if sys.platform == "linux" else None

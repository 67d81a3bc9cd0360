"""One program on one or many processes, as torchrun starts them.

Without torchrun every function here does what a single process needs: rank 0 of 1, and gathering returns its input.
Values travel over a gloo group even where the gradients use NCCL, because they live on the CPU.
"""

import os
import sys
from collections.abc import Callable
from datetime import timedelta
from typing import Any, cast

import numpy as np
import torch
import torch.distributed as dist

from lib.utils.errors import PoseError

# How long one process waits for another. Evaluation on one process, while the others wait, is the longest pause.
TIMEOUT_SECONDS = 1800.0

_values_group: dist.ProcessGroup | None = None
_notes: dist.Store | None = None


def is_launched() -> bool:
    """Whether torchrun (or a launcher with the same environment) started this process."""
    return "RANK" in os.environ and "WORLD_SIZE" in os.environ


def rank() -> int:
    """The number of this process, 0 to world_size() - 1."""
    return dist.get_rank() if dist.is_initialized() else 0


def world_size() -> int:
    """The number of processes."""
    return dist.get_world_size() if dist.is_initialized() else 1


def local_rank() -> int:
    """The number of this process on its machine; it chooses the GPU."""
    return int(os.environ.get("LOCAL_RANK", "0")) if is_launched() else 0


def local_size() -> int:
    """The number of processes on this machine."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", "1")) if is_launched() else 1


def is_main() -> bool:
    """Whether this process writes files and prints."""
    return rank() == 0


def start(timeout_seconds: float = TIMEOUT_SECONDS) -> None:
    """Join the other processes; nothing to do without a launcher.

    Args:
        timeout_seconds: how long one process waits for another before it gives up.

    Raises:
        PoseError: the other processes cannot be reached.
    """
    global _values_group, _notes
    if not is_launched() or dist.is_initialized():
        return
    timeout = timedelta(seconds=timeout_seconds)
    try:
        store, own_rank, size = next(dist.rendezvous("env://", timeout=timeout))
        backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() and dist.is_nccl_available() else "gloo"
        group_store = dist.PrefixStore("plumbpose_group", store)
        dist.init_process_group(backend, store=group_store, rank=own_rank, world_size=size, timeout=timeout)
        _notes = dist.PrefixStore("plumbpose_notes", store)
        _values_group = cast(dist.ProcessGroup, dist.new_group(backend="gloo", timeout=timeout))
    except (RuntimeError, ValueError, OSError) as error:
        where = f"{os.environ.get('MASTER_ADDR')}:{os.environ.get('MASTER_PORT')}"
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise PoseError(
            f"process {os.environ['RANK']} of {os.environ['WORLD_SIZE']} cannot join the others at {where} ({reason}); "
            "start all of them with torchrun, on one machine with --standalone."
        ) from error


def stop() -> None:
    """Leave the other processes."""
    global _values_group, _notes
    if dist.is_initialized():
        dist.destroy_process_group()
    _values_group = _notes = None


def run_together(main: Callable[[], None]) -> None:
    """Run `main` on every process so that one error ends all of them with one message.

    The process that fails first leaves a note; the others, which fail in its wake or with the same error, end
    silently with its exit code, and torchrun stops those that still wait.

    Raises:
        PoseError: bad input, on the one process that reports it.
    """
    try:
        start()
        main()
    except Exception as error:
        if world_size() > 1 and not _is_first_to_fail():
            sys.exit(2 if isinstance(error, PoseError) else 1)
        raise
    stop()


def _is_first_to_fail() -> bool:
    if _notes is None:
        return True
    try:
        return _notes.add("failed", 1) == 1
    except RuntimeError:
        return True  # nobody is left to ask; a message too many is better than none


def barrier(what: str, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
    """Wait until every process is here.

    Args:
        what: what the processes are about to do, for the message.
        timeout_seconds: how long to wait.

    Raises:
        PoseError: a process did not come; its rank is named.
    """
    if _values_group is None:
        return
    try:
        dist.monitored_barrier(_values_group, timedelta(seconds=timeout_seconds), wait_all_ranks=True)
    except RuntimeError as error:
        reason = " ".join(str(error).split())
        raise PoseError(
            f"process {rank()} of {world_size()} waited {timeout_seconds:g} s in vain before {what} ({reason}); "
            "look at the messages of the rank named there."
        ) from error


def gather_arrays(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Join arrays of all processes along their first axis, in the order of the ranks.

    Args:
        arrays: numeric arrays, (n, ...) each; n may differ between processes, names, types and other sizes may not.

    Returns:
        On every process: the arrays, (sum of n, ...).
    """
    if _values_group is None:
        return dict(arrays)
    barrier("gathering results")
    return {name: np.concatenate(_gather_one(array)) for name, array in arrays.items()}


def _gather_one(array: np.ndarray) -> list[np.ndarray]:
    """The array of every process; shorter ones are padded on the way because gloo gathers equal shapes only."""
    size = world_size()
    lengths = [torch.zeros(1, dtype=torch.int64) for _ in range(size)]
    dist.all_gather(lengths, torch.tensor([len(array)]), group=_values_group)
    counts = [int(length) for length in lengths]
    padded = np.zeros((max(counts), *array.shape[1:]), dtype=array.dtype)
    padded[: len(array)] = array
    parts = [torch.zeros_like(torch.from_numpy(padded)) for _ in range(size)]
    dist.all_gather(parts, torch.from_numpy(padded), group=_values_group)
    return [part.numpy()[:count] for part, count in zip(parts, counts, strict=True)]


def gather_values(value: Any) -> list[Any]:
    """The value of every process, in the order of the ranks, on every process."""
    if _values_group is None:
        return [value]
    barrier("gathering values")
    values: list[Any] = [None] * world_size()
    dist.all_gather_object(values, value, group=_values_group)
    return values


def from_main(value: Any) -> Any:
    """The value that the main process has, on every process."""
    if _values_group is None:
        return value
    barrier("sharing a value")
    values = [value]
    dist.broadcast_object_list(values, src=0, group=_values_group)
    return values[0]


def share_weights(model: torch.nn.Module) -> None:
    """Give every process the main process's parameters and buffers, in place.

    Training does not synchronise batch-norm statistics, as no step reads them, and machines may differ in the last bits
    of a parameter; without this, each process would evaluate another network than the one that is saved.
    """
    if world_size() > 1:
        for tensor in model.state_dict().values():
            dense = tensor.contiguous()  # channels_last is not what gloo takes
            dist.broadcast(dense, src=0)
            tensor.copy_(dense)

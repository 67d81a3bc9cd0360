"""Running means of a training epoch, and where its time goes."""

import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

import torch
from torch import Tensor

from lib.utils.distributed import gather_values

Item = TypeVar("Item")


class Means:
    """Weighted means by name.

    The sums stay on the device of the values until they are read, so that adding waits for no GPU. They are float64,
    and a checkpoint carries them: an interrupted epoch ends with the means of an uninterrupted one.
    """

    def __init__(self) -> None:
        self._sums: dict[str, Tensor] = {}

    def add(self, name: str, value: Tensor, count: Tensor | float) -> None:
        """Add a mean over `count` items; nothing changes when `count` is 0.

        Args:
            name: what is measured.
            value: the mean, a scalar; it may be NaN where count is 0.
            count: the number of items behind it.
        """
        weight = torch.as_tensor(count, dtype=torch.float64, device=value.device)
        value = torch.where(weight > 0, value.detach().double(), torch.zeros_like(weight))
        step = torch.stack([value * weight, weight])
        self._sums[name] = self._sums[name] + step if name in self._sums else step

    def read(self, *, all_processes: bool = False) -> dict[str, float]:
        """The means so far, names in the order they were added; NaN for a name without items.

        Args:
            all_processes: over all processes rather than this one; every process must call then.
        """
        own = {name: sums.tolist() for name, sums in self._sums.items()}
        totals: dict[str, list[float]] = {}
        for sums in gather_values(own) if all_processes else [own]:
            for name, (total, weight) in sums.items():
                before = totals.get(name, [0.0, 0.0])
                totals[name] = [before[0] + total, before[1] + weight]
        return {name: total / weight if weight else float("nan") for name, (total, weight) in totals.items()}

    def state_dict(self) -> dict[str, Tensor]:
        """The sums, on the CPU."""
        return {name: sums.cpu() for name, sums in self._sums.items()}

    def load_state_dict(self, state: dict[str, Tensor], device: torch.device) -> None:
        """Continue from `state_dict`."""
        self._sums = {name: sums.to(device) for name, sums in state.items()}


class Stopwatch:
    """Measures how much of the time of a loop is spent waiting for its items."""

    def __init__(self) -> None:
        self._started = time.perf_counter()
        self._waited = 0.0
        self._items = 0

    def waiting(self, items: Iterable[Item]) -> Iterator[Item]:
        """The items, with the time until each arrives counted as waiting."""
        iterator = iter(items)
        while True:
            before = time.perf_counter()
            try:
                item = next(iterator)
            except StopIteration:
                return
            self._waited += time.perf_counter() - before
            yield item

    def count(self, number: int) -> None:
        """Note that `number` samples are done."""
        self._items += number

    @property
    def samples_per_second(self) -> float:
        """Samples done per second since the start."""
        return self._items / max(time.perf_counter() - self._started, 1e-9)

    @property
    def waiting_share(self) -> float:
        """The part of the time since the start that was spent waiting, 0 to 1."""
        return min(1.0, self._waited / max(time.perf_counter() - self._started, 1e-9))

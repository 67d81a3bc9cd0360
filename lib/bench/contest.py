"""Time several ways of doing the same work, interleaved, so that a busy machine slows all of them alike."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import cv2
import numpy as np
import torch

from lib.bench.rows import Row

REPEATS = 5
# A way that is quicker than this is run several times per repeat, because clocks and caches are uneven below it.
SHORTEST_SECONDS = 0.2


@dataclass(frozen=True)
class Way:
    """One way of doing the work.

    Attributes:
        name: how the table calls it.
        run: does the work once. On a GPU it ends with a synchronisation.
        items: things done by one run, in the contest's unit.
    """

    name: str
    run: Callable[[], object]
    items: float


@dataclass(frozen=True)
class Contest:
    """The same work done the plain way and in others.

    Attributes:
        name: of the row.
        unit: of the rates, for example "people/s".
        plain: what the published repositories do, reduced to what the row is about.
        ways: ours.
        target: the ratio that `ways` shall reach; None for none.
        one_core: let PyTorch and OpenCV use one thread.
        passes: where given, the number of runs per repeat; else as many as SHORTEST_SECONDS need.
    """

    name: str
    unit: str
    plain: Way
    ways: Sequence[Way]
    target: float | None = None
    one_core: bool = False
    passes: int | None = None


def hold(contest: Contest, repeats: int = REPEATS) -> list[Row]:
    """Run a contest.

    Args:
        contest: the ways.
        repeats: rounds in which each way has its turn.

    Returns:
        One row per way, the plain one first. The ratio is taken within each round; median, least and greatest over the
        rounds are given.
    """
    ways = [contest.plain, *contest.ways]
    with threads(1 if contest.one_core else None):
        passes = [contest.passes or _passes(way) for way in ways]
        rates = np.array([[_rate(way, n) for way, n in zip(ways, passes, strict=True)] for _ in range(repeats)])
    ratios = rates / rates[:, :1]
    target = "" if contest.target is None else f"{contest.target:g}x"
    return [
        Row.of(
            contest.name, way.name, contest.unit, rates[:, column], ratios[:, column], target if column else "", repeats
        )
        for column, way in enumerate(ways)
    ]


@contextmanager
def threads(number: int | None) -> Iterator[None]:
    """Limit PyTorch and OpenCV to a number of threads; None changes nothing."""
    before = torch.get_num_threads(), cv2.getNumThreads()
    if number is not None:
        torch.set_num_threads(number)
        cv2.setNumThreads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        cv2.setNumThreads(before[1])


def _passes(way: Way) -> int:
    """Runs per repeat; the first run warms up and is not counted."""
    way.run()
    started = time.perf_counter()
    way.run()
    return max(1, int(np.ceil(SHORTEST_SECONDS / max(time.perf_counter() - started, 1e-9))))


def _rate(way: Way, passes: int) -> float:
    started = time.perf_counter()
    for _ in range(passes):
        way.run()
    return way.items * passes / (time.perf_counter() - started)

"""Let the steps of a pipeline work at the same time."""

import queue
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

T = TypeVar("T")

# How often a step that waits looks whether it is still wanted, seconds.
PATIENCE = 0.05


class _End(Generic[T]):
    """What follows the last item: nothing, or what the step raised."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


@contextmanager
def ahead(items: Iterable[T], depth: int = 2) -> Iterator[Iterator[T]]:
    """Iterate over `items` in a thread of its own, a few items ahead of whoever takes them.

    Args:
        items: any iterable; a generator is closed in its thread when the block ends early.
        depth: items that may wait to be taken, at least 1.

    Yields:
        The same items in the same order. What `items` raises is raised where the item would have been taken.
    """
    waiting: queue.Queue[T | _End[T]] = queue.Queue(maxsize=depth)
    stopped = threading.Event()
    thread = threading.Thread(target=_fill, args=(items, waiting, stopped), daemon=True)
    thread.start()
    try:
        yield _taken(waiting)
    finally:
        stopped.set()
        thread.join()


def _fill(items: Iterable[T], waiting: "queue.Queue[T | _End[T]]", stopped: threading.Event) -> None:
    end: _End[T] = _End()
    iterator = iter(items)
    try:
        for item in iterator:
            if not _put(waiting, item, stopped):
                break
    except BaseException as error:  # handed on to the thread that takes the items
        end = _End(error)
    finally:
        close = getattr(iterator, "close", None)
        if close is not None:
            close()
    _put(waiting, end, stopped)


def _put(waiting: "queue.Queue[T | _End[T]]", item: "T | _End[T]", stopped: threading.Event) -> bool:
    """Wait for room; false when nobody wants the item any more."""
    while not stopped.is_set():
        try:
            waiting.put(item, timeout=PATIENCE)
        except queue.Full:
            continue
        return True
    return False


def _taken(waiting: "queue.Queue[T | _End[T]]") -> Iterator[T]:
    while True:
        item = waiting.get()
        if isinstance(item, _End):
            if item.error is not None:
                raise item.error
            return
        yield item

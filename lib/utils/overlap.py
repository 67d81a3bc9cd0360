"""Let the steps of a pipeline work at the same time."""

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

Step = Callable[[Iterator[Any]], Iterable[Any]]

# How often a step that waits looks whether it is still wanted, seconds.
PATIENCE = 0.05
# How long the end of a pipeline waits for a step that is inside a call that cannot be interrupted, seconds.
GRACE = 5.0
STEP_NAME = "pipeline step"


class _End:
    """What follows the last item: nothing, or what the step raised."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


@contextmanager
def overlapped(items: Iterable[Any], *steps: Step, depth: int = 2) -> Iterator[Iterator[Any]]:
    """Run a source and the steps behind it in a thread each.

    Args:
        items: where the items come from, usually a generator.
        steps: from an iterator of items to an iterable of items; each takes what the one before it gives.
        depth: items that may wait between two steps, at least 1; with it the memory of the pipeline is bounded.

    Yields:
        What the last step gives, in order. What a step raises is raised there, after all that it gave before. When the
        block ends early all threads end, and generators are closed.
    """
    stopped, threads, taken = threading.Event(), [], items
    for step in (lambda source: source, *steps):
        waiting: queue.Queue[Any] = queue.Queue(maxsize=depth)
        source = step(iter(taken))
        threads.append(threading.Thread(target=_fill, args=(source, waiting, stopped), name=STEP_NAME, daemon=True))
        taken = _taken(waiting, stopped)
    for thread in threads:
        thread.start()
    try:
        yield iter(taken)
    finally:
        stopped.set()
        for thread in threads:
            thread.join(GRACE)


def _fill(items: Iterable[Any], waiting: "queue.Queue[Any]", stopped: threading.Event) -> None:
    end, iterator = _End(), iter(items)
    try:
        for item in iterator:
            if not _put(waiting, item, stopped):
                break
    except BaseException as error:  # handed on to whoever takes the items
        end = _End(error)
    finally:
        close = getattr(iterator, "close", None)
        if close is not None:
            close()
    _put(waiting, end, stopped)


def _put(waiting: "queue.Queue[Any]", item: Any, stopped: threading.Event) -> bool:
    """Wait for room; false when nobody wants the item any more."""
    while not stopped.is_set():
        try:
            waiting.put(item, timeout=PATIENCE)
        except queue.Full:
            continue
        return True
    return False


def _taken(waiting: "queue.Queue[Any]", stopped: threading.Event) -> Iterator[Any]:
    while not stopped.is_set():
        try:
            item = waiting.get(timeout=PATIENCE)
        except queue.Empty:
            continue
        if isinstance(item, _End):
            if item.error is not None:
                raise item.error
            return
        yield item


def steps_at_work() -> bool:
    """Whether a step outlived its pipeline, inside a call that cannot be interrupted."""
    return any(thread.name == STEP_NAME for thread in threading.enumerate())


def newest(items: Iterable[Any]) -> Iterator[Any]:
    """Iterate over items as they come, in a thread of its own; who is slower than they are gets the newest alone."""
    latest: queue.Queue[Any] = queue.Queue(maxsize=1)
    stopped = threading.Event()
    thread = threading.Thread(target=_replace, args=(items, latest, stopped), name=STEP_NAME, daemon=True)
    thread.start()
    try:
        yield from _taken(latest, stopped)
    finally:
        stopped.set()
        thread.join(GRACE)


def _replace(items: Iterable[Any], latest: "queue.Queue[Any]", stopped: threading.Event) -> None:
    end = _End()
    try:
        for item in items:
            if stopped.is_set():
                return
            with suppress(queue.Empty):
                latest.get_nowait()
            latest.put(item)
    except BaseException as error:  # handed on to whoever takes the items
        end = _End(error)
    _put(latest, end, stopped)

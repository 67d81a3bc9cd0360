"""Pausing Python's garbage collection while many objects are made."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def paused_collection() -> Iterator[None]:
    """Make many lists and mappings without looking for cycles among them again and again.

    The collector runs after every few hundred new containers and looks at the older ones too, which takes longer than
    making them where a file holds hundreds of thousands. Objects without cycles are freed as ever.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()

"""Packed data sets made from `tiny_dataset`."""

from pathlib import Path

from helpers.tiny_dataset import tiny_config

from lib.dataset.check import Progress
from lib.dataset.packed.build import write_packed
from lib.dataset.packed.format import PackIndex

SMALL_SHARDS = 400_000  # bytes: a few of them for the default data set


def pack(
    root: Path,
    *overrides: str,
    density: float | None = None,
    shard_bytes: int = SMALL_SHARDS,
    workers: int = 1,
    output: str = "",
    progress: Progress = lambda items, total: items,  # noqa: ARG005 - the signature of a progress bar
) -> PackIndex:
    """Pack the part called tiny, as in the images unless a density is given."""
    return write_packed(
        tiny_config(root, *overrides),
        output,
        density=density,
        shard_bytes=shard_bytes,
        workers=workers,
        progress=progress,
    )

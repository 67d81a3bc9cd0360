"""Indexes of large annotation files, kept on disk for the next start.

An index is one file of plain arrays under PLUMBPOSE_CACHE/index, else $XDG_CACHE_HOME/plumbpose/index, else
~/.cache/plumbpose/index. It may be deleted at any time. It is used only for the file that it was made from, as that was
then; a damaged one is made again; where none can be written, none is kept.
"""

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from lib.utils.annotation_form import COCO_FORM, AnnotationForm
from lib.utils.errors import PoseError
from lib.utils.files import atomic_path
from lib.utils.optional import optional_module

Arrays = dict[str, np.ndarray]
Reading = list[str | int]  # which file is read, and how

CACHE_VARIABLE = "PLUMBPOSE_CACHE"
FORMAT = 3  # to be raised whenever the arrays' names, meanings or the rules of reading change
LIMIT_BYTES = 2 * 2**30  # about 15 indexes as large as that of COCO train2017
LEFTOVER_SECONDS = 3600.0  # a killed process leaves a half-written file; none takes so long to write
# A file that was written just now may be written again within the resolution of its time stamp.
SETTLED_SECONDS = 2.0
PREFIX, SUFFIX, STAMP = "annotations-", ".npz", "stamp"


def cached_arrays(
    path: str | os.PathLike[str],
    num_keypoints: int,
    build: Callable[[], Arrays],
    form: AnnotationForm = COCO_FORM,
    key: tuple[str, ...] = (),
) -> Arrays:
    """The index of an annotation file, from the cache or newly built.

    Args:
        path: the annotation file, which exists.
        num_keypoints: K of the skeleton it is read with.
        build: makes the index.
        form: how annotations of the skeleton are written.
        key: tells other indexes of the same file from that of its annotations, which has none.

    Any number of processes may ask at once: where the system can lock folders, the first builds and the others wait for
    it; elsewhere all build the same, and the last to write stays.
    """
    reading: Reading = [str(Path(path).resolve()), num_keypoints, form.to_text(), *key]
    stamp = _stamp(path, reading)
    place = _place(reading)
    if place is None:
        return build()
    arrays = _load(place, stamp)
    if arrays is not None:
        return arrays
    with _turn(place.parent):
        arrays = _load(place, stamp)  # made by another process in the meantime
        if arrays is None:
            arrays = build()
            with contextlib.suppress(OSError):  # the file may be gone by now
                if _is_settled(path) and np.array_equal(_stamp(path, reading), stamp):
                    _store(place, stamp, arrays)
    return arrays


@contextlib.contextmanager
def _turn(folder: Path) -> Iterator[None]:
    """Let one process at a time into the block, if that is possible: eight ranks would need the memory of eight."""
    fcntl, handle = optional_module("fcntl"), None  # Windows has none
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY) if fcntl is not None else None
        if fcntl is not None and handle is not None:
            fcntl.flock(handle, fcntl.LOCK_EX)
    try:
        yield
    finally:
        if handle is not None:
            os.close(handle)  # gives the lock back


def save_arrays(path: Path, arrays: Arrays) -> None:
    """Write arrays to a file that ends in .npz; each is stored with its checksum, as zip files have it."""
    np.savez(path, **arrays)  # type: ignore[arg-type] # mypy takes the arrays for the option allow_pickle


def load_arrays(path: Path) -> Arrays:
    """Read what `save_arrays` wrote; a damaged file raises one of many exceptions."""
    with np.load(path, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def cache_folder() -> Path | None:
    """Where indexes are kept; None for a user without a home."""
    chosen = os.environ.get(CACHE_VARIABLE)
    if chosen:
        return Path(chosen).absolute() / "index"
    base = os.environ.get("XDG_CACHE_HOME", "")
    try:
        # A relative path is invalid there, by the specification of XDG base directories.
        root = Path(base) if Path(base).is_absolute() else Path.home() / ".cache"
    except RuntimeError:
        return None
    return root / "plumbpose" / "index"


def _place(reading: Reading) -> Path | None:
    """One file per annotation file, K, form and key, so that a changed annotation file replaces its old index."""
    folder = cache_folder()
    name = hashlib.sha256(json.dumps(reading).encode()).hexdigest()[:32]
    return None if folder is None else folder / f"{PREFIX}{name}{SUFFIX}"


def _stamp(path: str | os.PathLike[str], reading: Reading) -> np.ndarray:
    """What must be equal for an index to be used, (n,) bytes.

    The change time is among it because copying tools set the modification time back; it is changed by nothing but the
    system. The category of people follows from the file.
    """
    state = Path(path).stat()
    parts = FORMAT, *reading, state.st_size, state.st_mtime_ns, state.st_ctime_ns
    return np.frombuffer(json.dumps(parts).encode(), np.uint8)


def _is_settled(path: str | os.PathLike[str]) -> bool:
    state = Path(path).stat()
    return abs(time.time() - max(state.st_mtime, state.st_ctime)) >= SETTLED_SECONDS


def _load(place: Path, stamp: np.ndarray) -> Arrays | None:
    try:
        arrays = load_arrays(place)
        fits = np.array_equal(arrays.pop(STAMP), stamp)
    except Exception:
        # zipfile and numpy answer damage with a dozen exceptions, none of which matters: the index is made again.
        return None
    with contextlib.suppress(OSError):
        os.utime(place)  # used last now, see _prune
    return arrays if fits else None


def _store(place: Path, stamp: np.ndarray, arrays: Arrays) -> None:
    """Keep an index for the next time, if that is possible."""
    with contextlib.suppress(OSError, PoseError), atomic_path(place) as temporary:
        save_arrays(temporary, arrays | {STAMP: stamp})
    with contextlib.suppress(OSError):
        _prune(place.parent)


def _prune(folder: Path) -> None:
    """Remove the indexes that were not used for longest until LIMIT_BYTES are kept, and what killed processes left."""
    now = time.time()
    _remove([path for path, state in _listed(folder, f".{PREFIX}") if now - state.st_mtime > LEFTOVER_SECONDS])
    entries = sorted(_listed(folder, PREFIX), key=lambda entry: -entry[1].st_mtime)
    total = np.cumsum([state.st_size for _, state in entries])
    # The last one stays whatever its size: the larger a file, the more its index is worth.
    _remove([path for (path, _), size in zip(entries[1:], total[1:], strict=True) if size > LIMIT_BYTES])


def _listed(folder: Path, prefix: str) -> list[tuple[Path, os.stat_result]]:
    """The files of a folder that we wrote, by the start of their names."""
    found = []
    for path in folder.iterdir():
        if path.name.startswith(prefix) and path.suffix == SUFFIX:
            with contextlib.suppress(FileNotFoundError):  # removed by another process just now
                found.append((path, path.stat()))
    return found


def _remove(paths: Sequence[Path]) -> None:
    for path in paths:
        with contextlib.suppress(OSError):
            path.unlink()

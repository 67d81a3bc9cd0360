"""Write a packed data set: every image is decoded once, and finished shards survive an interruption."""

import multiprocessing
import os
import shutil
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from lib.dataset.check import Progress
from lib.dataset.packed.format import INDEX_NAME, PackIndex, array_path, file_sha256, shard_damage
from lib.dataset.packed.plan import Layout
from lib.dataset.pixels import PixelSource
from lib.utils.errors import PoseError
from lib.utils.files import atomic_path
from lib.utils.optional import optional_module

# Images given to a process at a time.
_CHUNK = 8


@dataclass(frozen=True)
class PixelJob:
    """All that is needed to write pixels.

    Attributes:
        layout: which pixels go where.
        image_index: of each record, (N,), ascending.
        source: of whole images.
    """

    layout: Layout
    image_index: np.ndarray
    source: PixelSource

    def chunks(self, shard: int) -> list[tuple[int, int]]:
        """First and last record, the latter not included, of a few whole images each."""
        first, last = np.searchsorted(self.layout.shard, [shard, shard + 1])
        starts = first + np.unique(self.image_index[first:last], return_index=True)[1][::_CHUNK]
        return list(zip(starts.tolist(), [*starts[1:].tolist(), int(last)], strict=True))

    def num_images(self, first: int, last: int) -> int:
        """Images of consecutive records."""
        return len(np.unique(self.image_index[first:last]))

    def write(self, first: int, last: int, path: Path) -> int:
        """Write the pixels of consecutive records into a shard that has its full size; returns their images."""
        with path.open("r+b") as file:
            for record in range(first, last):
                image = self.source.pixels(record).array
                file.seek(int(self.layout.offset[record]))
                file.write(cut(image, self.layout.region[record], self.layout.stored_wh[record]).data)
        return self.num_images(first, last)


def cut(image: np.ndarray, region: np.ndarray, stored_wh: np.ndarray) -> np.ndarray:
    """A region of an image, (H, W, 3) uint8, reduced by averaging over areas where it is stored smaller."""
    left, top, right, bottom = region.tolist()
    pixels = image[top:bottom, left:right]
    width, height = stored_wh.tolist()
    if (width, height) != (right - left, bottom - top):
        pixels = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(pixels)


class PackWriter:
    """Writes a packed data set, or what is left of it after an interruption.

    Args:
        folder: of the data set.
        index: without checksums; `self.index` is what is written so far.
        job: the pixels.

    Raises:
        PoseError: the folder holds something else, or a data set of other settings.
    """

    def __init__(self, folder: Path, index: PackIndex, job: PixelJob) -> None:
        self.folder = folder
        self.index = _with_finished_shards(folder, index)
        self.job = job

    def write(self, arrays: dict[str, np.ndarray], workers: int, progress: Progress) -> None:
        """Write all that is missing.

        Args:
            arrays: to be stored beside the pixels.
            workers: processes.
            progress: wraps the iteration over a number of images.

        Raises:
            PoseError: an image cannot be read, the disk is full, or another command packs into the same folder;
                finished shards stay.
        """
        with _locked(self.folder):
            self._write(arrays, workers, progress)

    def _write(self, arrays: dict[str, np.ndarray], workers: int, progress: Progress) -> None:
        pending = [number for number, shard in enumerate(self.index.shards) if not shard.sha256]
        for left_over in self.folder.glob(".shard-*"):
            left_over.unlink()
        self._require_space(pending)
        # Before all other files, so that an interrupted command knows its folder again.
        self.index.write(self.folder)
        checksums = {name: self._write_array(name, array) for name, array in arrays.items()}
        self.index = replace(self.index, arrays=checksums)
        self.index.write(self.folder)
        total = sum(self.job.num_images(*chunk) for number in pending for chunk in self.job.chunks(number))
        try:
            for _ in progress(self._write_shards(pending, workers), total):
                pass
        except PoseError as error:
            done = len(self.index.shards) - len(self.index.unfinished)
            raise PoseError(
                f"{str(error).rstrip('.')} ({done} of {len(self.index.shards)} shards are finished and stay; the same "
                "command goes on with the others)."
            ) from error

    def _write_array(self, name: str, array: np.ndarray) -> str:
        """Write an array; its file's checksum."""
        path = array_path(self.folder, name)
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            np.save(file, array, allow_pickle=False)
        return file_sha256(path)

    def _write_shards(self, pending: list[int], workers: int) -> Iterator[None]:
        """Write shards one after the other; yields once per image."""
        pool = _start_pool(self.job, workers) if workers > 1 and pending else None
        try:
            for number in pending:
                yield from self._write_shard(number, pool)
        except BrokenProcessPool as error:
            raise PoseError("a process was killed while packing; use fewer --workers or free some memory.") from error
        finally:
            if pool is not None:
                pool.shutdown(cancel_futures=True)

    def _write_shard(self, number: int, pool: ProcessPoolExecutor | None) -> Iterator[None]:
        shard = self.index.shards[number]
        with atomic_path(self.folder / shard.name) as temporary:
            os.truncate(temporary, shard.num_bytes)
            for images in _results(self.job, self.job.chunks(number), temporary, pool):
                yield from [None] * images
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
            sha256 = file_sha256(temporary)
        self.index = self.index.finish(number, sha256)
        self.index.write(self.folder)

    def _require_space(self, pending: list[int]) -> None:
        """Refuse at the start what cannot end well."""
        needed = sum(self.index.shards[number].num_bytes for number in pending)
        free = shutil.disk_usage(self.folder).free
        if needed > free:
            raise PoseError(
                f"{self.folder} needs {needed / 1e9:.1f} GB and {free / 1e9:.1f} GB are free; make room, choose "
                "another --output or a lower --density."
            )


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Make a folder and keep other commands out of it; the lock ends with the process and leaves no file behind."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PoseError(f"{folder} cannot be made ({error.strerror}); choose another --output.") from error
    fcntl = optional_module("fcntl")
    if fcntl is None:  # Windows
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(handle)
        raise PoseError(
            f"another command packs into {folder} just now; wait for it or choose another --output."
        ) from error
    except OSError:
        pass  # a file system without locks
    try:
        yield
    finally:
        os.close(handle)


def _with_finished_shards(folder: Path, index: PackIndex) -> PackIndex:
    """The index with the checksums of the arrays, and of those shards that are there and whole."""
    # Files with a dot in front are temporary ones of a command that was killed.
    if not folder.is_dir() or all(path.name.startswith(".") for path in folder.iterdir()):
        return index
    if not (folder / INDEX_NAME).is_file():
        raise PoseError(f"{folder} holds files that are not a packed data set; choose another --output.")
    there = PackIndex.read(folder)
    differences = index.differences(there)
    if differences:
        raise PoseError(
            f"{folder} is packed otherwise than this command asks ({'; '.join(differences)}); choose another --output, "
            "give the options of that folder or remove it."
        )
    index = replace(index, arrays=there.arrays)
    for number, shard in enumerate(there.shards):
        if not shard_damage(folder, shard):
            index = index.finish(number, shard.sha256)
    return index


def _results(
    job: PixelJob, chunks: list[tuple[int, int]], path: Path, pool: ProcessPoolExecutor | None
) -> Iterator[int]:
    """Write chunks into a shard; the number of images of each."""
    if pool is None:
        yield from (job.write(first, last, path) for first, last in chunks)
        return
    futures = [pool.submit(_write_chunk, first, last, path) for first, last in chunks]
    try:
        for future in as_completed(futures):
            yield future.result()
    finally:
        # After a failure nothing may write to the shard any more when it is removed.
        for future in futures:
            future.cancel()


_job: PixelJob | None = None


def _start_pool(job: PixelJob, workers: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(
        workers, mp_context=multiprocessing.get_context(), initializer=_start_worker, initargs=(job,)
    )


def _start_worker(job: PixelJob) -> None:
    """Keep the job for all chunks; one thread, as in the workers of the loader, and Ctrl-C is left to the parent."""
    global _job  # the only way that a pool's process can keep something between two tasks
    _job = job
    cv2.setNumThreads(0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Processes of a pool wait for work for ever when their parent was killed."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _write_chunk(first: int, last: int, path: Path) -> int:
    if _job is None:
        raise RuntimeError("the process was not started by _start_pool")
    return _job.write(first, last, path)

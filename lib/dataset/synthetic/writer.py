"""Synthetic pictures as a data set in COCO's layout, made by several processes and continued when interrupted."""

import gc
import multiprocessing
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from tqdm import tqdm

from lib.dataset.synthetic.scene import SceneSpec, render_scene
from lib.dataset.synthetic.statistics import measure
from lib.dataset.synthetic.texture import FAMILIES
from lib.skeletons.skeleton import load_skeleton
from lib.utils.errors import PoseError
from lib.utils.files import read_json, write_json

VERSION = 3
"""Goes up with every change that alters the pictures."""

SPLITS = ("train", "val")
_CHUNK = 25
"""Images per unit of work; an interrupted run repeats at most one unit per process."""
_JPEG = (cv2.IMWRITE_JPEG_QUALITY, 92)


@dataclass(frozen=True)
class _Chunk:
    """Images first..last-1 of a split."""

    split: str
    first: int
    last: int


def make_dataset(
    output: str | os.PathLike[str],
    train: int = 4000,
    val: int = 400,
    seed: int = 0,
    workers: int | None = None,
    size_wh: tuple[int, int] = SceneSpec.size_wh,
    progress: bool = True,
) -> dict[str, Any]:
    """Make a data set, or see that it is there already.

    Args:
        output: its folder: images/{train,val}/*.jpg, annotations/person_keypoints_{train,val}.json, manifest.json.
        train, val: number of images.
        seed: an image depends on seed, split and its number alone, whatever the number of processes.
        workers: processes; None is one per CPU core.
        size_wh: image size, pixels.
        progress: whether to show a progress bar.

    Returns:
        The manifest: `arguments`, `statistics` of each split (see statistics.measure), the `texture_families` of each.

    A folder with a complete data set of the same arguments is left as it is; one of other arguments is made anew; an
    interrupted one is continued.

    Raises:
        PoseError: arguments out of range, or a folder that is not writable or holds other files.
    """
    folder = Path(output)
    if min(train, val) < 0 or train + val == 0:
        raise PoseError(f"synthetic data set {folder}: {train} training and {val} held-out images cannot be made.")
    if min(size_wh) < 64:
        raise PoseError(f"synthetic data set {folder}: image size {size_wh} is below 64 pixels; ask for larger images.")
    arguments = {"version": VERSION, "train": train, "val": val, "seed": seed, "size_wh": list(size_wh)}
    manifest = _read_manifest(folder)
    if manifest is not None and manifest.get("arguments") == arguments:
        return manifest
    _prepare(folder, arguments, manifest is not None)
    chunks = _chunks({"train": train, "val": val})
    pending = [chunk for chunk in chunks if not _part_file(folder, chunk).is_file()]
    work = partial(_make_chunk, folder=folder, seed=seed, size_wh=size_wh)
    _run(work, pending, workers or os.cpu_count() or 1, train + val, progress)
    statistics = {split: _join(folder, split, chunks, seed) for split in SPLITS}
    families = {split: list(FAMILIES[split]) for split in SPLITS}
    manifest = {"arguments": arguments, "statistics": statistics, "texture_families": families}
    write_json(folder / "manifest.json", manifest, indent=2)
    _remove_parts(folder)
    return manifest


def _read_manifest(folder: Path) -> dict[str, Any] | None:
    file = folder / "manifest.json"
    return read_json(file, "manifest of the synthetic data set") if file.is_file() else None


def _prepare(folder: Path, arguments: dict[str, Any], complete: bool) -> None:
    """Make the folders; clear away our own files of other arguments and refuse folders with files of others."""
    marker = _parts(folder) / "arguments.json"
    ours = complete or marker.is_file()
    if folder.is_dir() and not ours and any(folder.iterdir()):
        raise PoseError(f"{folder} holds files that are not a synthetic data set; choose another output folder.")
    if ours and not (marker.is_file() and read_json(marker, "file") == arguments):
        _clear(folder)
    write_json(marker, arguments)
    for split in SPLITS:
        (folder / "images" / split).mkdir(parents=True, exist_ok=True)


def _clear(folder: Path) -> None:
    """Remove a data set; the manifest first, so that what is left is never taken for a whole one."""
    (folder / "manifest.json").unlink(missing_ok=True)
    _remove_parts(folder)
    for split in SPLITS:
        for image in (folder / "images" / split).glob("[0-9]" * 12 + ".jpg"):
            image.unlink()


def _parts(folder: Path) -> Path:
    """Folder of the annotations of finished chunks."""
    return folder / ".parts"


def _part_file(folder: Path, chunk: _Chunk) -> Path:
    return _parts(folder) / f"{chunk.split}_{chunk.first:07d}.json"


def _remove_parts(folder: Path) -> None:
    if _parts(folder).is_dir():
        # The arguments go last: without them the rest would not be known as ours.
        for file in sorted(_parts(folder).iterdir(), key=lambda file: file.name == "arguments.json"):
            file.unlink()
        _parts(folder).rmdir()


def _chunks(counts: dict[str, int]) -> list[_Chunk]:
    return [
        _Chunk(split, first, min(first + _CHUNK, count))
        for split, count in counts.items()
        for first in range(0, count, _CHUNK)
    ]


def _run(work: partial[int], pending: list[_Chunk], workers: int, total: int, progress: bool) -> None:
    """Make the pending chunks in several processes, or in this one when one is enough."""
    done = total - sum(chunk.last - chunk.first for chunk in pending)
    with tqdm(total=total, initial=done, unit="image", desc="synthetic people", disable=not progress) as bar:
        for count in _results(work, pending, min(workers, len(pending))):
            bar.update(count)


def _results(work: partial[int], pending: list[_Chunk], workers: int) -> Iterator[int]:
    if workers <= 1:
        yield from map(work, pending)
        return
    with multiprocessing.get_context().Pool(workers, initializer=_start_worker) as pool:
        yield from pool.imap_unordered(work, pending)


def _start_worker() -> None:
    """One thread per process. 0 and not 1: that hangs in a process forked after OpenCV has started threads."""
    cv2.setNumThreads(0)
    gc.freeze()  # what is imported lives as long as the process and need not be searched for garbage
    # The main process ends the workers; without this each of them prints a traceback on Ctrl-C.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _make_chunk(chunk: _Chunk, folder: Path, seed: int, size_wh: tuple[int, int]) -> int:
    """Write the images of a chunk, then its annotations; returns the number of images."""
    spec = SceneSpec(split=chunk.split, size_wh=size_wh)
    annotations = []
    for index in range(chunk.first, chunk.last):
        image, people = render_scene(np.random.default_rng([seed, SPLITS.index(chunk.split), index]), spec)
        path = folder / "images" / chunk.split / _file_name(index)
        if not cv2.imwrite(str(path), cv2.cvtColor(image, cv2.COLOR_RGB2BGR), _JPEG):
            raise PoseError(f"{path} cannot be written; check the free space and the permissions of {folder}.")
        annotations += [{"image_id": index + 1, **person} for person in people]
    write_json(_part_file(folder, chunk), annotations)
    return chunk.last - chunk.first


def _file_name(index: int) -> str:
    """Image ids begin at 1; files are named by them as in COCO."""
    return f"{index + 1:012d}.jpg"


def _join(folder: Path, split: str, chunks: list[_Chunk], seed: int) -> dict[str, Any]:
    """Write the annotation file of a split from its chunks and return its statistics."""
    size_wh = read_json(_parts(folder) / "arguments.json", "file")["size_wh"]
    mine = [chunk for chunk in chunks if chunk.split == split]
    parts = [one for chunk in mine for one in read_json(_part_file(folder, chunk), "annotations of finished images")]
    annotations = [{"id": number, **one} for number, one in enumerate(parts, start=1)]
    images = [
        {"id": index + 1, "file_name": _file_name(index), "width": size_wh[0], "height": size_wh[1]}
        for chunk in mine
        for index in range(chunk.first, chunk.last)
    ]
    skeleton = load_skeleton("coco")
    category = {
        "id": 1,
        "name": "person",
        "supercategory": "person",
        "keypoints": list(skeleton.names),
        "skeleton": [[first + 1, second + 1] for first, second in skeleton.limbs],
    }
    info = {"description": f"synthetic people, {split}, version {VERSION}, seed {seed}"}
    content = {"info": info, "images": images, "annotations": annotations, "categories": [category]}
    write_json(folder / "annotations" / f"person_keypoints_{split}.json", content)
    return measure(images, annotations)

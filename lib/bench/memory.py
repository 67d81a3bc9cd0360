"""Rows on annotations and memory: a file as large as that of COCO train2017, and loader workers over an epoch."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from lib.bench.made_annotations import IMAGES, PEOPLE, write_annotations
from lib.bench.memory_probe import BATCH, STEPS, WORKERS
from lib.bench.rows import Row
from lib.bench.settings import BenchSettings
from lib.dataset.index_cache import CACHE_VARIABLE
from lib.utils.errors import PoseError

# The plain way takes half a minute a time.
MOST_REPEATS = 5
PLAIN, FIRST, CACHED = "plain: pycocotools and a mapping per person", "ours, first time", "ours, from the cache"


def memory_rows(settings: BenchSettings) -> list[Row]:
    """Time and memory of indexing annotations, and the growth of loader workers; each measured in a new process."""
    with tempfile.TemporaryDirectory() as folder:
        path, cache = Path(folder) / "annotations.json", Path(folder) / "cache"
        write_annotations(path)
        rounds = np.array([_round(path, cache) for _ in range(min(settings.repeats, MOST_REPEATS))])
        title = f"index {PEOPLE:,} people, {IMAGES:,} images, {path.stat().st_size / 1e6:.0f} MB"
        return [*_index_rows(title, rounds), *_worker_rows(path, cache)]


def _round(path: Path, cache: Path) -> list[list[float]]:
    """Seconds, resident MB before and after, and written MB after of each way."""
    plain = _probe("plain_index", path, cache)
    shutil.rmtree(cache, ignore_errors=True)
    return [plain, _probe("our_index", path, cache), _probe("our_index", path, cache)]


def _index_rows(title: str, rounds: np.ndarray) -> list[Row]:
    """Rows from (rounds, ways, [seconds, MB before, MB after, written MB after]).

    A ratio says how many times less ours takes.
    """
    seconds, before, after, written = np.moveaxis(rounds, 2, 0)
    count, ways = len(rounds), (PLAIN, FIRST, CACHED)
    rows = [
        Row.of(title, way, "s", seconds[:, i], seconds[:, 0] / seconds[:, i], target, count)
        for i, (way, target) in enumerate(zip(ways, ("", "< 15 s", "< 1 s"), strict=True))
    ]
    resident = "resident memory afterwards"
    rows.append(Row.of(resident, "torch, cv2, numpy and our code imported", "MB", before[:, 1], repeats=count))
    titles = (resident, after, "< 400 MB"), ("of it, written (not files)", written, "< 400 MB")
    for name, values, target in (*titles, ("of it, added by the index", after - before, "")):
        rows += [
            Row.of(name, way, "MB", values[:, i], values[:, 0] / values[:, i], target if i else "", count)
            for i, way in enumerate(ways)
        ]
    return rows


def _worker_rows(path: Path, cache: Path) -> list[Row]:
    """What the workers have for themselves at three times, and how much it grew."""
    name, rows = f"{WORKERS} loader workers' own memory", []
    for way, probe, target in (("plain: a mapping per person", "plain_workers", ""), ("ours", "our_workers", "flat")):
        values = _probe(probe, path, cache)
        times = "at the start", "in the middle", f"after {STEPS * BATCH:,} of {PEOPLE:,} people"
        rows += [Row.of(f"{name} {when}", way, "MB", [value]) for when, value in zip(times, values, strict=True)]
        rows.append(Row.of(f"{name}, growth", way, "MB", [values[-1] - values[0]], target=target))
    return rows


def _probe(name: str, path: Path, cache: Path) -> list[float]:
    """Run a function of `lib.bench.memory_probe` in a new process."""
    command = [sys.executable, "-m", "lib.bench.memory_probe", name, str(path)]
    ended = subprocess.run(
        command, env=os.environ | {CACHE_VARIABLE: str(cache)}, capture_output=True, text=True, check=False
    )
    if ended.returncode:
        reason = (ended.stderr.strip().splitlines() or ["no message"])[-1]
        raise PoseError(f"the measurement {name} ended with code {ended.returncode} ({reason}).")
    values: list[float] = json.loads(ended.stdout.strip().splitlines()[-1])
    return values

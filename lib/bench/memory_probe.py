"""One measurement of memory in a process of its own: python -m lib.bench.memory_probe WHAT ANNOTATIONS.

It prints numbers as JSON; what they mean is said beside each function.
"""

import json
import multiprocessing
import sys
import time
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from torch.utils.data import DataLoader

from lib.bench.made_annotations import KEYPOINTS
from lib.bench.plain_annotations import ListDataset, list_people, open_coco
from lib.bench.process_memory import own_mb, resident_mb, written_mb
from lib.codecs.build import build_codec
from lib.config import load_config, resolve_skeleton
from lib.dataset import PoseDataset, PoseLoader, TrainSampler
from lib.dataset.build import augment_settings
from lib.dataset.coco import read_annotations
from lib.dataset.dataset import Provenance
from lib.dataset.pixels import StoredPixels
from lib.dataset.records import annotated_records
from lib.utils.image import decode_image

CONFIG = Path(__file__).resolve().parents[2] / "experiments" / "_hrnet_w24_128x96.yaml"
ASPECT_RATIO = 0.75
WORKERS, BATCH, STEPS = 2, 32, 900
# The first batches fill caches and buffers of any worker.
STEPS_AT_START, READINGS = 60, 9
# Small pictures stand for those of COCO: how often each record is touched is measured, not pixels.
PICTURES, PICTURE_WH, SMALLER = 8, (160, 120), 0.25


def plain_index(path: str) -> list[float]:
    """Seconds, resident MB before and after, written MB after: pycocotools' index and the list of people, both kept."""

    def build() -> Any:
        coco = open_coco(path)
        return coco, list_people(coco, KEYPOINTS, ASPECT_RATIO)

    return _measured(build)


def our_index(path: str) -> list[float]:
    """Seconds, resident MB before and after, written MB after: our arrays, built or from the cache."""
    return _measured(lambda: read_annotations(path, KEYPOINTS))


def plain_workers(path: str) -> list[float]:
    """MB that the workers have for themselves at the start, middle and end, with a list of mappings."""
    coco = open_coco(path)
    dataset = ListDataset(list_people(coco, KEYPOINTS, ASPECT_RATIO), _pictures())
    del coco
    loader = DataLoader(dataset, BATCH, shuffle=True, num_workers=WORKERS, multiprocessing_context="fork")
    return _during_epoch(loader)


def our_workers(path: str) -> list[float]:
    """The same with `PoseDataset` and `PoseLoader`."""
    cfg = load_config(CONFIG, ["DATASET.DATASET", "coco", "MODEL.CODEC", "udp"])
    codec, annotations = build_codec(cfg), read_annotations(path, KEYPOINTS)
    records, num_dropped = annotated_records(annotations, codec.box_to_center_scale)
    dataset = PoseDataset(
        records,
        annotations.images,
        SharedPictures(_pictures()),
        codec,
        resolve_skeleton(cfg),
        Provenance(path, "annotated boxes", num_dropped),
        augment=augment_settings(cfg),
    )
    return _during_epoch(PoseLoader(dataset, TrainSampler(len(records), BATCH, seed=0), BATCH, num_workers=WORKERS))


class SharedPictures:
    """A few small pictures in place of all images of a data set.

    Args:
        files: their bytes.
    """

    def __init__(self, files: list[bytes]) -> None:
        self.files = files

    def pixels(self, index: int) -> StoredPixels:
        """See `lib.dataset.pixels.PixelSource`."""
        picture = decode_image(self.files[index % len(self.files)], f"picture {index}")
        return StoredPixels(picture, np.eye(2, 3) * SMALLER)


def _measured(build: Callable[[], Any]) -> list[float]:
    before, started = resident_mb(), time.perf_counter()
    kept = build()
    seconds = time.perf_counter() - started
    after = [resident_mb(), written_mb()]
    del kept
    return [seconds, before, *after]


def _during_epoch(loader: Iterable[Any]) -> list[float]:
    """The workers' own MB at three times, each the median of several steps, as a batch may be on its way or not."""
    readings: list[list[float]] = [[], [], []]
    for step, _ in enumerate(islice(loader, STEPS)):
        for taken, first in zip(readings, (STEPS_AT_START, STEPS // 2, STEPS - READINGS), strict=True):
            if first <= step < first + READINGS:
                workers = multiprocessing.active_children()
                taken.append(sum(own_mb(worker.pid) for worker in workers if worker.pid))
    return [float(np.median(taken)) for taken in readings]


def _pictures() -> list[bytes]:
    rng = np.random.default_rng(0)
    width, height = PICTURE_WH
    noise = rng.integers(0, 256, (PICTURES, height // 8, width // 8, 3), dtype=np.uint8)
    return [cv2.imencode(".jpg", cv2.resize(picture, PICTURE_WH))[1].tobytes() for picture in noise]


PROBES = {probe.__name__: probe for probe in (plain_index, our_index, plain_workers, our_workers)}

if __name__ == "__main__":
    print(json.dumps(PROBES[sys.argv[1]](sys.argv[2])))

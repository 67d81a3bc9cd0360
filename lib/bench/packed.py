"""Rows on packed data sets: their loader against the published way, on one core, their size and their loss."""

import tempfile
from pathlib import Path

import numpy as np
from torch import Tensor
from yacs.config import CfgNode

from lib.bench.contest import Contest, hold
from lib.bench.loader import our_ways, plain_way
from lib.bench.pictures import loading_config
from lib.bench.rows import Row
from lib.bench.settings import BenchSettings
from lib.dataset import PoseDataset, build_dataset
from lib.dataset.packed.build import write_packed
from lib.dataset.packed.format import PackIndex
from lib.dataset.packed.plan import DEFAULT_DENSITY, DEFAULT_SHARD_BYTES

DENSITIES = (None, 2.0, DEFAULT_DENSITY, 1.0)


def packed_rows(settings: BenchSettings) -> list[Row]:
    """Samples per second of one core, MB per 1,000 people, and the mean grey difference of crops from those of JPEGs.

    Of ours there are two ways: what the loader does, and the same with what it leaves to the device (normalisation,
    targets) done on the same core. The packed pixels lie in the memory that the system keeps files in.
    """
    with loading_config(settings) as cfg:
        images = build_dataset(cfg, is_train=True)
        with tempfile.TemporaryDirectory() as folder:
            _, packed = _packed(cfg, Path(folder) / "packed", DEFAULT_DENSITY)
            contest = Contest(
                name="training loader, packed",
                unit="samples/s",
                plain=plain_way(images, cfg),
                ways=our_ways(packed, cfg, is_train=True),
                target=5.0,
                one_core=True,
            )
            rows = hold(contest, settings.repeats)
        for density in DENSITIES:
            with tempfile.TemporaryDirectory() as folder:
                index, packed = _packed(cfg, Path(folder) / "packed", density)
                way = "pixels as in the images" if density is None else f"{density:g} pixels per input pixel"
                size = [index.num_bytes / index.num_people / 1e3]
                rows.append(Row.of("packed people, size", way, "MB/1,000 people", size))
                loss = [_mean_difference(images, packed, epoch) for epoch in range(settings.repeats)]
                rows.append(
                    Row.of("packed people, difference", way, "grey levels of 255", loss, repeats=settings.repeats)
                )
        return rows


def _packed(cfg: CfgNode, folder: Path, density: float | None) -> tuple[PackIndex, PoseDataset]:
    """The training part, packed."""
    index = write_packed(
        cfg,
        str(folder),
        density=density,
        shard_bytes=DEFAULT_SHARD_BYTES,
        workers=1,
        progress=lambda items, total: items,  # noqa: ARG005 - the signature of a progress bar
    )
    config = cfg.clone()
    config.defrost()
    config.DATASET.DATA_FORMAT, config.DATASET.TRAIN_IMAGES = "packed", str(folder)
    config.freeze()
    return index, build_dataset(config, is_train=True)


def _mean_difference(images: PoseDataset, packed: PoseDataset, epoch: int) -> float:
    """Of all crops of an epoch, which are drawn alike."""
    one, other = (_crops(dataset, epoch) for dataset in (images, packed))
    return float((one - other).abs().double().mean())


def _crops(dataset: PoseDataset, epoch: int) -> Tensor:
    crops = dataset.batch(epoch, np.arange(len(dataset))).image
    if not isinstance(crops, Tensor):
        raise TypeError("crops that are cut on the device are not compared here")
    return crops.int()

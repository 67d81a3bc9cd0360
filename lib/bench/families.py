"""Rows on all networks: parameters, work and speed of one forward pass, in float32 and in bf16."""

from collections.abc import Sequence
from pathlib import Path

import torch
from yacs.config import CfgNode

from lib.bench.contest import Contest, Way, hold
from lib.bench.devices import EXPERIMENTS, make_network, published_config, synchronised
from lib.bench.rows import Row
from lib.bench.settings import BenchSettings
from lib.core.outputs import final_heatmaps
from lib.core.precision import Precision
from lib.utils.complexity import count_work

BATCH = 1
PARAMETERS, MULTIPLY_ADDS, PUBLISHED = "parameters", "multiply-adds", "published counter"
COLUMNS = (PARAMETERS, MULTIPLY_ADDS, PUBLISHED, "float32", "bf16")
SIZES = ("256x192", "384x288")
# One experiment per network and size, whatever encoding it was published with.
FAMILY = (
    *(f"coco/resnet/res{depth}_{size}_d256x3_adam_lr1e-3" for depth in (50, 101, 152) for size in SIZES),
    *(f"coco/hrnet/w{width}_{size}_adam_lr1e-3" for width in (32, 48) for size in SIZES),
    *(f"coco/hrnet/w{width}_256x192_adam_lr1e-3_udp" for width in (32, 48)),
    *(f"coco/rsn/{name}_256x192" for name in ("res18", "rsn18", "rsn18x4", "rsn50", "rsn50x2", "rsn50x3", "rsn50x4")),
    "coco/rsn/rsn50x4_384x288",
    "coco/rsn/rsn18_256x192_udp",
    *(f"coco/hrformer/{name}_{size}" for name in ("small", "base") for size in SIZES),
)


def family_rows(settings: BenchSettings, experiments: Sequence[str | Path] = FAMILY) -> list[Row]:
    """Size, work and images per second of networks as `tools/test.py` runs them, without flip test and decoding.

    Args:
        settings: device and repeats.
        experiments: YAML files, relative to experiments/ and without ending.
    """
    rows = []
    for name in experiments:
        rows += _network_rows(str(name).removeprefix("coco/"), published_config(f"{EXPERIMENTS / name}.yaml"), settings)
    return rows


def family_table(rows: Sequence[Row]) -> str:
    """The rows in Markdown, a line per network."""
    values: dict[str, dict[str, float]] = {}
    for row in rows:
        values.setdefault(row.name, {})[row.way] = row.median
    head = ["network", "parameters, 1e6", "multiply-adds, 1e9", "GFLOPs as published", "images/s float32", "bf16"]
    lines = [f"| {' | '.join(head)} |", f"|---{'|---:' * len(COLUMNS)}|"]
    for name, found in values.items():
        lines.append(f"| {name} | {' | '.join(_number(found.get(way)) for way in COLUMNS)} |")
    return "\n".join(lines)


def _network_rows(name: str, cfg: CfgNode, settings: BenchSettings) -> list[Row]:
    model = make_network(cfg, settings.device).eval().to(memory_format=torch.channels_last)
    width, height = cfg.MODEL.IMAGE_SIZE
    work = count_work(model, (width, height))[0]
    images = torch.randn(BATCH, 3, height, width, device=settings.device).to(memory_format=torch.channels_last)

    def way(precision_name: str) -> Way:
        precision = Precision(torch.device(settings.device), precision_name)

        @torch.no_grad()
        def run() -> object:
            with precision.autocast():
                return final_heatmaps(model(images))

        return Way(precision.label, synchronised(run, settings.device), BATCH)

    return [
        Row.of(name, PARAMETERS, "million", [work.parameters / 1e6]),
        Row.of(name, MULTIPLY_ADDS, "1e9", [work.giga_multiply_adds]),
        Row.of(name, PUBLISHED, "GFLOPs", [work.published_gflops]),
        *hold(Contest(name, "images/s", way("none"), [way("bf16")], passes=1), settings.repeats),
    ]


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"

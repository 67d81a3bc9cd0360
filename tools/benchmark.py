"""Measure this code against the plain way of doing the same work, interleaved, in one run.

loader, decode, grouping, forward, train, evaluate, memory, all (of these) and families (every network) need nothing;
network and precision take --cfg X.yaml and KEY VALUE overrides: the first gives a network's speed per batch size, its
parameters and multiply-adds, the second what bf16 and the runtimes do to AP and coordinates (with TEST.MODEL_FILE and
the data set of the config).
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

from lib.bench.decode import decode_rows
from lib.bench.evaluate import evaluate_rows
from lib.bench.families import family_rows, family_table
from lib.bench.forward import forward_rows
from lib.bench.grouping import grouping_rows
from lib.bench.loader import loader_rows
from lib.bench.memory import memory_rows
from lib.bench.network import BATCH_SIZES, network_rows
from lib.bench.packed import packed_rows
from lib.bench.precision import precision_rows
from lib.bench.rows import Row, format_table, write_rows
from lib.bench.settings import BenchSettings
from lib.bench.train import train_rows
from lib.config import load_config
from lib.utils.cli import run_command
from lib.utils.device import choose_device
from lib.utils.errors import PoseError

BENCHMARKS: dict[str, Callable[[BenchSettings], list[Row]]] = {
    "loader": lambda settings: [*loader_rows(settings), *packed_rows(settings)],
    "decode": decode_rows,
    "grouping": grouping_rows,
    "forward": forward_rows,
    "train": train_rows,
    "evaluate": evaluate_rows,
    "memory": memory_rows,
    "families": family_rows,
}
# Families takes as long as all others where bf16 is emulated, so it is asked for by name.
IN_ALL = tuple(name for name in BENCHMARKS if name != "families")
TABLES: dict[str, Callable[[list[Row]], str]] = {"families": family_table}
WITH_CONFIG = ("network", "precision")


def main() -> None:
    """Run the command."""
    flags = _parser().parse_intermixed_args()
    choose_device(flags.device)  # refuses one that is not there
    if flags.repeats < 1:
        raise PoseError(f"--repeats is {flags.repeats}; give 1 or more.")
    settings = BenchSettings(device=flags.device, repeats=flags.repeats, data=flags.data)
    for name in IN_ALL if flags.what == "all" else (flags.what,):
        started = time.perf_counter()
        rows = _with_config(name, settings, flags) if name in WITH_CONFIG else BENCHMARKS[name](settings)
        path = Path(flags.output) / f"{name}_{flags.device.partition(':')[0]}.csv"
        write_rows(path, rows, flags.device)
        table = TABLES.get(name, format_table)(rows)
        print(f"{table}\n\n{path}, {time.perf_counter() - started:.0f} s\n", flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    choices = (*BENCHMARKS, *WITH_CONFIG, "all")
    parser.add_argument("what", nargs="?", default="all", choices=choices, help="the benchmark; all by default")
    parser.add_argument("--repeats", type=int, default=5, help="rounds; 5 or more for figures that are reported")
    parser.add_argument("--device", default="cpu", help="cpu | cuda")
    parser.add_argument("--data", default="", help="COCO-format folder of real images for the loaders, e.g. data/coco")
    parser.add_argument("--output", default="benchmarks", help="folder of the CSV files")
    parser.add_argument("--cfg", default="", help="experiment file (YAML), for network and precision")
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=BATCH_SIZES, help="for network")
    parser.add_argument("opts", nargs="*", metavar="KEY VALUE", help="options of the config to change")
    return parser


def _with_config(name: str, settings: BenchSettings, flags: argparse.Namespace) -> list[Row]:
    if not flags.cfg:
        raise PoseError(f"the benchmark {name} needs a configuration; add --cfg experiments/.../X.yaml.")
    cfg = load_config(flags.cfg, flags.opts)
    return network_rows(settings, cfg, flags.batch_sizes) if name == "network" else precision_rows(settings, cfg)


if __name__ == "__main__":
    run_command(main)

"""Measure this code against the plain way of doing the same work: python tools/benchmark.py [loader|decode|...|all]."""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

from lib.bench.loader import loader_rows
from lib.bench.rows import Row, format_table, write_rows
from lib.bench.settings import BenchSettings
from lib.utils.cli import run_command

ROWS: dict[str, Callable[[BenchSettings], list[Row]]] = {
    "loader": loader_rows,
}


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="?", default="all", choices=(*ROWS, "all"), help="the benchmark; all by default")
    parser.add_argument("--repeats", type=int, default=5, help="rounds, 5 or more for figures that are reported")
    parser.add_argument("--device", default="cpu", help="cpu | cuda")
    parser.add_argument("--data", default="", help="a COCO-format folder of real images, e.g. data/coco")
    parser.add_argument("--output", default="benchmarks", help="folder of the CSV files")
    flags = parser.parse_args()
    settings = BenchSettings(device=flags.device, repeats=flags.repeats, data=flags.data)
    for name in ROWS if flags.what == "all" else (flags.what,):
        started = time.perf_counter()
        rows = ROWS[name](settings)
        path = Path(flags.output) / f"{name}_{flags.device.partition(':')[0]}.csv"
        write_rows(path, rows, flags.device)
        print(f"{format_table(rows)}\n{path}, {time.perf_counter() - started:.0f} s\n", flush=True)


if __name__ == "__main__":
    run_command(main)

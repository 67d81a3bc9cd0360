"""Name every fault of a data set, and how many of its people would be left out and why, before training.

Exit code: 0 without faults that matter, 1 with some, 2 when the configuration cannot be used.
"""

import argparse
import sys
from collections.abc import Iterable
from typing import Any

from tqdm import tqdm

from lib.config import load_config
from lib.dataset.build import check_dataset
from lib.utils.cli import run_command


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cfg", required=True, help="experiment file (YAML)")
    parser.add_argument("opts", nargs="*", metavar="KEY VALUE", help="options to change, e.g. DATASET.ROOT data/mine")
    flags = parser.parse_intermixed_args()
    config = load_config(flags.cfg, flags.opts)
    num_faults = 0
    for is_train in (True, False):
        report = check_dataset(config, is_train, _progress)
        print("\n".join(report.lines), flush=True)
        num_faults += report.num_faults
    print(f"{num_faults} faults that matter" if num_faults else "no faults that matter")
    sys.exit(1 if num_faults else 0)


def _progress(items: Iterable[Any], total: int) -> Iterable[Any]:
    return tqdm(items, total=total, desc="images", unit="image", leave=False)


if __name__ == "__main__":
    run_command(main)

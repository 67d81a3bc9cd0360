"""Pack the people of a training part, decoded once, for many times faster loading with DATASET.DATA_FORMAT packed.

The pixels are enough for the augmentation, the input size and the codec of the given experiment. An interrupted command
goes on where it stopped when it is given again.
"""

import argparse
import os
import sys
import time
from collections.abc import Iterable
from typing import Any

from tqdm import tqdm
from yacs.config import CfgNode

from lib.config import load_config
from lib.dataset.packed.build import verify_packed, write_packed
from lib.dataset.packed.format import PackIndex
from lib.dataset.packed.plan import DEFAULT_DENSITY, DEFAULT_SHARD_BYTES, MEGABYTE
from lib.dataset.packed.report import describe
from lib.utils.cli import run_command
from lib.utils.errors import PoseError

AS_IN_THE_IMAGE = "image"


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cfg", required=True, help="experiment file (YAML)")
    parser.add_argument("--output", default="", help="folder to write; by default DATASET.ROOT/packed/TRAIN_SET")
    parser.add_argument(
        "--density",
        type=_density,
        default=DEFAULT_DENSITY,
        help=f"stored pixels per input pixel of a crop at scale 1 ({DEFAULT_DENSITY:g}); 'image' reduces nothing",
    )
    shard_size = DEFAULT_SHARD_BYTES // MEGABYTE
    parser.add_argument("--shard-size", type=int, default=shard_size, help=f"size of a file, MB ({shard_size})")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes; by default one per core")
    parser.add_argument("--verify", action="store_true", help="recompute the checksums of what is there")
    parser.add_argument("opts", nargs="*", metavar="KEY VALUE", help="options to change, e.g. DATASET.ROOT data/mine")
    flags = parser.parse_intermixed_args()
    if min(flags.shard_size, flags.workers) < 1:
        raise PoseError("--shard-size and --workers must be 1 or more.")
    started = time.perf_counter()
    config = load_config(flags.cfg, flags.opts)
    index = verify_packed(config, flags.output) if flags.verify else _write(config, flags)
    done = "every checksum is right" if flags.verify else "complete"
    print(f"{describe(index)}; {done} ({time.perf_counter() - started:.1f} s)")


def _write(config: CfgNode, flags: argparse.Namespace) -> PackIndex:
    try:
        return write_packed(
            config,
            flags.output,
            density=flags.density,
            shard_bytes=flags.shard_size * MEGABYTE,
            workers=flags.workers,
            progress=_progress,
        )
    except KeyboardInterrupt:
        print("finished shards are kept; the same command, with the same options, goes on", file=sys.stderr)
        raise


def _density(text: str) -> float | None:
    """A number above 0, or None for the images' own pixels."""
    if text == AS_IN_THE_IMAGE:
        return None
    try:
        value = float(text)
    except ValueError:
        value = 0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is neither a number above 0 nor '{AS_IN_THE_IMAGE}'")
    return value


def _progress(items: Iterable[Any], total: int) -> Iterable[Any]:
    # None: a bar on terminals only.
    return tqdm(items, total=total, desc="images", unit="image", leave=False, disable=None)


if __name__ == "__main__":
    run_command(main)

"""Make a data set of synthetic people in COCO's layout."""

import argparse
import time

from lib.dataset.synthetic import SceneSpec, make_dataset
from lib.dataset.synthetic.statistics import describe
from lib.utils.cli import run_command
from lib.utils.errors import PoseError


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--output", default="data/synthetic", help="folder of the data set")
    parser.add_argument("--train", type=int, default=4000, help="training images")
    parser.add_argument("--val", type=int, default=400, help="held-out images, with patterns of their own")
    parser.add_argument("--seed", type=int, default=0, help="other pictures for every seed")
    parser.add_argument("--workers", type=int, default=None, help="processes; by default one per CPU core")
    size = "x".join(map(str, SceneSpec.size_wh))
    parser.add_argument("--size", default=size, metavar="WxH", help="image size, pixels")
    return parser.parse_args()


def main() -> None:
    """Make the data set and print what is in it."""
    arguments = parse_arguments()
    start = time.perf_counter()
    manifest = make_dataset(
        arguments.output,
        train=arguments.train,
        val=arguments.val,
        seed=arguments.seed,
        workers=arguments.workers,
        size_wh=_parse_size(arguments.size),
    )
    for split, statistics in manifest["statistics"].items():
        print(describe(split, statistics))
    print(f"{arguments.output} is complete ({time.perf_counter() - start:.1f} s)")


def _parse_size(text: str) -> tuple[int, int]:
    """ "320x256" to (320, 256)."""
    width, _, height = text.partition("x")
    if not (width.isdigit() and height.isdigit()):
        raise PoseError(f"--size {text!r} is not a size; write it as WxH, for example 320x256.")
    return int(width), int(height)


if __name__ == "__main__":
    run_command(main)

"""From nothing to a pose network: make synthetic people, train on them, test, plot. What is done is not done again."""

import argparse
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

from lib.config import load_config, output_directory
from lib.core.evaluate import coco_statistics, format_statistics
from lib.dataset.synthetic.statistics import describe
from lib.skeletons import load_skeleton
from lib.utils.cli import run_command
from lib.utils.errors import PoseError
from lib.utils.files import read_json

CONFIG = "experiments/synthetic/hrnet_w24_128x96_udp.yaml"
PICTURES = 12


def main() -> None:
    """Run the four commands one after the other and end with their results."""
    arguments = _parse_arguments()
    cfg = load_config(CONFIG, arguments.opts)
    root, run = Path(cfg.DATASET.ROOT), output_directory(cfg)
    results = run / "results" / f"keypoints_{cfg.DATASET.TEST_SET}_results_0.json"
    pictures = results.parent / "pictures"
    annotations = root / "annotations" / f"person_keypoints_{cfg.DATASET.TEST_SET}.json"
    images = root / "images" / cfg.DATASET.TEST_SET

    sizes = "--train", str(arguments.train), "--val", str(arguments.val)
    _run("Make people", "tools/make_synthetic.py", "--output", str(root), *sizes)
    # Two processes of one thread: a network this small gains little from a second thread.
    processes = min(2, os.cpu_count() or 1)
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    _run("Train", *launch, "tools/train.py", "--cfg", CONFIG, "AUTO_RESUME", "True", *arguments.opts)
    _run("Test", "tools/test.py", "--cfg", CONFIG, *arguments.opts)
    files = ["--prediction", str(results), "--gt-anno", str(annotations), "--image-path", str(images)]
    options = ["--save-path", str(pictures), "--limit", str(PICTURES), "--with-gt"]
    _run("Plot", "visualization/plot_coco.py", *files, *options)

    statistics = coco_statistics(
        read_json(results, "result file"), annotations, load_skeleton("coco").sigmas_array, source=str(results)
    )
    held_out = json.loads((root / "manifest.json").read_text())["statistics"][cfg.DATASET.TEST_SET]
    print(f"\nResult on held-out people, GT boxes, flip test, codec {cfg.MODEL.CODEC}, decoder {cfg.TEST.DECODER}")
    print(describe(cfg.DATASET.TEST_SET, held_out))
    print(format_statistics(statistics, cfg.MODEL.NAME))
    for name, path in (("results", results), ("pictures", pictures), ("curves", run / "curves.png")):
        print(f"{name:<9} {path}")


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--train", type=int, default=4000, help="training images to make")
    parser.add_argument("--val", type=int, default=400, help="held-out images to make")
    parser.add_argument("opts", nargs="*", metavar="KEY VALUE", help="options of the experiment to change")
    return parser.parse_args()


def _run(title: str, *words: str) -> None:
    """Run one of our commands with this interpreter, after showing it.

    Raises:
        PoseError: it failed; its own message stands above.
    """
    print(f"\n{title}: python {shlex.join(words)}", flush=True)
    status = subprocess.run([sys.executable, *words], check=False).returncode
    if status != 0:
        raise PoseError(f"python {shlex.join(words)} ended with exit code {status}; see its message above.")


if __name__ == "__main__":
    run_command(main)

"""From nothing to a pose network: make synthetic people, train on them, test, plot. What is done is not done again."""

import argparse
import json
import os
import shlex
import subprocess
import sys
from itertools import chain
from pathlib import Path

import torch
from yacs.config import CfgNode

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

    sizes = [(f"--{name}", str(getattr(arguments, name))) for name in ("train", "val") if getattr(arguments, name)]
    _run("Make people", "tools/make_synthetic.py", "--output", str(root), *chain(*sizes))
    processes = _processes(cfg)
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    settings = {
        "TRAIN.BATCH_SIZE_PER_GPU": cfg.TRAIN.EXPECTED_BATCH // processes,
        # A training from before the pictures were made was one on other pictures.
        "AUTO_RESUME": not _is_newer(root / "manifest.json", run / "checkpoint.pth"),
    }
    _run("Train", *launch, "tools/train.py", "--cfg", CONFIG, *map(str, chain(*settings.items())), *arguments.opts)
    if arguments.opts or not (_is_newer(results, run / "model_best.pth") and pictures.is_dir()):
        _run("Test", "tools/test.py", "--cfg", CONFIG, *arguments.opts)
        _plot(results, annotations, images, pictures)

    statistics = coco_statistics(
        read_json(results, "result file"), annotations, load_skeleton("coco").sigmas_array, source=str(results)
    )
    held_out = json.loads((root / "manifest.json").read_text())["statistics"][cfg.DATASET.TEST_SET]
    boxes = "GT boxes" if cfg.TEST.USE_GT_BBOX else "detected boxes"
    flip = "flip test" if cfg.TEST.FLIP_TEST else "no flip test"
    print(f"\nResult on held-out people, {boxes}, {flip}, codec {cfg.MODEL.CODEC}, decoder {cfg.TEST.DECODER}")
    print(describe(cfg.DATASET.TEST_SET, held_out))
    print(format_statistics(statistics, cfg.MODEL.NAME))
    for name, path in (("results", results), ("pictures", pictures), ("curves", run / "curves.png")):
        print(f"{name:<9} {path}")
    words = ["python", "tools/infer.py", "--input", str(images), "--boxes", str(annotations)]
    print(f"{'infer':<9} {shlex.join(words)}")


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--train", type=int, help="training images; by default as many as make_synthetic.py makes")
    parser.add_argument("--val", type=int, help="held-out images; likewise")
    parser.add_argument("opts", nargs="*", metavar="KEY VALUE", help="options of the experiment to change")
    return parser.parse_intermixed_args()


def _plot(results: Path, annotations: Path, images: Path, pictures: Path) -> None:
    files = ["--prediction", str(results), "--gt-anno", str(annotations), "--image-path", str(images)]
    # However short the training was, everybody found is drawn.
    options = ["--save-path", str(pictures), "--limit", str(PICTURES), "--with-gt", "--score-thr", "0"]
    _run("Plot", "visualization/plot_coco.py", *files, *options)


def _processes(cfg: CfgNode) -> int:
    """One on a GPU; on CPUs two of one thread, as a network this small gains little from a second thread."""
    if cfg.DEVICE != "cpu" and torch.cuda.is_available():
        return 1
    return min(2, os.cpu_count() or 1)


def _is_newer(file: Path, other: Path) -> bool:
    """Whether both files are there and the first was written after the other."""
    return file.is_file() and other.is_file() and file.stat().st_mtime > other.stat().st_mtime


def _run(title: str, *words: str) -> None:
    """Run one of our commands with this interpreter, after showing it.

    Raises:
        PoseError: it failed; its own message stands above.
    """
    print(f"\n{title}: python {shlex.join(words)}", flush=True)
    # torchrun would choose one thread per process as well, and say so in a banner.
    environment = {"OMP_NUM_THREADS": "1", **os.environ} if words[0] == "-m" else None
    status = subprocess.run([sys.executable, *words], env=environment, check=False).returncode
    if status != 0:
        raise PoseError(f"python {shlex.join(words)} ended with exit code {status}; see its message above.")


if __name__ == "__main__":
    run_command(main)

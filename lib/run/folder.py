"""The files of a run and the folder they stand in."""

import os
import time
from pathlib import Path

from yacs.config import CfgNode

from lib.config import config_to_text, output_directory, resolve_skeleton
from lib.skeletons.skeleton import FIELDS
from lib.utils.errors import PoseError
from lib.utils.files import atomic_path, write_json
from lib.utils.logging import get_logger


class RunFolder:
    """OUTPUT_DIR/<data set>/<model>/<run> and the names of its files."""

    def __init__(self, cfg: CfgNode) -> None:
        self.path = output_directory(cfg)
        self.config = self.path / "config.yaml"
        self.log = self.path / "log.txt"
        self.history = self.path / "history.csv"
        self.curves = self.path / "curves.png"
        self.checkpoint = self.path / "checkpoint.pth"
        self.best = self.path / "model_best.pth"
        self.final = self.path / "final_state.pth"

    def results(self, test_set: str) -> Path:
        """The result file of a test, named as in the published repositories (their 0 is the rank)."""
        return self.path / "results" / f"keypoints_{test_set}_results_0.json"

    def keypoint_set(self, cfg: CfgNode) -> str:
        """What the commands take as --skeleton: DATASET.SKELETON, or the SKELETON section, written to a file."""
        if not cfg.SKELETON.NAMES:
            return cfg.DATASET.SKELETON
        skeleton = resolve_skeleton(cfg)
        path = self.path / "results" / "skeleton.yaml"
        write_json(path, {name: getattr(skeleton, name) for name in FIELDS})  # JSON is YAML
        return str(path)

    def check_writable(self) -> None:
        """See `check_writable` below."""
        check_writable(self.path, "OUTPUT_DIR")

    def prepare(self, cfg: CfgNode) -> None:
        """Make the folder with its config.yaml, and remove what a killed run left half-written."""
        self.path.mkdir(parents=True, exist_ok=True)
        for pattern in (self.checkpoint, self.best, self.final, self.history, self.curves, self.config):
            for leftover in self.path.glob(f".{pattern.name}.*"):
                leftover.unlink(missing_ok=True)
        with atomic_path(self.config) as temporary:
            temporary.write_text(config_to_text(cfg))

    def set_aside_earlier_run(self) -> None:
        """Move the weights and history of an earlier run out of the way of one that starts anew."""
        earlier = [file for file in (self.checkpoint, self.best, self.final, self.history) if file.exists()]
        if not earlier:
            return
        aside = self.path / time.strftime("earlier-%Y%m%d-%H%M%S")
        aside.mkdir(exist_ok=True)
        for file in earlier:
            file.replace(aside / file.name)
        get_logger().info(f"{self.path} holds an earlier run, now in {aside.name}; --resume would have continued it.")

    def tested_weights(self) -> Path:
        """The weights that a test without TEST.MODEL_FILE takes: the best, else the final ones.

        Raises:
            PoseError: there are none.
        """
        for file in (self.best, self.final):
            if file.is_file():
                return file
        raise PoseError(
            f"TEST.MODEL_FILE is empty and {self.path} has neither {self.best.name} nor {self.final.name}; train first "
            "with tools/train.py or name a file with TEST.MODEL_FILE."
        )


def check_writable(path: Path, option: str) -> None:
    """See to it, without making anything, that a folder can be written to.

    Args:
        path: the folder, which need not be there.
        option: what chooses it, named in the error.

    Raises:
        PoseError: it cannot.
    """
    # os.path.exists, because Path.exists raises below a folder that may not be searched.
    nearest = next(folder for folder in (path, *path.absolute().parents) if os.path.exists(folder))  # noqa: PTH110
    if not nearest.is_dir():
        raise PoseError(f"{nearest} is a file, so {path} cannot be made; choose another {option}.")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise PoseError(f"{nearest} cannot be written to; choose another {option} or change its permissions.")

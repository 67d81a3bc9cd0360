"""Training of the tiny experiment in this process."""

from pathlib import Path
from typing import Any

import torch
from helpers.tiny_run import run_folder

from lib.config import load_config
from lib.run.train import train


def train_tiny(experiment: Path, *overrides: object, **options: Any) -> Path:
    """Train with KEY VALUE overrides; the run's folder."""
    train(load_config(experiment, [str(word) for word in overrides]), **options)
    return run_folder(experiment.parent)


def weights_of(path: Path) -> dict[str, torch.Tensor]:
    """The weights in a checkpoint file."""
    return torch.load(path, weights_only=True)["state_dict"]

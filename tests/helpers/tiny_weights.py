"""Weights for the tiny experiment without a training."""

from pathlib import Path

import torch

from lib.config import config_to_text, load_config, resolve_skeleton
from lib.models import build_model
from lib.run.setup import make_codec
from lib.utils.checkpoint import model_checkpoint, save_checkpoint


def save_random_weights(experiment: Path, path: Path, *overrides: str) -> Path:
    """Write a checkpoint with the experiment's random initial weights, always the same."""
    cfg = load_config(experiment, overrides)
    torch.manual_seed(0)
    content = model_checkpoint(
        build_model(cfg),
        codec=make_codec(cfg).description(),
        skeleton=resolve_skeleton(cfg),
        config=config_to_text(cfg),
    )
    save_checkpoint(path, content)
    return path

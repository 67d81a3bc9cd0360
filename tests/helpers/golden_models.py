"""Weights and inputs that the golden outputs in tests/golden/models belong to, rebuilt from names alone."""

import gzip
import json
import math
import zlib
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lib.models.window_attention import relative_positions


@cache
def read_states(golden: Path) -> dict[str, dict[str, Any]]:
    """Network name -> {"params": count, "state": {entry name: shape}}, as published."""
    states: dict[str, dict[str, Any]] = {}
    for path in sorted((golden / "models").glob("*.json.gz")):
        states |= json.loads(gzip.decompress(path.read_bytes()))
    return states


def golden_outputs(golden: Path, name: str) -> tuple[np.ndarray, np.ndarray]:
    """The last L outputs of a network for one image: their first channels, every second row and column, (L, C, h, w),
    and the standard deviation of each whole output, (L,)."""
    for path in sorted((golden / "models").glob("*.npz")):
        with np.load(path) as values:
            if name in values:
                return values[name], np.atleast_1d(values[f"{name}.std"])
    raise KeyError(name)


def golden_levels(golden: Path, name: str) -> list[tuple[np.ndarray, float, list[int]]]:
    """For each output of a bottom-up network, for one image: every fourth row and column of some channels (C, h, w),
    the standard deviation of the whole output, and the channels: of heatmaps, and in the first output of tags."""
    channels = ([0, 16, 17, 33], [0, 8, 16])
    with np.load(golden / "models" / "embedding.npz") as values:
        return [
            (values[f"{name}.out{level}"], float(values[f"{name}.std{level}"]), channels[level])
            for level in range(2)
            if f"{name}.out{level}" in values
        ]


def golden_weights(state: dict[str, list[int]]) -> dict[str, Tensor]:
    """Values that depend on an entry's name and shape only; counters are 0, tables of indices what they must be."""
    return {name: _values(name, tuple(shape)) for name, shape in state.items()}


def golden_input(height: int, width: int) -> Tensor:
    """One normalised image of random numbers, (1, 3, height, width)."""
    rng = np.random.default_rng(0)
    return torch.from_numpy(rng.normal(0.0, 1.0, (1, 3, height, width)).astype(np.float32))


def _values(name: str, shape: tuple[int, ...]) -> Tensor:
    kind = name.rsplit(".", 1)[-1]
    if kind == "num_batches_tracked":
        return torch.zeros(shape, dtype=torch.int64)
    if kind == "relative_position_index":
        return relative_positions(math.isqrt(shape[0]))
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    if kind == "running_var":
        values = rng.uniform(0.5, 1.5, shape)
    elif kind in ("running_mean", "bias"):
        values = rng.normal(0.0, 0.05, shape)
    elif len(shape) == 1:
        values = rng.normal(0.6, 0.05, shape)
    else:
        values = rng.normal(0.0, np.sqrt(2.0 / np.prod(shape[1:])), shape)
    return torch.from_numpy(values.astype(np.float32))

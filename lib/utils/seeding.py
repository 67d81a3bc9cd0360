"""Random state: set it from one seed, take it down, put it back."""

import random
from typing import Any

import numpy as np
import torch

# Seeds of different ranks must not meet those of neighbouring base seeds.
RANK_STRIDE = 1_000_003


def seed_everything(seed: int, rank: int = 0) -> None:
    """Seed Python, NumPy and PyTorch (CPU and GPUs).

    Args:
        seed: the run's seed, 0 or more.
        rank: the process; each gets its own stream, for dropout and the like. The weights of all processes are made
            equal by DistributedDataParallel, and augmentation has its own seeds per sample.
    """
    own = (seed + rank * RANK_STRIDE) % 2**32
    random.seed(own)
    np.random.seed(own)  # noqa: NPY002 - libraries may still draw from NumPy's global state
    torch.manual_seed(own)


def random_state() -> dict[str, Any]:
    """The state of all generators of this process, of plain types that load without unpickling code."""
    version, words, gauss = random.getstate()
    name, keys, position, has_gauss, cached = np.random.get_state(legacy=True)  # noqa: NPY002
    return {
        "python": [version, list(words), gauss],
        "numpy": [name, torch.from_numpy(np.asarray(keys).astype(np.int64)), position, has_gauss, cached],
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }


def restore_random_state(state: dict[str, Any]) -> None:
    """Put back what `random_state` took down; states of GPUs that are not here are left out."""
    version, words, gauss = state["python"]
    random.setstate((version, tuple(words), gauss))
    name, keys, position, has_gauss, cached = state["numpy"]
    np.random.set_state((name, keys.numpy().astype(np.uint32), position, has_gauss, cached))  # noqa: NPY002
    torch.set_rng_state(state["torch"])
    if torch.cuda.is_available() and len(state["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(state["cuda"])

"""What all tests share: one thread per process, fixed seeds, and the optional folder of real data."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch

# Bit-identical runs are compared across processes, which must then add up in the same order: one thread in each.
os.environ["OMP_NUM_THREADS"] = "1"
torch.set_num_threads(1)

REPOSITORY = Path(__file__).resolve().parent.parent
GOLDEN = REPOSITORY / "tests" / "golden"


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


@pytest.fixture
def rng() -> np.random.Generator:
    """A generator of fixed seed for random input."""
    return np.random.default_rng(20240229)


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the checkout."""
    return REPOSITORY


@pytest.fixture(scope="session")
def golden() -> Path:
    """The folder of small published values."""
    return GOLDEN


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real data that is not part of the repository: POSE_SHARED, or the folder `shared` beside the checkout."""
    folder = Path(os.environ.get("POSE_SHARED", REPOSITORY.parent / "shared"))
    if not (folder / "coco-mini").is_dir():
        pytest.skip("no real data: put it beside the checkout as 'shared' or name its folder in POSE_SHARED")
    return folder

import random
from pathlib import Path

import numpy as np
import torch

from lib.utils.seeding import random_state, restore_random_state, seed_everything


def _draw() -> tuple[float, float, float]:
    return random.random(), float(np.random.rand()), float(torch.rand(()))  # noqa: NPY002


def test_a_seed_decides_all_generators_and_ranks_differ() -> None:
    seed_everything(3)
    first = _draw()
    seed_everything(3)
    assert _draw() == first
    seed_everything(3, rank=1)
    assert not set(_draw()) & set(first)


def test_a_saved_state_continues_the_same_numbers(tmp_path: Path) -> None:
    seed_everything(1)
    random.gauss(0, 1)
    np.random.randn()  # noqa: NPY002 - leaves half a pair of normal numbers behind
    torch.save(random_state(), tmp_path / "state.pth")
    expected = (_draw(), random.gauss(0, 1), float(np.random.randn()))  # noqa: NPY002
    restore_random_state(torch.load(tmp_path / "state.pth", weights_only=True))
    assert (_draw(), random.gauss(0, 1), float(np.random.randn())) == expected  # noqa: NPY002

"""What the tests of this folder share."""

import cv2
import numpy as np
import pytest


@pytest.fixture
def photo(rng: np.random.Generator) -> np.ndarray:
    """A smooth coloured picture, (240, 320, 3) uint8 RGB; mostly red on the left and blue on the right."""
    coarse = rng.uniform(40, 160, (6, 8, 3))
    coarse[:, :4, 0] += 90
    coarse[:, 4:, 2] += 90
    return cv2.resize(coarse.clip(0, 255).astype(np.uint8), (320, 240), interpolation=cv2.INTER_LINEAR)

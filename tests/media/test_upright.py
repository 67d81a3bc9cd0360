"""Display matrices and colours of decoded frames."""

import itertools
from types import SimpleNamespace

import numpy as np
import pytest

from lib.media.upright import Turn, turn_of

ONE = 1 << 16
QUARTERS = [(a, b, c, d) for a, b, c, d in itertools.product((-1, 0, 1), repeat=4) if abs(a * d - b * c) == 1]
ORIENTATIONS = [m for m in QUARTERS if abs(m[0]) + abs(m[1]) == 1 and abs(m[2]) + abs(m[3]) == 1]


def shown(image: np.ndarray, a: int, b: int, c: int, d: int) -> np.ndarray:
    """Each stored pixel at its place, (a x + c y, b x + d y), moved so that all are positive."""
    height, width = image.shape[:2]
    places = {(x, y): (a * x + c * y, b * x + d * y) for x in range(width) for y in range(height)}
    left, top = (min(place[axis] for place in places.values()) for axis in (0, 1))
    result = np.zeros((height, width, 3) if a else (width, height, 3), np.uint8)
    for (x, y), (new_x, new_y) in places.items():
        result[new_y - top, new_x - left] = image[y, x]
    return result


def picture(*matrix: int) -> SimpleNamespace:
    return SimpleNamespace(side_data={"DISPLAYMATRIX": np.array(matrix, np.int32)})


@pytest.mark.parametrize("matrix", ORIENTATIONS)
def test_all_eight_orientations(rng: np.random.Generator, matrix: tuple[int, int, int, int]) -> None:
    image = rng.integers(0, 256, (3, 5, 3), dtype=np.uint8)
    before = image.copy()
    a, b, c, d = (value * ONE for value in matrix)
    turned = turn_of(picture(a, b, 0, c, d, 0, 0, 0, 1 << 30)).apply(image)
    np.testing.assert_array_equal(turned, shown(image, *matrix))
    assert turned.flags.c_contiguous
    np.testing.assert_array_equal(image, before)


def test_there_are_eight() -> None:
    assert len(ORIENTATIONS) == 8


def test_without_a_matrix_nothing_is_turned() -> None:
    assert turn_of(SimpleNamespace(side_data={})) == Turn()


def test_crooked_matrices_go_to_the_nearest_quarter() -> None:
    assert turn_of(picture(int(0.1 * ONE), ONE, 0, -ONE, int(0.1 * ONE), 0)) == Turn(True, True, False)

"""Tags: at their corners, inside the picture, not over each other."""

import numpy as np
import pytest

from visualization.labels import letter_size, put_tags

RED = (255, 0, 0)


def tagged(shape: tuple[int, int], corners: list[tuple[float, float]], text: str = "#3 0.87") -> np.ndarray:
    canvas = np.full((*shape, 3), 100, dtype=np.uint8)
    put_tags(canvas, [text] * len(corners), corners, [RED] * len(corners))
    return canvas


def extent(canvas: np.ndarray) -> tuple[int, int, int, int]:
    """left, top, right, bottom of what was drawn, the last ones exclusive."""
    rows, columns = np.nonzero((canvas != 100).any(axis=2))
    return int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1


def test_a_tag_stands_on_its_corner() -> None:
    left, top, right, bottom = extent(tagged((200, 300), [(40.0, 90.0)]))
    assert (left, bottom) == (40, 91)
    assert 11 <= bottom - top <= 20
    assert 40 <= right - left <= 80
    colors = {tuple(color) for color in tagged((200, 300), [(40.0, 90.0)])[top:bottom, left:right].reshape(-1, 3)}
    assert RED in colors
    assert (255, 255, 255) in colors, "white letters on a dark colour"
    assert len(colors) > 10, "antialiased"


@pytest.mark.parametrize("corner", [(-50.0, -50.0), (1e9, -1e9), (290.0, 3.0), (5.0, 500.0)])
def test_a_tag_is_kept_inside(corner: tuple[float, float]) -> None:
    left, top, right, bottom = extent(tagged((200, 300), [corner]))
    middle = extent(tagged((200, 300), [(100.0, 100.0)]))
    assert (right - left, bottom - top) == (middle[2] - middle[0], middle[3] - middle[1])
    assert min(left, top) >= 0
    assert right <= 300
    assert bottom <= 200


def test_tags_avoid_each_other() -> None:
    one = tagged((200, 300), [(40.0, 90.0)])
    two = tagged((200, 300), [(40.0, 90.0), (50.0, 88.0), (45.0, 91.0)])
    assert (two != 100).any(axis=2).sum() == 3 * (one != 100).any(axis=2).sum()


@pytest.mark.parametrize("shape", [(1, 1), (3, 400), (400, 3)])
def test_pictures_smaller_than_a_tag(shape: tuple[int, int]) -> None:
    assert (tagged(shape, [(0.0, 0.0), (5.0, 5.0)]) != 100).any()


def test_nothing_to_write() -> None:
    assert (tagged((50, 50), [(np.nan, 3.0)]) == 100).all()
    assert (tagged((50, 50), [(10.0, 30.0)], "") == 100).all()
    assert (tagged((50, 50), []) == 100).all()


def test_letters_grow_with_the_picture() -> None:
    assert letter_size((1, 1)) == letter_size((480, 640)) == 11
    assert letter_size((720, 1280)) < letter_size((1080, 1920)) < letter_size((9999, 9999)) == 48

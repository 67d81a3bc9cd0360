"""Lines, discs and rectangles cover the pixels that they should, by a slow version that asks points of each pixel."""

from itertools import pairwise

import numpy as np
import pytest

from visualization.raster import draw_shapes
from visualization.shapes import Disc, Rectangle, Segment, Shape


def slow_coverage(shape: Shape, size: int, parts: int = 8) -> np.ndarray:
    """How much of each pixel a line, a disc or a rectangle covers, by asking `parts`² points of it."""
    rows, columns = ((np.mgrid[: size * parts, : size * parts] + 0.5) / parts) - 0.5
    points = np.stack([columns, rows], axis=-1)

    def near(start: np.ndarray, end: np.ndarray, radius: float) -> np.ndarray:
        along = end - start
        place = np.clip((points - start) @ along / max(float(along @ along), 1e-12), 0, 1)
        return np.hypot(*np.moveaxis(points - start - place[..., None] * along, -1, 0)) <= radius

    if isinstance(shape, Disc):
        inside = near(np.array(shape.center), np.array(shape.center), shape.radius)
    elif isinstance(shape, Segment):
        inside = near(np.array(shape.start), np.array(shape.end), shape.width / 2)
    else:
        x, y, width, height = shape.box
        ring = np.array([(x, y), (x + width, y), (x + width, y + height), (x, y + height), (x, y)])
        inside = np.any([near(a, b, shape.width / 2) for a, b in pairwise(ring)], axis=0)
    return inside.reshape(size, parts, size, parts).mean(axis=(1, 3))


def test_shapes_cover_what_they_should(rng: np.random.Generator) -> None:
    black, white = np.zeros((60, 60, 3), dtype=np.uint8), (255, 255, 255)
    for size in (2.0, 3.7, 8.0):
        a, b = rng.uniform(12, 48, (2, 2)).tolist()
        shapes = (
            Disc((a[0], a[1]), size, white),
            Segment((a[0], a[1]), (b[0], b[1]), size, white),
            Segment((a[0], a[1]), (a[0], a[1]), size, white),
            Rectangle((a[0], a[1], 7.5, 5.0), size, white),
        )
        for shape in shapes:
            truth = slow_coverage(shape, 60)
            found = draw_shapes(black, [shape])[..., 0] / 255.0
            assert np.abs(found - truth).sum() < 0.25 * truth.sum(), shape
            assert found.sum() == pytest.approx(truth.sum(), rel=0.16), shape


def test_many_shapes_are_drawn_in_their_order() -> None:
    black = np.zeros((20, 20, 3), dtype=np.uint8)
    shapes: list[Shape] = [
        Disc((9.0, 9.0), 6.0, (255, 0, 0)),
        Segment((3.0, 9.0), (15.0, 9.0), 4.0, (0, 255, 0)),
        Rectangle((9.0, 9.0, 5.0, 5.0), 3.0, (0, 0, 255)),
        Disc((14.0, 14.0), 2.0, (9, 9, 9)),
    ]
    drawn = draw_shapes(black, shapes)
    assert [tuple(drawn[place]) for place in ((4, 9), (9, 5), (9, 12), (14, 14))] == [
        (255, 0, 0),
        (0, 255, 0),
        (0, 0, 255),
        (9, 9, 9),
    ]
    assert np.array_equal(drawn, draw_shapes(draw_shapes(black, shapes[:2]), shapes[2:]))
    assert not black.any()


@pytest.mark.parametrize("far", [1e4, 1e9, 1e300])
def test_a_line_to_a_point_far_away(far: float) -> None:
    drawn = draw_shapes(np.zeros((20, 30, 3), dtype=np.uint8), [Segment((5.0, 10.0), (far, 10.0), 5.0, (255, 0, 0))])
    assert (drawn[10, 5:] == (255, 0, 0)).all()
    assert not drawn[:6].any()
    assert not drawn[15:].any()

"""Shapes lie exactly where they are said to, and nearer ones hide farther ones."""

import numpy as np
import pytest

from lib.dataset.synthetic.render import Board, Canvas, Capsule, Ellipsoid, Light, Part, draw_parts
from lib.dataset.synthetic.texture import FAMILIES, TILE, Material, pattern_bank, sample_material

WHITE = Material(np.full((3, 1, 1), 255, np.float32))
RED = Material(np.array([255, 0, 0], np.float32).reshape(3, 1, 1))
BLUE = Material(np.array([0, 0, 255], np.float32).reshape(3, 1, 1))
EVEN = Light((0.0, 0.0, 0.0), 1.0)


def black_canvas(width: int = 80, height: int = 64) -> Canvas:
    return Canvas(np.zeros((3, height, width), np.float32))


def centroid(coverage: np.ndarray) -> np.ndarray:
    """Centre of mass, (x, y), pixel centres at integers."""
    rows, columns = np.indices(coverage.shape)
    return np.array([(coverage * columns).sum(), (coverage * rows).sum()]) / coverage.sum()


def ball(center: np.ndarray, radius: float, material: Material = WHITE) -> Capsule:
    return Capsule(center, center, (radius, radius), material)


def turned(rng: np.random.Generator) -> np.ndarray:
    """A random rotation, (3, 3)."""
    matrix, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    return matrix * np.sign(np.linalg.det(matrix))


@pytest.mark.parametrize("kind", ["ball", "limb", "ellipsoid", "board"])
def test_shapes_lie_at_their_subpixel_position(rng: np.random.Generator, kind: str) -> None:
    offsets = []
    for _ in range(40):
        center = np.array([40, 32, 0]) + rng.uniform(-4, 4, 3)
        reach = rng.uniform(-12, 12, 3)
        parts: dict[str, Part] = {
            "ball": ball(center, rng.uniform(1.5, 9)),
            "limb": Capsule(center - reach, center + reach, (4.3, 4.3), WHITE),
            "ellipsoid": Ellipsoid(center, turned(rng), rng.uniform(3, 14, 3), WHITE),
            "board": Board(center, (rng.uniform(4, 15), rng.uniform(4, 15)), rng.uniform(-2, 2), WHITE),
        }
        canvas = black_canvas()
        parts[kind].draw(canvas, EVEN)
        offsets.append(centroid(canvas.figure) - center[:2])
    assert np.abs(offsets).max() < 0.04
    assert np.abs(np.mean(offsets, axis=0)).max() < 0.01


def test_limb_end_is_the_middle_of_its_ball(rng: np.random.Generator) -> None:
    """A tapered limb covers the discs around its ends and no more beyond them."""
    for _ in range(20):
        start, end = np.append(rng.uniform(15, 25, 2), 0), np.append(rng.uniform(40, 50, 2), 0)
        radii = (rng.uniform(5, 8), rng.uniform(2, 5))
        limb, ends = black_canvas(), black_canvas()
        Capsule(start, end, radii, WHITE).draw(limb, EVEN)
        for center, radius in ((start, radii[0]), (end, radii[1])):
            ball(center, radius).draw(ends, EVEN)
            direction = (center - (start + end) / 2)[:2]
            direction /= np.linalg.norm(direction)
            rows, columns = np.indices(limb.figure.shape)
            beyond = (columns - center[0]) * direction[0] + (rows - center[1]) * direction[1] >= 1
            near = np.hypot(columns - center[0], rows - center[1]) < radius + 2
            np.testing.assert_allclose(limb.figure[beyond & near], ends.figure[beyond & near], atol=2e-3)


def test_area_is_the_true_one() -> None:
    canvas = black_canvas()
    Ellipsoid(np.array([40.3, 31.6, 0]), np.eye(3), np.array([20.0, 11.0, 5.0]), WHITE).draw(canvas, EVEN)
    assert canvas.figure.sum() == pytest.approx(np.pi * 20 * 11, rel=0.002)


@pytest.mark.parametrize("order", [1, -1])
def test_nearer_hides_farther_in_any_order(order: int) -> None:
    near, far = ball(np.array([40.0, 32, -20]), 6, RED), ball(np.array([43.0, 32, 20]), 12, BLUE)
    canvas = black_canvas()
    draw_parts(canvas, [near, far][::order], EVEN)
    assert canvas.image[:, 32, 40].argmax() == 0
    assert canvas.image[:, 32, 50].argmax() == 2
    assert canvas.depth[32, 40] == pytest.approx(-26, abs=0.1)
    assert np.isinf(canvas.depth[2, 2])


def test_limb_that_points_at_the_camera_shows_its_near_end() -> None:
    canvas = black_canvas()
    Capsule(np.array([40.0, 32, 0]), np.array([41.0, 32, -30]), (5, 5), RED, BLUE, 0.5).draw(canvas, EVEN)
    assert canvas.depth[32, 41] == pytest.approx(-35, abs=0.1)
    assert canvas.image[:, 32, 38].argmax() == 2


def test_parts_beyond_the_border_are_cut(rng: np.random.Generator) -> None:
    canvas = black_canvas()
    for center in ((-40.0, 10), (500.0, 10), (40.0, -90)):
        ball(np.array([*center, 0]), 8).draw(canvas, EVEN)
        Ellipsoid(np.array([*center, 0]), turned(rng), np.array([5.0, 6, 7]), WHITE).draw(canvas, EVEN)
        Board(np.array([*center, 0]), (4, 4), 0.3, WHITE).draw(canvas, EVEN)
    assert canvas.image.max() == 0
    ball(np.array([0.0, 0, 0]), 5).draw(canvas, EVEN)
    assert canvas.image[0, 0, 0] > 100


def test_held_out_patterns_are_a_family_of_their_own() -> None:
    assert not set(FAMILIES["train"]) & set(FAMILIES["val"])
    for split in FAMILIES:
        bank = pattern_bank(split)
        assert bank.shape[1:] == (TILE, TILE)
        assert bank.min() >= 0
        assert bank.max() <= 1
        # No pattern is plain.
        assert np.ptp(bank, axis=(1, 2)).min() > 0.3


def test_patterns_repeat_without_a_seam(rng: np.random.Generator) -> None:
    """Across the seam neighbouring texels differ no more than they do elsewhere."""
    for split in FAMILIES:
        bank = pattern_bank(split)
        for pattern in bank:
            inner = np.abs(np.diff(pattern, axis=1)).mean(axis=0).max()
            assert np.abs(pattern[:, 0] - pattern[:, -1]).mean() <= inner * 1.5 + 0.05
    material = sample_material(rng, "train", (0.5, 0.5), (1, 1))
    x, y = np.meshgrid(np.arange(5, dtype=np.float32), np.arange(5, dtype=np.float32))
    np.testing.assert_allclose(material.at(x, y), material.at(x + TILE, y + 3 * TILE), atol=1e-2)

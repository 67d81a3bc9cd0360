"""Score maps over pictures against a slow version that asks every pixel."""

import cv2
import numpy as np
import pytest

from visualization.heat_overlay import overlay_heatmaps


def bump(x: float, y: float, peak: float = 1.0, size_wh: tuple[int, int] = (48, 64)) -> np.ndarray:
    columns, rows = np.arange(size_wh[0]), np.arange(size_wh[1])[:, None]
    return (peak * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 18)).astype(np.float32)


def affine(scale: float, left: float, top: float, degrees: float = 0.0) -> np.ndarray:
    turn = np.deg2rad(degrees)
    rotation = [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
    return np.concatenate([scale * np.array(rotation), [[left], [top]]], axis=1)


def slow_levels(shape_hw: tuple[int, int], maps: np.ndarray, matrices: np.ndarray) -> np.ndarray:
    """The highest score of each pixel, 0 outside of all maps, by bilinear interpolation."""
    rows, columns = np.mgrid[: shape_hw[0], : shape_hw[1]]
    levels = np.zeros(shape_hw)
    for score, matrix in zip(maps, matrices, strict=True):
        inverse = cv2.invertAffineTransform(matrix)
        x = inverse[0, 0] * columns + inverse[0, 1] * rows + inverse[0, 2]
        y = inverse[1, 0] * columns + inverse[1, 1] * rows + inverse[1, 2]
        levels = np.maximum(levels, cv2.remap(score, np.float32(x), np.float32(y), cv2.INTER_LINEAR))
    return levels


def test_colours_lie_where_the_scores_are() -> None:
    grey = np.full((150, 200, 3), 128, dtype=np.uint8)
    maps = np.stack([bump(20, 30), bump(30, 10, 0.5), bump(10, 50, 0.8)])
    matrices = np.stack([affine(1.5, 10, 20), affine(2.0, 70, -10, 20.0), affine(1.1, 150, 60)])
    drawn = overlay_heatmaps(grey, maps, matrices)
    assert (grey == 128).all()
    levels = slow_levels((150, 200), maps, matrices)
    # The colour of a score over grey is known from a map of constant scores.
    ramp = np.repeat(np.linspace(0, 1, 256, dtype=np.float32), 4)[None].repeat(8, axis=0)
    colors = overlay_heatmaps(np.full((8, 1024, 3), 128, np.uint8), ramp[None], affine(1, 0, 0)[None])[4, 2::4]
    expected = colors[np.rint(levels * 255).astype(int)].astype(int)
    error = np.abs(drawn.astype(int) - expected).max(axis=2)
    assert np.quantile(error, 0.99) <= 24, "colours change fast with the score"
    assert error[levels == 0].max() <= 40
    assert error.mean() < 3
    peak = drawn[round(1.5 * 30 + 20), round(1.5 * 20 + 10)].astype(int)
    assert peak[0] > peak[2] + 60, "the highest scores are red"


@pytest.mark.parametrize(
    ("maps", "matrices"),
    [
        (np.empty((0, 64, 48)), np.empty((0, 2, 3))),
        (bump(20, 30)[None], affine(1, 900, 0)[None]),
        (bump(20, 30)[None], np.full((1, 2, 3), np.nan)),
        (bump(20, 30)[None], affine(0, 5, 5)[None] * 0),
        (np.full((1, 8, 8), np.nan), affine(1, 0, 0)[None]),
        (np.full((1, 8, 8), -3.0), affine(1, 0, 0)[None]),
    ],
)
def test_nothing_to_see(maps: np.ndarray, matrices: np.ndarray) -> None:
    grey = np.full((40, 30, 3), 128, dtype=np.uint8)
    before = maps.copy()
    assert np.array_equal(overlay_heatmaps(grey, maps, matrices), grey)
    assert np.array_equal(maps, before, equal_nan=True)


@pytest.mark.parametrize("shape", [(1, 1, 3), (3, 7, 3)])
def test_scores_above_one_and_tiny_pictures(shape: tuple[int, ...]) -> None:
    picture = np.zeros(shape, dtype=np.uint8)
    high = overlay_heatmaps(picture, np.full((1, 9, 9), 7.0), affine(1, -1, -1)[None])
    assert np.array_equal(high, overlay_heatmaps(picture, np.ones((1, 9, 9)), affine(1, -1, -1)[None]))
    assert high.any()


@pytest.mark.parametrize("scale", [1.0, 4.0, 6.5])
def test_the_middle_of_a_score_lies_where_the_matrix_says(scale: float) -> None:
    black = np.zeros((460, 360, 3), dtype=np.uint8)
    light = overlay_heatmaps(black, bump(21, 33)[None], affine(scale, 11.0, 5.0)[None]).sum(axis=2).astype(float)
    x, y = (light.sum(axis=axis) @ np.arange(light.shape[1 - axis]) / light.sum() for axis in (0, 1))
    np.testing.assert_allclose([x, y], [21 * scale + 11.0, 33 * scale + 5.0], atol=0.3)

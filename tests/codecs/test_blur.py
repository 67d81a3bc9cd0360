import cv2
import numpy as np
import pytest
import torch

from lib.codecs import blur as blur_module
from lib.codecs.blur import blur, blur_around

SHAPES = [(64, 48), (96, 72), (16, 24), (50, 33), (5, 7), (1, 4)]


@pytest.mark.parametrize("shape_hw", SHAPES)
@pytest.mark.parametrize("size", [3, 7, 11, 17])
@pytest.mark.parametrize("zero_border", [False, True])
def test_equals_opencv(rng: np.random.Generator, shape_hw: tuple[int, int], size: int, zero_border: bool) -> None:
    maps = rng.normal(size=(2, 3, *shape_hw)).astype(np.float32)
    border = cv2.BORDER_CONSTANT if zero_border else cv2.BORDER_REFLECT_101
    reach = size // 2
    for stack, blurred in zip(maps, blur(torch.from_numpy(maps), size, zero_border=zero_border), strict=True):
        for one, result in zip(stack, blurred.numpy(), strict=True):
            # Bordered first: OpenCV's own mirroring ends where a map is smaller than the kernel's reach.
            wide = cv2.copyMakeBorder(one, reach, reach, reach, reach, border)
            expected = cv2.GaussianBlur(wide, (size, size), 0)[
                reach : reach + one.shape[0], reach : reach + one.shape[1]
            ]
            np.testing.assert_allclose(result, expected, atol=2e-6)


@pytest.mark.parametrize("zero_border", [False, True])
def test_pieces_and_bands_do_not_change_the_result(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch, zero_border: bool
) -> None:
    maps = torch.from_numpy(rng.normal(size=(5, 3, 20, 33)).astype(np.float32))
    expected = blur(maps, 7, zero_border=zero_border)
    monkeypatch.setattr(blur_module, "PIECE_VALUES", 1500)
    monkeypatch.setattr(blur_module, "BAND", 5)
    blur_module._bands.cache_clear()
    torch.testing.assert_close(blur(maps, 7, zero_border=zero_border), expected, rtol=0, atol=1e-6)
    blur_module._bands.cache_clear()


@pytest.mark.parametrize("lead", [(), (4,), (0, 3), (2, 3, 4)])
def test_any_leading_shape_and_input_untouched(rng: np.random.Generator, lead: tuple[int, ...]) -> None:
    maps = torch.from_numpy(rng.normal(size=(*lead, 8, 6)).astype(np.float32))
    before = maps.clone()
    assert blur(maps, 3).shape == maps.shape
    assert torch.equal(maps, before)


def test_squares_equal_the_whole(rng: np.random.Generator) -> None:
    maps = torch.from_numpy(rng.normal(size=(3, 2, 12, 9)).astype(np.float32))
    number, x, y = torch.tensor([0, 2, 1]), torch.tensor([4, 3, 5]), torch.tensor([6, 2, 9])
    whole = blur(maps, 7)
    squares = blur_around(maps, number, x, y, 7, reach=1)
    for square, n, column, row in zip(squares, number, x, y, strict=True):
        expected = whole[n, :, row - 1 : row + 2, column - 1 : column + 2]
        torch.testing.assert_close(square, expected, rtol=0, atol=1e-6)

"""The batched encoders and decoders against scalar float64 loops on fresh input."""

import numpy as np
import pytest
import torch
from helpers.codecs import make_codec
from reference import codec_loops as loops

SIZES = [((96, 128), (24, 32), 2), ((144, 192), (36, 48), 3), ((64, 48), (16, 12), 1)]
KEYPOINTS = 4


def random_points(rng: np.random.Generator, size_wh: tuple[int, int], people: int = 3) -> np.ndarray:
    """Points in the input and up to 20 % outside, some on its corners and some on pixel boundaries."""
    points = rng.uniform(-0.2, 1.2, (people, KEYPOINTS, 2)) * (np.array(size_wh) - 1)
    points[0, 0] = 0, 0
    points[0, 1] = size_wh[0] - 1, size_wh[1] - 1
    points[0, 2] = (np.array(size_wh) - 1) / 2
    points[1, 0] = 2, 2
    points[2, 0] = -500, 3
    return points


def noisy_maps(rng: np.random.Generator, size_wh: tuple[int, int], sigma: float, channels: int) -> np.ndarray:
    """Gaussians of any height, peaks at the border among them, with noise of 2 % of the highest."""
    width, height = size_wh
    middle = rng.uniform(0, 1, (3, channels, 1, 1, 2)) * (np.array(size_wh) - 1)
    y, x = np.mgrid[:height, :width]
    square = (x - middle[..., 0]) ** 2 + (y - middle[..., 1]) ** 2
    maps = rng.uniform(0.2, 1, (3, channels, 1, 1)) * np.exp(-square / (2 * sigma**2))
    return (maps + rng.normal(0, 0.02, maps.shape)).astype(np.float32)


@pytest.mark.parametrize(("input_wh", "heatmap_wh", "sigma"), SIZES)
@pytest.mark.parametrize(
    ("encoding", "variant"),
    [("msra", "original"), ("udp_gaussian", "original"), ("dark", "original"), ("dark", "mmpose")],
)
def test_gaussian_targets(
    rng: np.random.Generator,
    encoding: str,
    variant: str,
    input_wh: tuple[int, int],
    heatmap_wh: tuple[int, int],
    sigma: int,
) -> None:
    codec = make_codec(
        encoding,
        variant=variant,
        num_keypoints=KEYPOINTS,
        input_size_wh=input_wh,
        heatmap_size_wh=heatmap_wh,
        sigma=sigma,
    )
    points = random_points(rng, input_wh)
    visible = rng.uniform(size=points.shape[:2]) < 0.8
    heatmaps, weights = codec.encode(points, visible)
    heatmap_points = codec.crop.to_heatmap(points).numpy()
    for index in np.ndindex(visible.shape):
        point = tuple(heatmap_points[index].tolist())
        if encoding == "msra":
            expected, on_map = loops.encode_msra(point, sigma, *heatmap_wh)
        elif encoding == "udp_gaussian":
            expected, on_map = loops.encode_udp(point, sigma, *heatmap_wh)
        else:
            expected, on_map = loops.encode_dark(point, sigma, *heatmap_wh, truncate=variant == "original")
        assert weights[index] == float(visible[index] and on_map)
        np.testing.assert_allclose(heatmaps[index].numpy(), np.array(expected) * visible[index], atol=1e-6)


@pytest.mark.parametrize(("input_wh", "heatmap_wh", "sigma"), SIZES)
@pytest.mark.parametrize("variant", ["original", "mmpose"])
def test_offset_targets(
    rng: np.random.Generator, variant: str, input_wh: tuple[int, int], heatmap_wh: tuple[int, int], sigma: int
) -> None:
    del sigma
    codec = make_codec(
        "udp_offset",
        variant=variant,
        num_keypoints=KEYPOINTS,
        input_size_wh=input_wh,
        heatmap_size_wh=heatmap_wh if variant == "original" else (heatmap_wh[0], 32),
    )
    points = random_points(rng, input_wh)
    visible = rng.uniform(size=points.shape[:2]) < 0.8
    heatmaps, weights = codec.encode(points, visible)
    np.testing.assert_array_equal(weights.numpy(), visible)
    maps = heatmaps.unflatten(1, (KEYPOINTS, 3)).numpy()
    heatmap_points = codec.crop.to_heatmap(points).numpy()
    for index in np.ndindex(visible.shape):
        expected = loops.encode_offset(tuple(heatmap_points[index].tolist()), codec.radius, *codec.heatmap_size_wh)
        np.testing.assert_allclose(maps[index], np.array(expected) * visible[index], atol=1e-6)


@pytest.mark.parametrize(("input_wh", "heatmap_wh", "sigma"), SIZES[:2])
@pytest.mark.parametrize(
    ("decoder", "variant", "kernel"),
    [
        ("quarter", "original", 0),
        ("dark", "original", 11),
        ("dark", "mmpose", 17),
        ("udp", "original", 7),
        ("udp", "mmpose", 11),
    ],
)
def test_gaussian_decoders(
    rng: np.random.Generator,
    decoder: str,
    variant: str,
    kernel: int,
    input_wh: tuple[int, int],
    heatmap_wh: tuple[int, int],
    sigma: int,
) -> None:
    codec = make_codec(
        "udp_gaussian",
        decoder,
        variant=variant,
        num_keypoints=KEYPOINTS,
        input_size_wh=input_wh,
        heatmap_size_wh=heatmap_wh,
        sigma=sigma,
        blur_kernel=kernel,
    )
    maps = noisy_maps(rng, heatmap_wh, sigma, KEYPOINTS)
    points, scores = codec.decode(maps)
    heatmap_points = codec.crop.to_heatmap(points).numpy()
    for index in np.ndindex(scores.shape):
        values = maps[index].astype(float).tolist()
        if decoder == "quarter":
            expected = loops.decode_quarter(values)
        elif decoder == "dark":
            expected = loops.decode_dark(values, kernel)
        else:
            expected = loops.decode_udp(values, kernel, rescale=variant == "original")
        np.testing.assert_allclose(heatmap_points[index], expected, atol=1e-3)
        assert scores[index] == maps[index].max()


@pytest.mark.parametrize(("variant", "kernel"), [("original", 7), ("mmpose", 11)])
def test_offset_decoder(rng: np.random.Generator, variant: str, kernel: int) -> None:
    codec = make_codec(
        "udp_offset", variant=variant, num_keypoints=KEYPOINTS, input_size_wh=(96, 128), heatmap_size_wh=(24, 32)
    )
    maps, _ = codec.encode(random_points(rng, (96, 128)), np.ones((3, KEYPOINTS)))
    maps = maps + torch.from_numpy(rng.normal(0, 0.02, maps.shape)).float()
    points, scores = codec.decode(maps)
    heatmap_points = codec.crop.to_heatmap(points).numpy()
    grouped = maps.unflatten(1, (KEYPOINTS, 3)).double()
    for index in np.ndindex(scores.shape):
        expected, score = loops.decode_offset(*grouped[index].tolist(), kernel, codec.radius)
        np.testing.assert_allclose(heatmap_points[index], expected, atol=1e-3)
        np.testing.assert_allclose(scores[index], score, rtol=1e-5)


def test_dark_where_neighbours_are_clipped(rng: np.random.Generator) -> None:
    """Weak peaks in a negative background: the blurred neighbours fall below the logarithm's floor."""
    codec = make_codec("msra", "dark", num_keypoints=KEYPOINTS, input_size_wh=(96, 128), heatmap_size_wh=(24, 32))
    maps = noisy_maps(rng, (24, 32), 1.0, KEYPOINTS) * 0.3 - 0.03
    points, _ = codec.decode(maps)
    heatmap_points = codec.crop.to_heatmap(points).numpy()
    num_clipped = 0
    for index in np.ndindex(maps.shape[:2]):
        values = maps[index].astype(float).tolist()
        np.testing.assert_allclose(heatmap_points[index], loops.decode_dark(values, 11), atol=1e-3)
        x, y, _ = loops.peak(values)
        blurred = np.array(loops.blur(values, 11, zero_border=True))
        num_clipped += int((blurred[max(y - 2, 0) : y + 3, max(x - 2, 0) : x + 3] <= 0).any())
    assert num_clipped > 0

"""RSN's two encodings: published values, scalar loops on fresh input, and what is their own."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.codecs import finest_targets, make_codec
from reference import megvii_loops as loops

from lib.codecs.levels import KERNELS, SIGMAS
from lib.codecs.megvii import MegviiCodec

KEYPOINTS = 4
SIZES = [((96, 128), (24, 32)), ((64, 64), (16, 16)), ((64, 96), (8, 12))]


@pytest.fixture(scope="module")
def published(golden: Path) -> Mapping[str, np.ndarray]:
    folder = golden / "codecs"
    return dict(np.load(folder / "gaussian.npz")) | dict(np.load(folder / "megvii.npz"))


def random_points(rng: np.random.Generator, size_wh: tuple[int, int], people: int = 3) -> np.ndarray:
    """Points on the input and a little outside, some at its corners, on its sides and on pixel boundaries."""
    last = np.array(size_wh) - 1.0
    points = rng.uniform(-0.1, 1.1, (people, KEYPOINTS, 2)) * last
    points[0, 0], points[0, 1] = (0, 0), last
    points[0, 2], points[0, 3] = (last[0], 17), (5, last[1])
    points[1, 0], points[1, 1] = (8, 12), (4.0, 3.999)
    points[1, 2], points[1, 3] = last + 0.5, (-3.9, 20)
    return points


@pytest.mark.parametrize(("input_wh", "heatmap_wh"), SIZES)
@pytest.mark.parametrize("variant", ["original", "mmpose"])
def test_megvii_targets(
    rng: np.random.Generator, variant: str, input_wh: tuple[int, int], heatmap_wh: tuple[int, int]
) -> None:
    codec = make_codec(
        "megvii", variant=variant, num_keypoints=KEYPOINTS, input_size_wh=input_wh, heatmap_size_wh=heatmap_wh
    )
    points = random_points(rng, input_wh)
    flags = rng.choice([0.0, 1.0, 2.0], points.shape[:2], p=[0.1, 0.3, 0.6])
    targets, weights = codec.encode(points, flags)
    assert targets.shape == (3, 5, KEYPOINTS, *heatmap_wh[::-1])
    for person, joint in np.ndindex(flags.shape):
        x, y = points[person, joint] * heatmap_wh / input_wh
        if variant == "mmpose":
            drawn = 0 <= int(x) < heatmap_wh[0] and 0 <= int(y) < heatmap_wh[1]
        else:
            drawn = bool((points[person, joint] >= 0).all() and (points[person, joint] <= np.array(input_wh) - 1).all())
        drawn &= flags[person, joint] > 0
        assert weights[person, joint] == flags[person, joint] * drawn
        for level, kernel in enumerate(KERNELS):
            if drawn:
                expected = loops.encode_megvii((x, y), kernel, *heatmap_wh, scale_by_pixel=variant == "mmpose")
            else:
                expected = loops.zeros(*heatmap_wh)
            np.testing.assert_allclose(targets[person, level, joint].numpy(), expected, atol=2e-4)


@pytest.mark.parametrize(("input_wh", "heatmap_wh"), SIZES)
def test_megvii_udp_targets(rng: np.random.Generator, input_wh: tuple[int, int], heatmap_wh: tuple[int, int]) -> None:
    codec = make_codec("megvii_udp", num_keypoints=KEYPOINTS, input_size_wh=input_wh, heatmap_size_wh=heatmap_wh)
    points = random_points(rng, input_wh)
    flags = rng.choice([0.0, 1.0, 2.0], points.shape[:2], p=[0.1, 0.3, 0.6])
    targets, weights = codec.encode(points, flags)
    last = np.array(input_wh) - 1
    inside = (points >= 0).all(axis=-1) & (points <= last).all(axis=-1)
    np.testing.assert_array_equal(weights.numpy(), flags * inside)
    for person, joint in np.ndindex(flags.shape):
        point = tuple((points[person, joint] * (np.array(heatmap_wh) - 1) / last).tolist())
        for level, sigma in enumerate(SIGMAS):
            expected = np.array(loops.encode_megvii_udp(point, sigma, *heatmap_wh)) * (flags[person, joint] > 0)
            np.testing.assert_allclose(targets[person, level, joint].numpy(), expected, atol=2e-4)


@pytest.mark.parametrize(("input_wh", "heatmap_wh"), SIZES[:2])
@pytest.mark.parametrize("kernel", [5, 9])
@pytest.mark.parametrize("variant", ["original", "mmpose"])
def test_megvii_decoder(
    rng: np.random.Generator, variant: str, kernel: int, input_wh: tuple[int, int], heatmap_wh: tuple[int, int]
) -> None:
    codec = make_codec(
        "megvii",
        variant=variant,
        num_keypoints=KEYPOINTS,
        input_size_wh=input_wh,
        heatmap_size_wh=heatmap_wh,
        blur_kernel=kernel,
    )
    maps, _ = finest_targets(codec, random_points(rng, input_wh, 5).clip(0, np.array(input_wh) - 1))
    maps = maps * 0.9 + torch.from_numpy(rng.normal(0, 8, maps.shape)).float()
    points, scores = codec.decode(maps)
    read = loops.decode_megvii if variant == "original" else loops.decode_megvii_mmpose
    for index in np.ndindex(scores.shape):
        expected, score = read(maps[index].double().tolist(), kernel)
        np.testing.assert_allclose(codec.crop.to_heatmap(points[index]).numpy(), expected, atol=1e-5)
        assert float(scores[index]) == pytest.approx(score, rel=1e-5)


def test_published_targets(published: Mapping[str, np.ndarray]) -> None:
    points, visible = published["input_keypoints"], published["visible"]
    targets, weights = make_codec("megvii", variant="mmpose", num_keypoints=6).encode(points, visible)
    np.testing.assert_allclose(targets[:, KERNELS.index(11)].numpy(), published["target_mmpose"], atol=1e-4)
    np.testing.assert_array_equal(weights.numpy(), published["weights_mmpose"])
    udp, _ = make_codec("megvii_udp", num_keypoints=3).encode(points[:1, 1:4], visible[:1, 1:4])
    np.testing.assert_allclose(udp.numpy(), published["target_udp_rsn"], atol=1e-4)


@pytest.mark.parametrize(("variant", "system"), [("original", "rsn"), ("mmpose", "mmpose")])
@pytest.mark.parametrize("no_response", ["argmax", "published"])
def test_published_predictions(
    published: Mapping[str, np.ndarray], variant: str, system: str, no_response: str
) -> None:
    codec = make_codec("megvii", variant=variant, num_keypoints=6, no_response=no_response)
    points, scores = codec.decode(published["heatmaps"] * 255)
    image_points = codec.to_image(points, published["center"], published["scale"]).numpy()
    expected = published[f"preds_{system}"].copy()
    if no_response == "argmax":
        assert points[1, 0].tolist() == [2, 2]
        image_points[1, 0] = expected[1, 0] = 0
    np.testing.assert_allclose(image_points, expected, atol=1e-3)
    np.testing.assert_allclose(scores.numpy(), published[f"scores_{system}"], rtol=1e-6)


def test_udp_rsn_reads_maps_as_udp_does(published: Mapping[str, np.ndarray]) -> None:
    codec = make_codec("megvii_udp", num_keypoints=6, no_response="published")
    points, scores = codec.decode(published["heatmaps"] * 255)
    np.testing.assert_allclose(points.numpy(), published["input_preds_udp"], atol=1e-3)
    np.testing.assert_allclose(scores.numpy(), published["scores"], rtol=1e-6)


@pytest.mark.parametrize("variant", ["original", "mmpose"])
@pytest.mark.parametrize("decoder", MegviiCodec.DECODERS)
def test_megvii_returns_the_pixel(rng: np.random.Generator, decoder: str, variant: str) -> None:
    codec = make_codec("megvii", decoder, variant=variant)
    points = rng.uniform(0.1, 0.9, (20, 17, 2)) * (191, 255)
    decoded, scores = codec.decode(finest_targets(codec, points)[0])
    assert np.abs(decoded.numpy() - points).max() <= (3 if decoder == "megvii" and variant == "original" else 2) + 1e-4
    np.testing.assert_allclose(scores.numpy(), 1.5 if decoder == "megvii" else 1, rtol=1e-5)


def test_the_peak_beside_a_border_pixel() -> None:
    """A peak one pixel from the border is lower than its sum with its mirror image, on which RSN scales."""
    points = np.array([[[5.0, 30.0]]])
    original, mmpose = (
        make_codec("megvii", variant=variant, num_keypoints=1).encode(points, [[2.0]])[0]
        for variant in ("original", "mmpose")
    )
    assert original.amax(dim=(-2, -1)).flatten().tolist() == pytest.approx([255] * 5)
    assert mmpose[0, :, 0, 7, 1].tolist() == pytest.approx([255] * 5)
    assert mmpose[0, 0].max() > 260


@pytest.mark.parametrize("value", [0.0, -3.0])
@pytest.mark.parametrize("variant", ["original", "mmpose"])
def test_constant_maps(variant: str, value: float) -> None:
    maps = torch.full((1, 17, 64, 48), value)
    for no_response, expected in (("argmax", 2.0), ("published", 2.0 if variant == "original" else -4.0)):
        points, scores = make_codec("megvii", variant=variant, no_response=no_response).decode(maps)
        assert (points == expected).all()
        np.testing.assert_allclose(scores.numpy(), value / 255 + 0.5)


def test_other_strides() -> None:
    codec = make_codec("megvii", num_keypoints=1, input_size_wh=(64, 96), heatmap_size_wh=(8, 12))
    maps = torch.zeros(1, 1, 12, 8)
    maps[0, 0, 5, 3], maps[0, 0, 5, 4] = 200, 100
    points, _ = codec.decode(maps)
    torch.testing.assert_close(points[0, 0], torch.tensor([3.25 * 8 + 4, 5 * 8 + 4.0]))

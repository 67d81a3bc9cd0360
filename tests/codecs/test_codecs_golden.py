"""Every codec against what the published systems computed."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from helpers.codecs import make_codec

IMAGE_TOLERANCE = 1e-3  # pixels; the coordinates were computed in float32
SILENT = (1, 0)  # the map without a positive value

# What each system published, and the codec and decoder that stand for it.
GAUSSIAN_DECODERS = {
    "hrnet_argmax": ("msra", "argmax", "original"),
    "hrnet_quarter": ("msra", "quarter", "original"),
    "dark": ("dark", "dark", "original"),
    "udp_argmax": ("udp_gaussian", "argmax", "original"),
    "udp": ("udp_gaussian", "udp", "original"),
    "mmpose_none": ("msra", "argmax", "mmpose"),
    "mmpose_default": ("msra", "quarter", "mmpose"),
    "mmpose_unbiased": ("dark", "dark", "mmpose"),
    "mmpose_udp": ("udp_gaussian", "udp", "mmpose"),
}


@pytest.fixture(scope="module")
def gaussian(golden: Path) -> Mapping[str, np.ndarray]:
    return np.load(golden / "codecs" / "gaussian.npz")


@pytest.fixture(scope="module")
def offset(golden: Path) -> Mapping[str, np.ndarray]:
    return np.load(golden / "codecs" / "offset.npz")


@pytest.mark.parametrize("variant", ["original", "mmpose"])
@pytest.mark.parametrize("encoding", ["msra", "udp_gaussian"])
def test_gaussian_targets(gaussian: Mapping[str, np.ndarray], encoding: str, variant: str) -> None:
    codec = make_codec(encoding, variant=variant, num_keypoints=6)
    heatmaps, weights = codec.encode(gaussian["input_keypoints"], gaussian["visible"])
    target = gaussian["target_msra" if encoding == "msra" else "target_udp"]
    np.testing.assert_allclose(heatmaps.numpy(), target, atol=1e-6)
    np.testing.assert_array_equal(weights.numpy(), gaussian["weights"])


def test_dark_targets_in_the_plain_crop(gaussian: Mapping[str, np.ndarray]) -> None:
    codec = make_codec("dark", variant="mmpose", num_keypoints=6)
    heatmaps, weights = codec.encode(gaussian["input_keypoints"], gaussian["visible"])
    np.testing.assert_allclose(heatmaps.numpy(), gaussian["target_dark"], atol=1e-6)
    np.testing.assert_array_equal(weights.numpy(), gaussian["weights"])


def test_dark_targets_at_given_heatmap_points(gaussian: Mapping[str, np.ndarray]) -> None:
    codec = make_codec("dark", num_keypoints=6)
    input_keypoints = codec.crop.from_heatmap(gaussian["input_keypoints"] / 4)
    heatmaps, _ = codec.encode(input_keypoints, gaussian["visible"])
    np.testing.assert_allclose(heatmaps.numpy(), gaussian["target_dark"], atol=1e-6)


@pytest.mark.parametrize("system", GAUSSIAN_DECODERS)
@pytest.mark.parametrize("no_response", ["argmax", "published"])
def test_gaussian_decoders(gaussian: Mapping[str, np.ndarray], system: str, no_response: str) -> None:
    encoding, decoder, variant = GAUSSIAN_DECODERS[system]
    codec = make_codec(encoding, decoder, variant=variant, num_keypoints=6, no_response=no_response)
    input_keypoints, scores = codec.decode(gaussian["heatmaps"])
    image_keypoints = codec.to_image(input_keypoints, gaussian["center"], gaussian["scale"]).numpy()
    expected = gaussian[f"preds_{system}"].copy()
    if no_response == "argmax":
        assert tuple(codec.crop.to_heatmap(input_keypoints[SILENT]).round(decimals=5).tolist()) == (0, 0)
        image_keypoints[SILENT] = expected[SILENT] = 0
    np.testing.assert_allclose(image_keypoints, expected, atol=IMAGE_TOLERANCE)
    np.testing.assert_allclose(scores.numpy(), gaussian["scores"], rtol=1e-6)


def test_dark_decoding_of_msra_maps_is_mmposes_unbiased(gaussian: Mapping[str, np.ndarray]) -> None:
    codec = make_codec("msra", "dark", variant="mmpose", num_keypoints=6, no_response="published")
    input_keypoints, _ = codec.decode(gaussian["heatmaps"])
    image_keypoints = codec.to_image(input_keypoints, gaussian["center"], gaussian["scale"]).numpy()
    np.testing.assert_allclose(image_keypoints, gaussian["preds_mmpose_unbiased"], atol=IMAGE_TOLERANCE)


def test_udp_points_in_the_input(gaussian: Mapping[str, np.ndarray]) -> None:
    codec = make_codec("udp_gaussian", num_keypoints=6, no_response="published")
    input_keypoints, _ = codec.decode(gaussian["heatmaps"])
    np.testing.assert_allclose(input_keypoints.numpy(), gaussian["input_preds_udp"], atol=IMAGE_TOLERANCE)


@pytest.mark.parametrize(("variant", "system"), [("original", "udp"), ("mmpose", "mmpose")])
def test_offset_targets(offset: Mapping[str, np.ndarray], variant: str, system: str) -> None:
    codec = make_codec("udp_offset", variant=variant, num_keypoints=2)
    heatmaps, weights = codec.encode(offset["input_keypoints"], offset["visible"])
    np.testing.assert_allclose(heatmaps.numpy(), offset[f"target_{system}"], atol=1e-6)
    np.testing.assert_array_equal(weights.numpy(), offset["weights"])


@pytest.mark.parametrize(("variant", "system"), [("original", "udp"), ("mmpose", "mmpose")])
@pytest.mark.parametrize("no_response", ["argmax", "published"])
def test_offset_decoders(offset: Mapping[str, np.ndarray], variant: str, system: str, no_response: str) -> None:
    codec = make_codec("udp_offset", variant=variant, num_keypoints=2, no_response=no_response)
    input_keypoints, scores = codec.decode(offset["heatmaps"])
    image_keypoints = codec.to_image(input_keypoints, offset["center"], offset["scale"]).numpy()
    expected = offset[f"preds_{system}"].copy()
    if no_response == "argmax":
        assert tuple(input_keypoints[SILENT].tolist()) == (0, 0)
        image_keypoints[SILENT] = expected[SILENT] = 0
    np.testing.assert_allclose(image_keypoints, expected, atol=IMAGE_TOLERANCE)
    np.testing.assert_allclose(scores.numpy(), offset[f"scores_{system}"], rtol=1e-5)

"""What holds for every codec: round trips, flips, batches, dtypes, devices, untouched inputs, faulty maps."""

import numpy as np
import pytest
import torch
from helpers.codecs import ENCODINGS, LEVEL_ENCODINGS, finest_targets, make_codec
from torch import Tensor

from lib.codecs.base import Codec, check_same_codec
from lib.utils.errors import PoseError

SIZES = [
    ((192, 256), (48, 64), 2.0),
    ((288, 384), (72, 96), 3.0),
    ((256, 192), (64, 48), 2.0),
    ((96, 128), (24, 32), 1.5),
]
EXACT = [(e, v) for e in ("dark", "udp_gaussian", "udp_offset", "megvii_udp") for v in ("original", "mmpose")]
DECODERS = [
    (encoding, decoder)
    for encoding, decoders in {
        "msra": ("argmax", "quarter", "dark", "udp"),
        "dark": ("argmax", "quarter", "dark", "udp", "exact"),
        "udp_gaussian": ("argmax", "quarter", "dark", "udp", "exact"),
        "udp_offset": ("offset", "exact"),
        "megvii": ("argmax", "quarter", "dark", "udp", "megvii"),
        "megvii_udp": ("argmax", "quarter", "dark", "udp", "exact"),
    }.items()
    for decoder in decoders
]


def points_everywhere(rng: np.random.Generator, size_wh: tuple[int, int], count: int = 100) -> np.ndarray:
    """Points over the whole input, on each of its sides, at its corners and half a pixel beyond: (B, 17, 2)."""
    last = np.array(size_wh) - 1.0
    inner = rng.uniform(0, 1, (count, 2)) * last
    sides = [inner * (0, 1), inner * (1, 0), inner * (0, 1) + (last[0], 0), inner * (1, 0) + (0, last[1])]
    corners = np.array([(x, y) for x in (0, last[0]) for y in (0, last[1])])
    beyond = np.array([(x, y) for x in (-0.5, last[0] + 0.5) for y in (-0.5, last[1] + 0.5)])
    points = np.concatenate([inner, *sides, corners, beyond])
    return np.resize(points, (len(points) // 17 + 1, 17, 2))


def outputs(codec: Codec, batch: int = 3) -> Tensor:
    """Maps like those of a network: targets of random points with noise."""
    points = torch.rand(batch, codec.num_keypoints, 2) * torch.tensor(codec.input_size_wh)
    heatmaps, _ = finest_targets(codec, points)
    return heatmaps * 0.8 + 0.03 * heatmaps.max() * torch.randn_like(heatmaps)


def round_trip(codec: Codec, points: np.ndarray) -> np.ndarray:
    heatmaps, weights = finest_targets(codec, points)
    assert (weights > 0).all()
    decoded, _ = codec.decode(heatmaps)
    return np.abs(decoded.numpy() - points).max(axis=-1)


@pytest.mark.parametrize(("input_wh", "heatmap_wh", "sigma"), SIZES)
@pytest.mark.parametrize(("encoding", "variant"), EXACT)
def test_exact_returns_every_point(
    rng: np.random.Generator,
    encoding: str,
    variant: str,
    input_wh: tuple[int, int],
    heatmap_wh: tuple[int, int],
    sigma: float,
) -> None:
    codec = make_codec(
        encoding, "exact", variant=variant, input_size_wh=input_wh, heatmap_size_wh=heatmap_wh, sigma=sigma
    )
    points = points_everywhere(rng, input_wh)
    if encoding in LEVEL_ENCODINGS:  # these leave points beyond the input out
        points = points.clip(0, np.array(input_wh) - 1)
    assert round_trip(codec, points).max() < 3e-4


@pytest.mark.parametrize(
    ("encoding", "interior", "everywhere"),
    [("udp_gaussian", 0.002, 6.0), ("dark", 0.002, 2.7), ("udp_offset", 0.13, 6.0)],
)
def test_published_decoders_return_the_interior(
    rng: np.random.Generator, encoding: str, interior: float, everywhere: float
) -> None:
    codec = make_codec(encoding)
    points = points_everywhere(rng, codec.input_size_wh)
    inside = ((points >= 32) & (points <= np.array(codec.input_size_wh) - 33)).all(axis=-1)
    on_input = ((points >= 0) & (points <= np.array(codec.input_size_wh) - 1)).all(axis=-1)
    errors = round_trip(codec, points)
    assert errors[inside].max() < interior
    assert 1 < errors[on_input].max() < everywhere


@pytest.mark.parametrize(("input_wh", "heatmap_wh", "sigma"), SIZES)
def test_msra_loses_half_a_heatmap_pixel(
    rng: np.random.Generator, input_wh: tuple[int, int], heatmap_wh: tuple[int, int], sigma: float
) -> None:
    codec = make_codec("msra", input_size_wh=input_wh, heatmap_size_wh=heatmap_wh, sigma=sigma)
    points = points_everywhere(rng, input_wh)
    nearest = np.trunc(codec.crop.to_heatmap(points).numpy() + 0.5)
    on_map = ((nearest >= 0) & (nearest < heatmap_wh)).all(axis=-1)
    assert round_trip(codec, points)[on_map].max() <= 2.0 + 1e-5


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("num_keypoints", [3, 17, 133])
def test_any_number_of_keypoints(encoding: str, num_keypoints: int) -> None:
    codec = make_codec(encoding, num_keypoints=num_keypoints, input_size_wh=(96, 128), heatmap_size_wh=(24, 32))
    maps = outputs(codec, batch=2)
    assert maps.shape == (2, codec.num_channels, 32, 24)
    points, scores = codec.decode(maps)
    assert points.shape == (2, num_keypoints, 2)
    assert scores.shape == (2, num_keypoints)
    assert codec.score_maps(maps).shape == (2, num_keypoints, 32, 24)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_score_maps_are_highest_at_the_keypoint(rng: np.random.Generator, encoding: str) -> None:
    codec = make_codec(encoding)
    points = 40 + rng.uniform(0, 1, (2, 17, 2)) * (110, 170)
    maps = codec.score_maps(codec.encode(points, np.ones((2, 17)))[0])
    assert torch.equal(maps, codec.score_maps(finest_targets(codec, points)[0]))
    assert maps.max() <= 1
    index = maps.flatten(2).argmax(dim=-1)
    highest = torch.stack([index % 48, index // 48], dim=-1)
    assert (highest - codec.crop.to_heatmap(points)).abs().max() <= 1


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_flipping_twice_is_the_identity(encoding: str) -> None:
    codec = make_codec(encoding)
    maps = outputs(codec)
    assert torch.equal(codec.flip_back(codec.flip_back(maps)), maps)


def test_flipping_with_shift_keeps_the_first_column() -> None:
    plain, shifted = make_codec("msra"), make_codec("msra", shift_flipped=True)
    maps = outputs(plain)
    expected = plain.flip_back(maps)
    result = shifted.flip_back(maps)
    assert torch.equal(result[..., 1:], expected[..., :-1])
    assert torch.equal(result[..., 0], expected[..., 0])


@pytest.mark.parametrize(("encoding", "variant"), EXACT[:1] + EXACT[2:])
def test_flipped_targets_come_back(rng: np.random.Generator, encoding: str, variant: str) -> None:
    """The maps of the mirrored points are the mirrored maps: the unbiased crops need no shift."""
    codec = make_codec(encoding, variant=variant)
    points = rng.uniform(20, 170, (2, 17, 2))
    mirrored = points[:, list(codec.flip_permutation)].copy()
    mirrored[..., 0] = codec.input_size_wh[0] - 1 - mirrored[..., 0]
    direct, _ = finest_targets(codec, points)
    back = codec.flip_back(finest_targets(codec, mirrored)[0])
    torch.testing.assert_close(back, direct, atol=1e-5 * float(direct.max()), rtol=0)


@pytest.mark.parametrize(("encoding", "decoder"), DECODERS)
def test_a_batch_is_its_samples_one_by_one(encoding: str, decoder: str) -> None:
    codec = make_codec(encoding, decoder)
    maps = outputs(codec, batch=4)
    points, scores = codec.decode(maps)
    for index in range(4):
        single_points, single_scores = codec.decode(maps[index : index + 1])
        torch.testing.assert_close(points[index], single_points[0], atol=1e-3, rtol=0)
        torch.testing.assert_close(scores[index], single_scores[0])


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_arrays_give_what_tensors_give(encoding: str) -> None:
    """Mirrored views and read-only arrays too, which torch takes only as copies."""
    codec = make_codec(encoding)
    heatmaps = outputs(codec).flip(-1)
    mirrored_view = heatmaps.flip(-1).numpy()[..., ::-1]
    read_only = heatmaps.numpy()
    read_only.flags.writeable = False
    for array in (mirrored_view, read_only):
        for method in (codec.flip_back, codec.score_maps):
            assert torch.equal(method(array), method(heatmaps))
        for from_array, from_tensor in zip(codec.decode(array), codec.decode(heatmaps), strict=True):
            assert torch.equal(from_array, from_tensor)


@pytest.mark.parametrize(("encoding", "decoder"), DECODERS)
def test_inputs_are_not_changed(encoding: str, decoder: str) -> None:
    codec = make_codec(encoding, decoder)
    points = torch.rand(2, 17, 2) * 190
    visible = (torch.rand(2, 17) < 0.5).float()
    maps = outputs(codec)
    copies = points.clone(), visible.clone(), maps.clone()
    codec.encode(points, visible)
    codec.decode(maps)
    codec.flip_back(maps)
    assert all(torch.equal(a, b) for a, b in zip(copies, (points, visible, maps), strict=True))


@pytest.mark.parametrize(("encoding", "decoder"), DECODERS)
def test_half_precision_and_memory_format(encoding: str, decoder: str) -> None:
    codec = make_codec(encoding, decoder)
    maps = outputs(codec).bfloat16()
    points, scores = codec.decode(maps)
    assert points.dtype == scores.dtype == torch.float32
    wide_points, wide_scores = codec.decode(maps.float().contiguous(memory_format=torch.channels_last))
    assert torch.equal(points, wide_points)
    assert torch.equal(scores, wide_scores)


@pytest.mark.parametrize(("encoding", "decoder"), DECODERS)
@pytest.mark.parametrize("variant", ["original", "mmpose"])
def test_noise_never_throws_a_point_far_or_makes_it_nan(encoding: str, decoder: str, variant: str) -> None:
    codec = make_codec(encoding, decoder, variant=variant)
    noise = torch.randn(4, codec.num_channels, 64, 48)
    for maps in (noise, noise.abs() * 1e-12, -noise.abs(), torch.zeros_like(noise), torch.ones_like(noise)):
        points, scores = codec.decode(maps)
        assert torch.isfinite(points).all()
        assert torch.isfinite(scores).all()
        if decoder == "exact":
            reach = 1.5001 if encoding != "udp_offset" else 2 * codec.radius + 5
            assert (codec.crop.to_heatmap(points) >= -reach).all()
            assert (codec.crop.to_heatmap(points) <= torch.tensor(codec.heatmap_size_wh) - 1 + reach).all()


@pytest.mark.parametrize(("encoding", "decoder"), DECODERS)
@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_faulty_maps_give_finite_points(encoding: str, decoder: str, value: float) -> None:
    codec = make_codec(encoding, decoder)
    maps = outputs(codec)
    clean_points, clean_scores = codec.decode(maps)
    broken = maps.clone()
    channel = 4 * codec.CHANNELS_PER_KEYPOINT
    broken[1, channel : channel + codec.CHANNELS_PER_KEYPOINT, 20:40] = value
    points, scores = codec.decode(broken)
    assert torch.isfinite(points).all()
    assert torch.isfinite(scores).all()
    if value != float("-inf"):
        assert scores[1, 4] == 0
    others = torch.ones(3, 17, dtype=torch.bool)
    others[1, 4] = False
    torch.testing.assert_close(points[others], clean_points[others], atol=1e-3, rtol=0)
    torch.testing.assert_close(scores[others], clean_scores[others])


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_without_response_the_arg_max_stays(encoding: str) -> None:
    codec = make_codec(encoding)
    maps = torch.full((1, codec.num_channels, 64, 48), -0.2)
    maps[:, :: codec.CHANNELS_PER_KEYPOINT, 30, 20] = -0.1
    points, scores = codec.decode(maps)
    heatmap_points = codec.crop.to_heatmap(points)
    expected = torch.tensor([20.0, 30.0], dtype=torch.float64) + (0.5 if encoding == "megvii" else 0.0)
    torch.testing.assert_close(heatmap_points, expected.expand(1, 17, 2))
    assert (scores < (0.5 if encoding == "megvii" else 0)).all()


@pytest.mark.parametrize("encoding", sorted(set(ENCODINGS) - set(LEVEL_ENCODINGS)))
def test_weights(encoding: str) -> None:
    joint_weights = [1.0, 1.5, 2.0]
    codec = make_codec(encoding, num_keypoints=3, joint_weights=joint_weights)
    points = torch.full((4, 3, 2), 90.0)
    points[3, 0] = torch.nan
    visible = torch.tensor([[1, 1, 1], [0, 1, 2], [0.3, 0, 1], [1, 1, 1]])
    heatmaps, weights = codec.encode(points, visible)
    expected = torch.tensor([[1, 1.5, 2], [0, 1.5, 2], [1, 0, 2], [0, 1.5, 2]])
    assert torch.equal(weights, expected)
    assert torch.equal(codec.encode(points, visible > 0)[1], expected)
    drawn = codec.score_maps(heatmaps).amax(dim=(-2, -1)) > 0
    assert torch.equal(drawn, expected > 0)
    assert torch.isfinite(heatmaps).all()


@pytest.mark.parametrize("encoding", LEVEL_ENCODINGS)
def test_weights_of_levels_are_the_flags(encoding: str) -> None:
    codec = make_codec(encoding, num_keypoints=3)
    points = torch.full((3, 3, 2), 90.0)
    points[2, 0], points[2, 1] = torch.nan, -9
    visible = torch.tensor([[1, 1, 1], [0, 1, 2], [2, 2, 2]])
    heatmaps, weights = codec.encode(points, visible)
    assert torch.equal(weights, torch.tensor([[1, 1, 1], [0, 1, 2], [0, 0, 2.0]]))
    assert torch.equal(codec.encode(points, visible > 0)[1], 2 * (weights > 0).float())
    assert torch.equal(codec.encode(points, visible.float())[1], weights)
    assert heatmaps.shape == (3, 5, 3, 64, 48)
    peaks = heatmaps.amax(dim=(-2, -1))
    assert (peaks[2, :, 2] > 254 - 10 * (encoding == "megvii_udp")).all()
    assert (peaks[1, :, 0] == 0).all()
    assert (peaks[2, :, 0] == 0).all()
    widths = (heatmaps / 255).sum(dim=(-2, -1))
    assert (widths[0, :-1] > widths[0, 1:]).all(), "from coarse to fine"


@pytest.mark.parametrize(("encoding", "decoder"), DECODERS)
def test_an_empty_batch(encoding: str, decoder: str) -> None:
    codec = make_codec(encoding, decoder)
    heatmaps, weights = finest_targets(codec, torch.zeros(0, 17, 2))
    points, scores = codec.decode(heatmaps)
    assert weights.shape == scores.shape == (0, 17)
    assert points.shape == (0, 17, 2)
    assert codec.to_image(points, torch.zeros(0, 2), torch.zeros(0, 2)).shape == (0, 17, 2)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize(("encoding", "decoder"), DECODERS)
def test_cuda_equals_cpu(encoding: str, decoder: str) -> None:
    codec = make_codec(encoding, decoder)
    maps = outputs(codec, batch=8)
    points, scores = codec.decode(maps)
    with torch.autocast("cuda"):
        cuda_points, cuda_scores = codec.decode(maps.cuda())
    assert cuda_points.is_cuda
    torch.testing.assert_close(cuda_points.cpu(), points, atol=1e-2, rtol=0)
    torch.testing.assert_close(cuda_scores.cpu(), scores)
    visible = torch.ones(8, 17)
    for own, other in zip(codec.encode(points, visible), codec.encode(points.cuda(), visible.cuda()), strict=True):
        # Peaks of 255 have steps of 1.5e-5.
        torch.testing.assert_close(other.cpu(), own, atol=1e-6, rtol=1e-6)
    assert torch.equal(codec.flip_back(maps.cuda()).cpu(), codec.flip_back(maps))


@pytest.mark.parametrize(
    ("encoding", "decoder"),
    [
        ("msra", "exact"),
        ("msra", "offset"),
        ("msra", "megvii"),
        ("udp_offset", "dark"),
        ("megvii", "exact"),
        ("megvii_udp", "megvii"),
    ],
)
def test_a_decoder_of_other_maps_is_refused(encoding: str, decoder: str) -> None:
    with pytest.raises(PoseError, match=f"TEST.DECODER '{decoder}' cannot read {encoding} maps"):
        make_codec(encoding, decoder)


def test_maps_of_another_shape_are_refused() -> None:
    codec = make_codec("udp_offset")
    with pytest.raises(PoseError, match=r"reads heatmaps \(B, 51, 64, 48\), got \(2, 17, 64, 48\)"):
        codec.decode(torch.zeros(2, 17, 64, 48))


def test_keypoints_of_another_number_are_refused() -> None:
    with pytest.raises(PoseError, match=r"needs keypoints \(B, 17, 2\)"):
        make_codec("msra").encode(torch.zeros(2, 16, 2), torch.ones(2, 16))


def test_joint_weights_of_another_number_are_refused() -> None:
    with pytest.raises(PoseError, match="2 weights for 3 keypoints"):
        make_codec("msra", num_keypoints=3, joint_weights=[1.0, 2.0])


def test_descriptions_tell_codecs_apart() -> None:
    udp, offset = make_codec("udp_gaussian").description(), make_codec("udp_offset").description()
    check_same_codec(udp, make_codec("udp_gaussian", "exact", variant="mmpose").description(), "model.pth")
    with pytest.raises(PoseError, match=r"model.pth was trained with codec udp_gaussian .* asks for udp_offset"):
        check_same_codec(udp, offset, "model.pth")

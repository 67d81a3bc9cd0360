"""Outputs of several sizes, of the mirrored picture and of several scales joined, against OpenCV's enlargement."""

import cv2
import numpy as np
import pytest
import torch
from helpers.codecs import neighbour_pairs
from helpers.group_scenes import make_group_codec
from torch import Tensor

from lib.codecs.group.codec import GroupCodec
from lib.utils.errors import PoseError

KEYPOINTS = 5
PAIRS = neighbour_pairs(KEYPOINTS)


def make_codec(*, unbiased: bool = False, variant: str = "original") -> GroupCodec:
    return make_group_codec(KEYPOINTS, unbiased=unbiased, variant=variant, flip_permutation=PAIRS)


def made_outputs(*, stages: int = 2, batch: int = 2) -> list[Tensor]:
    outputs = [torch.randn(batch, 2 * KEYPOINTS, 6, 8), torch.randn(batch, KEYPOINTS, 12, 16)]
    return outputs[:stages]


def enlarge(maps: np.ndarray, size_hw: tuple[int, int], *, unbiased: bool) -> np.ndarray:
    """Bilinear, map by map: OpenCV's resize for plain pixels, its warp for those counted between their centres."""
    height, width = size_hw
    result = np.empty((*maps.shape[:2], height, width))
    for place in np.ndindex(maps.shape[:2]):
        one = maps[place].astype(np.float64)
        if not unbiased:
            result[place] = cv2.resize(one, (width, height), interpolation=cv2.INTER_LINEAR)
            continue
        rows = np.linspace(0, one.shape[0] - 1, height)
        columns = np.linspace(0, one.shape[1] - 1, width)
        across = np.stack([np.interp(columns, np.arange(one.shape[1]), row) for row in one])
        result[place] = np.stack([np.interp(rows, np.arange(one.shape[0]), line) for line in across.T], axis=1)
    return result


def mirrored_back(maps: np.ndarray) -> np.ndarray:
    return maps[:, list(PAIRS), :, ::-1]


@pytest.mark.parametrize("unbiased", [False, True])
@pytest.mark.parametrize("variant", ["original", "mmpose"])
@pytest.mark.parametrize("stages", [1, 2])
@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("size_hw", [None, (24, 32), (20, 31)])
def test_combine(unbiased: bool, variant: str, stages: int, flip: bool, size_hw: tuple[int, int] | None) -> None:
    """In the published order: stages to one size, their mean, the size asked for, the mean with the mirrored one."""
    outputs = made_outputs(stages=stages)
    mirrored = made_outputs(stages=stages) if flip else None
    codec = make_codec(unbiased=unbiased, variant=variant)
    heatmaps, tags = codec.combine(outputs, mirrored, size_hw)

    last = tuple(outputs[-1].shape[2:])
    size = size_hw or last
    means, embeddings = [], []
    for index, one in enumerate([outputs, mirrored] if mirrored else [outputs]):
        arrays = [output.numpy() for output in one]
        between = last if variant == "original" else size
        staged = [enlarge(array, between, unbiased=unbiased) for array in arrays]
        tag_maps = staged[0][:, KEYPOINTS:]
        heat_maps = np.mean([array[:, :KEYPOINTS] for array in staged], axis=0)
        if index:
            heat_maps, tag_maps = mirrored_back(heat_maps), mirrored_back(tag_maps)
        means.append(enlarge(heat_maps, size, unbiased=unbiased))
        embeddings.append(enlarge(tag_maps, size, unbiased=unbiased))
    np.testing.assert_allclose(heatmaps.numpy(), np.mean(means, axis=0), atol=1e-5)
    np.testing.assert_allclose(tags.numpy(), np.stack(embeddings, axis=-1), atol=1e-5)


@pytest.mark.parametrize("unbiased", [False, True])
def test_mean_of_scales(unbiased: bool) -> None:
    codec = make_codec(unbiased=unbiased)
    scales = [torch.randn(2, KEYPOINTS, *size) for size in ((24, 32), (12, 16), (6, 8))]
    expected = np.mean([enlarge(one.numpy(), (24, 32), unbiased=unbiased) for one in scales], axis=0)
    np.testing.assert_allclose(codec.combiner.mean_of_scales(scales).numpy(), expected, atol=1e-5)


def test_a_mirrored_picture_of_a_symmetric_network_changes_nothing() -> None:
    """What the network says of the mirrored picture, mirrored back, is what it said."""
    outputs = made_outputs()
    permutation = list(PAIRS)
    order = [permutation + [KEYPOINTS + index for index in permutation], permutation]
    mirrored = [output[:, places].flip(-1) for output, places in zip(outputs, order, strict=True)]
    codec = make_codec()
    heatmaps, tags = codec.combine(outputs, mirrored)
    alone, alone_tags = codec.combine(outputs)
    torch.testing.assert_close(heatmaps, alone)
    torch.testing.assert_close(tags, alone_tags.expand_as(tags))


def test_a_plain_tensor_is_one_output_and_bf16_is_read_as_float32() -> None:
    codec = make_codec()
    output = made_outputs(stages=1)[0]
    heatmaps, tags = codec.combine(output.bfloat16())
    assert heatmaps.dtype == tags.dtype == torch.float32
    torch.testing.assert_close(heatmaps, output[:, :KEYPOINTS].bfloat16().float())
    torch.testing.assert_close(tags[..., 0], output[:, KEYPOINTS:].bfloat16().float())


def test_outputs_of_other_networks_are_refused() -> None:
    with pytest.raises(PoseError, match=r"\[10, 5\]"):
        make_codec().combine([torch.zeros(1, 10, 4, 4), torch.zeros(1, 10, 8, 8)])
    with pytest.raises(PoseError, match=r"MODEL\.NUM_JOINTS"):
        make_codec().combine(torch.zeros(1, 5, 4, 4))

"""Targets of bottom-up networks against scalar float64 loops."""

import numpy as np
import pytest
import torch
from helpers.group_scenes import make_group_codec
from reference import grouping_loops as loops

from lib.codecs.group import targets as targets_module
from lib.codecs.group.targets import draw_people
from lib.utils.errors import PoseError

# Of input and outputs; the last output is smaller than what is drawn around a point.
SIZES = [
    ((64, 64), [(16, 16), (32, 32)]),
    ((96, 64), [(24, 16), (48, 32)]),
    ((128, 128), [(32, 32)]),
    ((48, 32), [(12, 8)]),
]


def points_everywhere(rng: np.random.Generator, input_wh: tuple[int, int], num_keypoints: int) -> np.ndarray:
    """(2, 4, K, 2): inside, up to a fifth outside, at corners, just beyond them and on whole heatmap pixels."""
    last = np.array(input_wh) - 1.0
    points = rng.uniform(-0.2, 1.2, (2, 4, num_keypoints, 2)) * last
    points[0, 0, :3] = [(0, 0), last, (-0.5, last[1] + 0.9)]
    points[0, 1, :3] = [(-3.9, 5), (8, 12), (-4.1, 5)]
    points[1, 0] = points[1, 1] + rng.uniform(-8, 8, (num_keypoints, 2))  # overlapping people
    return points


@pytest.mark.parametrize("unbiased", [False, True])
@pytest.mark.parametrize(("input_wh", "output_sizes"), SIZES)
def test_heatmaps_and_pixels(
    rng: np.random.Generator, input_wh: tuple[int, int], output_sizes: list[tuple[int, int]], unbiased: bool
) -> None:
    codec = make_group_codec(5, unbiased=unbiased, input_size_wh=input_wh, output_sizes_wh=output_sizes)
    points = points_everywhere(rng, input_wh, 5)
    visible = rng.choice([0, 1, 2], (2, 4, 5), p=[0.2, 0.3, 0.5])
    targets = codec.encode(points, visible)
    assert len(targets.heatmaps) == len(output_sizes)
    for maps, (width, height) in zip(targets.heatmaps, output_sizes, strict=True):
        lengths = np.array(input_wh) - unbiased, np.array([width, height]) - unbiased
        on_output = points * (lengths[1] / lengths[0]) if unbiased else points / (lengths[0] / lengths[1])
        for picture in range(2):
            expected = loops.draw(on_output[picture], visible[picture] > 0, 2.0, width, height, unbiased=unbiased)
            np.testing.assert_allclose(maps[picture].numpy(), expected, atol=1e-6)
    width, height = output_sizes[0]
    on_first = codec.crops[0].to_heatmap(points).numpy()
    for place in np.ndindex(visible.shape):
        x, y = (int(value) for value in on_first[place])
        shown = visible[place] > 0 and 0 <= x < width and 0 <= y < height
        assert targets.tag_visible[place] == shown
        assert targets.tag_index[place] == (y * width + x if shown else 0)


@pytest.mark.parametrize("unbiased", [False, True])
@pytest.mark.parametrize("selected_on", [("cpu",), ()])
@pytest.mark.parametrize("at_once", [1, 2000, targets_module.VALUES_AT_ONCE])
def test_heatmaps_are_the_same_on_every_device_and_in_parts(
    rng: np.random.Generator,
    monkeypatch: pytest.MonkeyPatch,
    unbiased: bool,
    selected_on: tuple[str, ...],
    at_once: int,
) -> None:
    """Absent points left out or drawn as zeros, all together or a few at a time: bit for bit the same."""
    points = torch.from_numpy(rng.uniform(-5, 30, (3, 6, 4, 2)))
    visible = torch.from_numpy(rng.random((3, 6, 4)) < 0.5)
    points[~visible] = torch.nan
    expected = draw_people(points, visible, 1.5, (25, 17), unbiased=unbiased)
    monkeypatch.setattr(targets_module, "SELECTED_ON", selected_on)
    monkeypatch.setattr(targets_module, "VALUES_AT_ONCE", at_once)
    assert torch.equal(draw_people(points, visible, 1.5, (25, 17), unbiased=unbiased), expected)


def test_no_device_but_the_cpu_is_waited_for() -> None:
    """Meta tensors have shapes alone, so that whatever needs a value fails."""
    codec = make_group_codec(17, output_sizes_wh=[(64, 64), (128, 128)])
    fields = torch.rand(2, 5, 17, 2), torch.ones(2, 5, 17), torch.zeros(2, 2)
    targets = codec.encode(*(field.to("meta") for field in fields))
    assert [tuple(maps.shape) for maps in targets.heatmaps] == [(2, 17, 64, 64), (2, 17, 128, 128)]
    assert targets.heatmaps[0].device.type == "meta"


@pytest.mark.parametrize("unbiased", [False, True])
def test_shifts(rng: np.random.Generator, unbiased: bool) -> None:
    """Each picture's points lie further right on each output, in heatmaps and tags alike."""
    codec = make_group_codec(5, unbiased=unbiased, output_sizes_wh=[(64, 64), (128, 128)])
    points, visible = rng.uniform(-9, 265, (3, 4, 5, 2)), rng.integers(0, 3, (3, 4, 5))
    shifts = np.array([[0, 0], [-0.75, -0.5], [2, -3.25]], np.float32)
    targets = codec.encode(points, visible, shifts)
    for output, crop in enumerate(codec.crops):
        moved = points.copy()
        stride = crop.from_heatmap(torch.tensor([[0.0, 0.0], [1.0, 0.0]])).diff(dim=0)[0, 0].item()
        moved[..., 0] += shifts[:, output, None, None] * stride
        expected = codec.encode(moved, visible)
        np.testing.assert_allclose(targets.heatmaps[output].numpy(), expected.heatmaps[output].numpy(), atol=1e-6)
        if output == 0:
            assert torch.equal(targets.tag_index, expected.tag_index)
            assert torch.equal(targets.tag_visible, expected.tag_visible)
    unmoved = codec.encode(points, visible)
    assert torch.equal(targets.heatmaps[0][0], unmoved.heatmaps[0][0])
    assert not torch.equal(targets.heatmaps[0][1], unmoved.heatmaps[0][1])


def test_points_just_outside_count_as_on_the_first_pixel() -> None:
    """Cut towards zero, as published: 0.9 heatmap pixels left of the map is its first column."""
    codec = make_group_codec(1, input_size_wh=(64, 64), output_sizes_wh=[(16, 16)])
    targets = codec.encode(np.array([[[[-3.6, 20.0]], [[-4.0, 20.0]]]]), np.ones((1, 2, 1)))
    assert targets.tag_visible.flatten().tolist() == [True, False]
    assert targets.heatmaps[0][0, 0].argmax() == 5 * 16


@pytest.mark.parametrize("people", [0, 3])
def test_nobody_in_the_picture(people: int) -> None:
    codec = make_group_codec(17, output_sizes_wh=[(64, 64), (128, 128)])
    targets = codec.encode(np.zeros((2, people, 17, 2), np.float32), np.zeros((2, people, 17)))
    assert [tuple(maps.shape) for maps in targets.heatmaps] == [(2, 17, 64, 64), (2, 17, 128, 128)]
    assert not any(maps.any() for maps in targets.heatmaps)
    assert targets.tag_index.shape == (2, people, 17)
    assert not targets.tag_visible.any()


def test_faulty_points_are_left_out() -> None:
    codec = make_group_codec(3)
    points = np.array([[[[np.nan, 5], [np.inf, 7], [40, 40]]]])
    targets = codec.encode(points, np.ones((1, 1, 3)))
    assert targets.tag_visible.flatten().tolist() == [False, False, True]
    assert torch.isfinite(targets.heatmaps[0]).all()
    assert targets.heatmaps[0].flatten(2).amax(-1).flatten().tolist() == [0, 0, 1]


@pytest.mark.parametrize("num_keypoints", [3, 17, 133])
def test_batched_equals_single_and_dtypes(rng: np.random.Generator, num_keypoints: int) -> None:
    codec = make_group_codec(num_keypoints)
    points = rng.uniform(0, 255, (3, 2, num_keypoints, 2)).astype(np.float32)
    visible = rng.integers(0, 3, (3, 2, num_keypoints))
    before = points.copy()
    together = codec.encode(points, torch.from_numpy(visible).float())
    for picture in range(3):
        alone = codec.encode(points[picture : picture + 1], visible[picture : picture + 1])
        assert torch.equal(alone.heatmaps[0][0], together.heatmaps[0][picture])
        assert torch.equal(alone.tag_index[0], together.tag_index[picture])
    assert together.heatmaps[0].dtype == torch.float32
    assert together.tag_index.dtype == torch.int64
    assert together.tag_visible.dtype == torch.bool
    np.testing.assert_array_equal(points, before)


def test_shapes_that_do_not_fit_are_refused() -> None:
    codec = make_group_codec(17)
    with pytest.raises(PoseError, match="17"):
        codec.encode(np.zeros((1, 2, 14, 2)), np.zeros((1, 2, 14)))
    with pytest.raises(PoseError, match="visibility"):
        codec.encode(np.zeros((1, 2, 17, 2)), np.zeros((1, 3, 17)))
    with pytest.raises(PoseError, match=r"shifts \(1, 1\), one per picture and output, got \(1, 2\)"):
        codec.encode(np.zeros((1, 2, 17, 2)), np.zeros((1, 2, 17)), np.zeros((1, 2)))

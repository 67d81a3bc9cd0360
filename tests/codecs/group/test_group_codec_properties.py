"""What holds for reading people from any maps: edge cases, batches, dtypes, untouched inputs, faulty maps."""

import numpy as np
import pytest
import torch
from helpers.group_scenes import TAG_STEP, make_group_codec, noisy_scene, perfect_maps, rows
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import grouping_loops as loops

from lib.codecs.group.codec import GroupCodec
from lib.utils.errors import PoseError

# Largest error of a round trip: cutting to the pixel's corner and half a pixel minus a quarter back (ae); DARK steps
# on a Gaussian that the targets cut off at 7 pixels (ae_udp).
ROUND_TRIP = {False: 0.76, True: 0.02}


def spread_people(
    rng: np.random.Generator, codec: GroupCodec, people: int, batch: int = 1, margin: int = 12
) -> np.ndarray:
    """Points (B, M, K, 2), those of one keypoint at least 6 heatmap pixels apart and `margin` input pixels inside."""
    width, height = codec.input_size_wh
    columns = int(np.ceil(np.sqrt(people)))
    cell = np.array([width - 2 * margin, height - 2 * margin]) / max(columns, 1)
    points = np.empty((batch, people, codec.num_keypoints, 2))
    for picture, keypoint in np.ndindex(batch, codec.num_keypoints):
        places = rng.permutation(columns**2)[:people]
        corner = np.stack([places % columns, places // columns], axis=-1) * cell + margin
        points[picture, :, keypoint] = corner + rng.uniform(0, 1, (people, 2)) * np.maximum(cell - 24, 1)
    return points


@pytest.mark.parametrize("num_keypoints", [3, 14, 17, 133])
@pytest.mark.parametrize("unbiased", [False, True])
@pytest.mark.parametrize("people", [1, 4])
def test_round_trip(rng: np.random.Generator, num_keypoints: int, unbiased: bool, people: int) -> None:
    codec = make_group_codec(num_keypoints, unbiased=unbiased)
    points = spread_people(rng, codec, people)
    maps, tags = perfect_maps(codec, points, np.full(points.shape[:3], 2), rng.uniform(0.5, 1, people))
    (found,) = codec.decode(maps, tags)
    order = found.tags[:, 0, 0].argsort()
    expected = codec.crops[0].to_heatmap(points[0]).numpy()
    assert np.abs(found.keypoints[order] - expected).max() < ROUND_TRIP[unbiased]
    np.testing.assert_array_equal(
        found.tags[order, :, 0], np.tile(TAG_STEP * np.arange(1, people + 1)[:, None], num_keypoints)
    )
    assert not found.refined.any()


@pytest.mark.parametrize("num_keypoints", [3, 14, 17, 133])
@pytest.mark.parametrize("num_tags", [1, 2])
@pytest.mark.parametrize("unbiased", [False, True])
def test_batched_equals_single(rng: np.random.Generator, num_keypoints: int, num_tags: int, unbiased: bool) -> None:
    codec = make_group_codec(num_keypoints, unbiased=unbiased)
    scenes = [noisy_scene(rng, num_keypoints=num_keypoints, people=people, num_tags=num_tags) for people in (2, 0, 5)]
    together = codec.decode(*(np.stack(maps) for maps in zip(*scenes, strict=True)))
    assert len(together) == 3
    for scene, people in zip(scenes, together, strict=True):
        (alone,) = codec.decode(*(maps[None] for maps in scene))
        np.testing.assert_array_equal(rows(people), rows(alone))


@pytest.mark.parametrize("highest", [0.0, 0.1, -1.0])
@pytest.mark.parametrize("unbiased", [False, True])
def test_nobody(highest: float, unbiased: bool) -> None:
    """No value above the threshold, which itself does not count."""
    codec = make_group_codec(unbiased=unbiased)
    found = codec.decode(torch.full((2, 17, 20, 12), highest), torch.zeros(2, 17, 20, 12, 2))
    for people in found:
        assert len(people) == 0
        assert people.keypoints.shape == (0, 17, 2)
        assert people.tags.shape == (0, 17, 2)
        assert people.refined.shape == people.scores.shape == people.raw_scores.shape == (0, 17)


def test_no_pictures() -> None:
    codec = make_group_codec()
    assert codec.decode(torch.zeros(0, 17, 16, 16), torch.zeros(0, 17, 16, 16, 1)) == []


def test_one_keypoint_is_a_person() -> None:
    codec = make_group_codec()
    heatmaps = torch.full((1, 17, 16, 16), -0.1)
    heatmaps[0, 9, 4, 7] = 0.5
    (people,) = codec.decode(heatmaps, torch.zeros(1, 17, 16, 16, 1))
    assert len(people) == 1
    np.testing.assert_array_equal(people.keypoints[0, 9], (7.25, 4.25))
    np.testing.assert_array_equal(people.scores[0], np.where(np.arange(17) == 9, np.float32(0.5), 0))
    assert people.score[0] == np.float32(0.5) / 17


@pytest.mark.parametrize("background", [-0.02, 0.03])
def test_a_keypoint_nobody_has(rng: np.random.Generator, background: float) -> None:
    """It is filled in where its map is positive, at the first best pixel, and stays at (0, 0) where it is not."""
    codec = make_group_codec()
    points = spread_people(rng, codec, 3)
    visible = np.full(points.shape[:3], 2)
    visible[:, :, 13] = 0
    maps, tags = perfect_maps(codec, points, visible)
    maps[0, 13] = background
    tags[0, 13] = TAG_STEP * 2
    (people,) = codec.decode(maps, tags)
    assert len(people) == 3
    assert not people.raw_scores[:, 13].any()
    filled = background > 0
    np.testing.assert_array_equal(people.refined[:, 13], filled)
    np.testing.assert_array_equal(people.scores[:, 13], np.float32(max(background, 0)))
    np.testing.assert_array_equal(people.keypoints[:, 13], np.full((3, 2), 0.25 if filled else 0))


@pytest.mark.parametrize("variant", ["original", "mmpose"])
def test_thirty_one_people(rng: np.random.Generator, variant: str) -> None:
    """Thirty candidates of each keypoint are kept. mmpose still finds all 31; HigherHRNet assigns to 30 alone."""
    codec = make_group_codec(5, variant=variant, input_size_wh=(512, 512), output_sizes_wh=[(128, 128)])
    points = spread_people(rng, codec, 31)
    heights = np.linspace(0.4, 1, 31)
    maps, tags = perfect_maps(codec, points, np.full(points.shape[:3], 2), heights)
    # The least person is missing from most keypoints, another one from the second.
    maps[0, 1] = torch.where(maps[0, 1] > 0.9 * heights[0], maps[0, 1], maps[0, 1] * 0)
    (people,) = codec.decode(maps, tags)
    assert len(people) == 30
    order = people.tags.max(axis=(1, 2)).argsort()
    np.testing.assert_array_equal(people.tags[order, :, 0], np.tile(TAG_STEP * np.arange(2, 32)[:, None], 5))


@pytest.mark.parametrize(("variant", "expected"), [("original", 32), ("mmpose", 31)])
def test_a_thirty_first_person_who_starts_later(rng: np.random.Generator, variant: str, expected: int) -> None:
    """The last of 31 people lacks the first keypoint. HigherHRNet joins nothing to a 31st person."""
    codec = make_group_codec(3, variant=variant, input_size_wh=(512, 512), output_sizes_wh=[(128, 128)], refine=False)
    points = spread_people(rng, codec, 31)
    visible = np.full(points.shape[:3], 2)
    # The neighbour by tag lacks what the last one has: no other assignment is as good.
    visible[0, 30, 0] = visible[0, 29, 1] = visible[0, 29, 2] = 0
    maps, tags = perfect_maps(codec, points, visible)
    (people,) = codec.decode(maps, tags + 0.01 * torch.randn_like(tags))
    assert len(people) == expected
    counts = np.bincount((people.raw_scores > 0).sum(axis=1), minlength=4).tolist()
    assert counts == ([0, 3, 0, 29] if variant == "original" else [0, 1, 1, 29])


def test_equal_tags_are_one_person(rng: np.random.Generator) -> None:
    """A person is known by its first tag: of two candidates with the same one the lower is kept, as published."""
    codec = make_group_codec(3, refine=False)
    points = spread_people(rng, codec, 2)
    maps, tags = perfect_maps(codec, points, np.full(points.shape[:3], 2), np.array([1.0, 0.5]))
    tags[:] = 1.5
    (people,) = codec.decode(maps, tags)
    assert len(people) == 1
    assert people.scores[0, 0] == np.float32(0.5)
    np.testing.assert_array_equal(people.tags, 1.5)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    people=st.integers(0, 5),
    width=st.integers(3, 40),
    height=st.integers(3, 40),
    num_keypoints=st.sampled_from([3, 14, 17]),
    variant=st.sampled_from(["original", "mmpose"]),
)
def test_any_scene(seed: int, people: int, width: int, height: int, num_keypoints: int, variant: str) -> None:
    """Fresh scenes of any size against the scalar loops, ties aside."""
    rng = np.random.default_rng(seed)
    heatmaps, tags = noisy_scene(rng, num_keypoints=num_keypoints, people=people, size_wh=(width, height))
    codec = make_group_codec(num_keypoints, variant=variant)
    (found,) = codec.decode(heatmaps[None], tags[None])
    try:
        expected = loops.read_people(heatmaps, tags, list(codec.options.joint_order), mmpose=variant == "mmpose")
    except loops.Tie:
        return
    assert len(found) == len(expected)
    if expected:
        np.testing.assert_allclose(rows(found), np.array(expected), atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_any_dtype(rng: np.random.Generator, dtype: torch.dtype) -> None:
    codec = make_group_codec()
    heatmaps, tags = (torch.from_numpy(maps)[None].to(dtype) for maps in noisy_scene(rng))
    (people,) = codec.decode(heatmaps, tags)
    (expected,) = codec.decode(heatmaps.float(), tags.float())
    np.testing.assert_array_equal(rows(people), rows(expected))
    assert people.keypoints.dtype == people.scores.dtype == people.score.dtype == np.float32


def test_inputs_stay_as_they_are(rng: np.random.Generator) -> None:
    for unbiased in (False, True):
        maps = [torch.from_numpy(one)[None] for one in noisy_scene(rng, size_wh=(48, 40))]
        before = [one.clone() for one in maps]
        make_group_codec(unbiased=unbiased).decode(*maps)
        assert all(torch.equal(one, other) for one, other in zip(maps, before, strict=True))


@pytest.mark.parametrize("fault", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("where", ["heatmaps", "tags"])
@pytest.mark.parametrize("unbiased", [False, True])
def test_faulty_pixels_are_no_candidates(rng: np.random.Generator, fault: float, where: str, unbiased: bool) -> None:
    codec = make_group_codec(unbiased=unbiased)
    heatmaps, tags = noisy_scene(rng, people=2)
    (heatmaps if where == "heatmaps" else tags)[3, 10:20] = fault
    cleared, plain_tags = heatmaps.copy(), tags.copy()
    cleared[3, 10:20] = plain_tags[3, 10:20] = 0
    (people,) = codec.decode(heatmaps[None], tags[None])
    (expected,) = codec.decode(cleared[None], plain_tags[None])
    np.testing.assert_array_equal(rows(people), rows(expected))
    assert np.isfinite(rows(people)).all()
    nothing = np.full_like(heatmaps, fault)
    assert [len(one) for one in codec.decode(nothing[None], tags[None])] == [0]


def test_tags_may_lie_in_memory_in_any_order(rng: np.random.Generator) -> None:
    codec = make_group_codec()
    heatmaps, tags = noisy_scene(rng, num_tags=2)
    by_plane = torch.from_numpy(np.ascontiguousarray(np.moveaxis(tags, -1, 0))).movedim(0, -1)[None]
    (people,) = codec.decode(heatmaps[None], by_plane)
    (expected,) = codec.decode(heatmaps[None], tags[None])
    np.testing.assert_array_equal(rows(people), rows(expected))


@pytest.mark.parametrize("unbiased", [False, True])
def test_a_level_map(unbiased: bool) -> None:
    """Every pixel is a maximum: thirty candidates of each keypoint, and with equal tags one person."""
    codec = make_group_codec(3, unbiased=unbiased)
    (people,) = codec.decode(torch.full((1, 3, 300, 200), 0.5), torch.full((1, 3, 300, 200, 1), 2.0))
    assert len(people) == 1
    np.testing.assert_array_equal(people.scores, 0.5)
    assert np.isfinite(rows(people)).all()


def test_maps_that_do_not_fit_are_refused() -> None:
    codec = make_group_codec()
    with pytest.raises(PoseError, match="resize both to one size"):
        codec.decode(torch.zeros(1, 17, 16, 16), torch.zeros(1, 17, 8, 8, 1))
    with pytest.raises(PoseError, match="17"):
        codec.decode(torch.zeros(1, 14, 16, 16), torch.zeros(1, 14, 16, 16, 1))

"""Reading people from maps against scalar float64 loops on fresh input, ties aside."""

import numpy as np
import pytest
import torch
from helpers.group_scenes import make_group_codec, noisy_scene, rows
from reference import grouping_loops as loops

from lib.codecs.group.candidates import find_candidates
from lib.codecs.group.fill import best_pixels
from lib.codecs.group.grouping import group
from lib.codecs.group.maps import GroupMaps
from lib.codecs.group.options import GroupOptions

TRIALS = 20
LEAST = 2  # trials without a tie
KEYPOINTS = (5, 14, 17)


def check_reading(heatmaps: np.ndarray, tags: np.ndarray, *, unbiased: bool, variant: str, **options: float) -> None:
    """Compare every person's rows; raises `loops.Tie` where there is nothing to compare."""
    codec = make_group_codec(len(heatmaps), unbiased=unbiased, variant=variant, **options)
    names = {"max_people": "most", "detection_threshold": "threshold", "nms_kernel": "kernel"}
    expected = loops.read_people(
        heatmaps,
        tags,
        list(codec.options.joint_order),
        unbiased=unbiased,
        mmpose=variant == "mmpose",
        **{names.get(name, name): value for name, value in options.items()},
    )
    (people,) = codec.decode(heatmaps[None], tags[None])
    assert len(people) == len(expected)
    if expected:
        np.testing.assert_allclose(rows(people), np.array(expected), atol=2e-3 if unbiased else 1e-5)
        np.testing.assert_allclose(people.score, np.array(expected)[:, :, 3].mean(axis=1), rtol=1e-5)


@pytest.mark.parametrize("unbiased", [False, True])
@pytest.mark.parametrize(
    ("variant", "options"),
    [
        ("original", {}),
        ("mmpose", {}),
        ("original", {"adjust": False}),
        ("mmpose", {"refine": False}),
        ("original", {"use_scores": False}),
        ("original", {"max_people": 2}),
        ("original", {"max_people": 2, "ignore_too_much": True}),
        ("mmpose", {"max_people": 2}),
        ("mmpose", {"max_people": 2, "ignore_too_much": True}),
        ("original", {"tag_threshold": 0.4, "detection_threshold": 0.3}),
        ("original", {"nms_kernel": 3}),
        ("original", {"nms_kernel": 1, "detection_threshold": 0.9}),
        ("original", {"nms_kernel": 9}),
    ],
)
@pytest.mark.parametrize("num_tags", [1, 2])
def test_reading(
    rng: np.random.Generator, variant: str, options: dict[str, float], num_tags: int, unbiased: bool
) -> None:
    compared = 0
    for trial in range(TRIALS):
        heatmaps, tags = noisy_scene(rng, num_keypoints=KEYPOINTS[trial % 3], num_tags=num_tags, size_wh=(29, 22))
        try:
            check_reading(heatmaps, tags, unbiased=unbiased, variant=variant, **options)
            compared += 1
        except loops.Tie:
            continue
        if compared == LEAST:
            return
    pytest.fail(f"only {compared} scenes without a tie")


@pytest.mark.parametrize("size_wh", [(5, 3), (8, 8), (9, 17), (1, 6), (64, 7)])
@pytest.mark.parametrize("kernel", [1, 3, 5, 7])
def test_candidates_of_any_size(rng: np.random.Generator, size_wh: tuple[int, int], kernel: int) -> None:
    """Values out of a few, so that many neighbours are equal: all that share the maximum are candidates."""
    heatmaps = rng.integers(-2, 4, (2, 3, size_wh[1], size_wh[0])).astype(np.float32) / 4
    tags = rng.normal(size=(*heatmaps.shape, 1)).astype(np.float32)
    found = find_candidates(GroupMaps.of(torch.from_numpy(heatmaps), torch.from_numpy(tags)), kernel, 0.1, 5)
    for number, (one, own_tags) in enumerate(
        zip(heatmaps.reshape(6, *size_wh[::-1]), tags.reshape(6, *size_wh[::-1]), strict=True)
    ):
        own = slice(found.starts[number], found.starts[number + 1])
        expected = loops.candidates(one, kernel, 0.1, 5)
        got = list(zip(found.scores[own], found.x[own], found.y[own], strict=True))
        assert got == expected
        np.testing.assert_array_equal(found.tags[own, 0], [own_tags[y, x] for _, x, y in expected])


@pytest.mark.parametrize("num_tags", [1, 2])
@pytest.mark.parametrize("smooth", [False, True])
@pytest.mark.parametrize("zeros", [False, True])
def test_best_pixels(rng: np.random.Generator, num_tags: int, smooth: bool, zeros: bool) -> None:
    """Whatever the bounds of blocks leave out, the first best pixel is found; zeros make many pixels equal."""
    shape = (1, 5, 21, 30)
    heatmaps = rng.normal(0, 0.3, shape)
    if zeros:
        heatmaps = heatmaps.clip(0).round(1)
    tags = rng.normal(0, 2, (*shape, num_tags))
    if smooth:
        tags = np.cumsum(np.cumsum(rng.normal(0, 0.2, (*shape, num_tags)), axis=2), axis=3)
    heatmaps, tags = heatmaps.astype(np.float32), tags.astype(np.float32)
    maps = GroupMaps.of(torch.from_numpy(heatmaps), torch.from_numpy(tags))
    number = rng.integers(0, 5, 40)
    wanted = rng.normal(0, 3, (40, num_tags)).astype(np.float32)
    found = best_pixels(maps, torch.from_numpy(number), torch.from_numpy(wanted))
    for query in range(40):
        x, y = loops.best_pixel(heatmaps[0, number[query]], tags[0, number[query]], wanted[query])
        assert (found.x[query], found.y[query]) == (x, y)
        assert found.values[query] == heatmaps[0, number[query], y, x]


@pytest.mark.parametrize("step", [0.0, 0.25])
@pytest.mark.parametrize("mmpose", [False, True])
def test_groups_of_random_candidates(rng: np.random.Generator, mmpose: bool, step: float) -> None:
    """Tags anywhere, so that most candidates have no person of their own; in steps, many are equal, as in bf16."""
    compared = 0
    for _ in range(400 if step else 150):
        sizes = rng.integers(0, 5, 4)
        scores = [np.sort(rng.uniform(0.1, 1, size))[::-1].astype(np.float32).astype(float) for size in sizes]
        tags = [rng.uniform(0, 4, (size, 1)).astype(np.float32).astype(float) for size in sizes]
        if step:
            tags = [(one / step).round() * step for one in tags]
        options = GroupOptions((2, 0, 1, 3), max_people=3, mmpose=mmpose)
        found = [
            list(zip(one.tolist(), map(tuple, own.tolist()), strict=True))
            for one, own in zip(scores, tags, strict=True)
        ]
        try:
            expected = loops.group(found, [2, 0, 1, 3], most=3, mmpose=mmpose)
        except loops.Tie:
            continue
        members = group(scores, tags, options)
        assert [{k: n for k, n in enumerate(row) if n >= 0} for row in members.tolist()] == expected
        compared += 1
    assert compared > 20

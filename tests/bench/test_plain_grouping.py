import numpy as np
import pytest
import torch

from lib.bench.grouping import PEOPLE, TAGS, grouping_contest, made_maps, make_codec
from lib.bench.plain_grouping import group_plainly
from lib.codecs.group.people import GroupedPeople


def assert_equal(found: GroupedPeople, rows: np.ndarray, scores: np.ndarray) -> None:
    np.testing.assert_array_equal(np.concatenate([found.keypoints, found.scores[..., None], found.tags], axis=-1), rows)
    np.testing.assert_allclose(found.score, scores, rtol=1e-6)


@pytest.mark.parametrize("num_tags", TAGS)
@pytest.mark.parametrize("people", PEOPLE)
def test_both_ways_give_the_same_people(people: int, num_tags: int) -> None:
    contest = grouping_contest(people, num_tags, "cpu")
    rows, scores = contest.plain.run()
    (found,) = contest.ways[0].run()
    assert len(found) == len(rows) >= people
    assert rows.shape[1:] == (17, 3 + num_tags)
    assert_equal(found, rows, scores)
    assert found.refined.any()


@pytest.mark.parametrize("people", PEOPLE)
def test_the_second_tag_is_that_of_the_mirrored_picture(people: int) -> None:
    """Tags of the same people at the same pixels, with noise of their own."""
    codec = make_codec()
    (_, one), (_, two) = (made_maps(codec, people, num_tags) for num_tags in TAGS)
    assert torch.equal(two[..., 0], one[..., 0])
    difference = (two[..., 1] - two[..., 0]).abs()
    assert 0.02 < difference.mean() < 0.2
    assert difference.max() < 1.5


def test_both_tags_decide(rng: np.random.Generator) -> None:
    """Two people whose first tags are alike: the second tells them apart, the plain way too."""
    codec = make_codec()
    heatmaps, tags = torch.zeros(1, 17, 64, 64), torch.zeros(1, 17, 64, 64, 2)
    for joint in range(17):
        for person, x in enumerate((10, 40)):
            y, height = rng.integers(5, 60), rng.uniform(0.5, 1)
            heatmaps[0, joint, y, x] = height
            tags[0, joint, y, x] = torch.tensor([5 + 0.01 * rng.uniform(), 5.0 * person])
    rows, scores = group_plainly(heatmaps, tags, codec.options.joint_order)
    (found,) = codec.decode(heatmaps, tags)
    assert_equal(found, rows, scores)
    assert len(rows) == 2
    assert sorted(np.unique(person[:, 0].astype(int)).tolist() for person in rows) == [[10], [40]]


def test_contest_does_the_work_of_one_picture() -> None:
    contest = grouping_contest(5, 1, "cpu")
    assert contest.target == 10
    assert [way.items for way in (contest.plain, *contest.ways)] == [1, 1]
    (people,) = contest.ways[0].run()
    assert len(people) >= 5

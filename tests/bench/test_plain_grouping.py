import numpy as np
import pytest

from lib.bench.grouping import grouping_contest, made_maps, make_codec
from lib.bench.plain_grouping import group_plainly


@pytest.mark.parametrize("people", [5, 30])
def test_both_ways_give_the_same_people(people: int) -> None:
    codec = make_codec()
    heatmaps, tags = made_maps(codec, people)
    rows, scores = group_plainly(heatmaps, tags, codec.options.joint_order)
    (found,) = codec.decode(heatmaps, tags)
    assert len(found) == len(rows) >= people
    np.testing.assert_array_equal(np.concatenate([found.keypoints, found.scores[..., None], found.tags], axis=-1), rows)
    np.testing.assert_allclose(found.score, scores, rtol=1e-6)
    assert found.refined.any()


def test_contest_does_the_work_of_one_picture() -> None:
    contest = grouping_contest(5, "cpu")
    assert contest.target == 10
    assert [way.items for way in (contest.plain, *contest.ways)] == [1, 1]
    (people,) = contest.ways[0].run()
    assert len(people) >= 5

"""Columns of results, and the checks of records and of columns."""

import numpy as np
import pytest

from lib.core.poses import Poses, check_poses, poses_of
from lib.utils.errors import PoseError

IDS = np.array([3, 9], dtype=np.int64)


def some_poses(rng: np.random.Generator) -> Poses:
    return Poses(
        np.array([9, 3, 9]), 2, rng.normal(0, 50, (3, 5, 3)), rng.uniform(0, 1, 3), boxes=rng.uniform(1, 9, (3, 4))
    )


def test_records_and_columns_say_the_same(rng: np.random.Generator) -> None:
    poses = some_poses(rng)
    back = poses_of(poses.records(), IDS, 2, 5, "r.json")
    for name, column in poses.columns().items():
        np.testing.assert_array_equal(back.columns()[name], column)
    assert back.frames is None


def test_records_of_other_programs() -> None:
    record = {"image_id": 3, "category_id": 1, "keypoints": [1, 2.5, 2] * 5, "score": 1, "id": "any", "bbox": []}
    numbers = {**record, "keypoints": [np.float64(0.5)] * 15, "score": np.float64(0.25)}
    poses = poses_of([record, numbers], IDS, 1, 5, "r.json")
    assert poses.keypoints.dtype == np.float64
    assert poses.scores.tolist() == [1.0, 0.25]
    assert poses.boxes is None
    assert len(poses_of([], IDS, 1, 5, "r.json")) == 0


def test_the_first_record_says_whether_boxes_count(rng: np.random.Generator) -> None:
    first, second, third = some_poses(rng).records()
    for bad in ({}, {"bbox": [1, 2, 3]}, {"bbox": [1, 2, 3, float("nan")]}, {"bbox": None}):
        other = {key: value for key, value in second.items() if key != "bbox"} | bad
        with pytest.raises(PoseError, match=r"r\.json: record 1 has bbox .* while the first record has a bbox"):
            poses_of([first, other, third], IDS, 2, 5, "r.json")
        assert poses_of([other | {"bbox": []}, first], IDS, 2, 5, "r.json").boxes is None


def test_columns_are_checked(rng: np.random.Generator) -> None:
    poses = some_poses(rng)
    check_poses(poses, IDS, 2, 5, "the test")
    with pytest.raises(PoseError, match=r"the test .*: record 1 has image_id 3, which is not in the image set"):
        check_poses(poses, IDS[1:], 2, 5, "the test")
    with pytest.raises(PoseError, match=r"category_id 2 instead of 1; .*; record 2 has"):
        check_poses(poses, IDS, 1, 5, "the test")
    poses.scores[2] = np.nan
    with pytest.raises(PoseError, match="record 2 has score nan"):
        check_poses(poses, IDS, 2, 5, "the test")

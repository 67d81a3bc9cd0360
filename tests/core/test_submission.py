"""Results for test-dev."""

import numpy as np
import pytest

from lib.core.poses import Poses, poses_of
from lib.core.submission import check_submission
from lib.core.truth import truth_of
from lib.utils.errors import PoseError

RECORD = {"image_id": 1, "category_id": 1, "keypoints": [0.5] * 51, "score": 0.5}
TRUTH = truth_of({"images": [{"id": 1}, {"id": 2}], "annotations": [], "categories": []}, 17, "image_info.json")


def submit(*records: dict[str, object]) -> None:
    """What tools/evaluate.py does with a file."""
    check_submission(poses_of(records, TRUTH.image_ids, 1, 17, "r.json"), TRUTH, "r.json")


def test_valid_results_pass() -> None:
    submit(RECORD, {**RECORD, "image_id": 2, "center": [1, 2]})


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"image_id": 3}, "image_id 3, which is not in the image set"),
        ({"image_id": "1"}, "not an integer"),
        ({"category_id": 2}, "category_id 2 instead of 1"),
        ({"keypoints": [0.5] * 50}, "50 keypoint numbers instead of 51"),
        ({"keypoints": [0.5] * 50 + [float("nan")]}, "keypoint number that is not finite"),
        ({"keypoints": [0.5] * 50 + [10**400]}, "keypoint number that is not finite"),
        ({"keypoints": [0.5] * 50 + [True]}, "keypoint number that is not finite"),
        ({"keypoints": [0.5] * 50 + ["x"]}, "keypoint number that is not finite"),
        ({"keypoints": None}, "no list of keypoint numbers"),
        ({"score": None}, "score None"),
    ],
)
def test_faults_are_named_with_their_record(change: dict[str, object], fault: str) -> None:
    with pytest.raises(PoseError, match=r"r\.json .*: record 1 ") as error:
        submit(RECORD, {**RECORD, **change})
    assert fault in str(error.value)
    assert str(error.value).count("record ") == 1


def test_missing_fields_and_missing_records() -> None:
    with pytest.raises(PoseError, match="record 0 lacks category_id, keypoints, score"):
        submit({"image_id": 1})
    with pytest.raises(PoseError, match=r"r\.json holds no record"):
        submit()


def test_faults_of_columns_are_named_alike() -> None:
    poses = Poses(np.array([1, 2, 5]), 1, np.zeros((3, 17, 3)), np.ones(3))
    with pytest.raises(PoseError, match=r"the test .*: record 2 has image_id 5, which is not in the image set"):
        check_submission(poses, TRUTH, "the test")
    other = Poses(np.array([1, 2]), 1, np.zeros((2, 3, 3)), np.ones(2))
    with pytest.raises(PoseError, match="record 0 has 9 keypoint numbers instead of 51"):
        check_submission(other, TRUTH, "the test")

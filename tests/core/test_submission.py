"""Results for test-dev."""

import pytest

from lib.core.submission import check_submission
from lib.utils.errors import PoseError

RECORD = {"image_id": 1, "category_id": 1, "keypoints": [0.5] * 51, "score": 0.5}
IMAGE_INFO = {"images": [{"id": 1}, {"id": 2}]}


def test_valid_results_pass() -> None:
    check_submission([RECORD, {**RECORD, "image_id": 2, "center": [1, 2]}], IMAGE_INFO, "r.json")


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"image_id": 3}, "image_id 3, which is not in the image set"),
        ({"image_id": "1"}, "not an integer"),
        ({"category_id": 2}, "category_id 2 instead of 1"),
        ({"keypoints": [0.5] * 50}, "50 keypoint numbers instead of 51"),
        ({"keypoints": [0.5] * 50 + [float("nan")]}, "keypoint number that is not finite"),
        ({"keypoints": [0.5] * 50 + ["x"]}, "keypoint number that is not finite"),
        ({"keypoints": None}, "no list of keypoint numbers"),
        ({"score": None}, "score None"),
    ],
)
def test_faults_are_named_with_their_record(change: dict[str, object], fault: str) -> None:
    with pytest.raises(PoseError, match=r"r\.json .*: record 1 ") as error:
        check_submission([RECORD, {**RECORD, **change}], IMAGE_INFO, "r.json")
    assert fault in str(error.value)
    assert str(error.value).count("record ") == 1


def test_missing_fields_and_missing_records() -> None:
    with pytest.raises(PoseError, match="record 0 lacks category_id, keypoints, score"):
        check_submission([{"image_id": 1}], IMAGE_INFO, "r.json")
    with pytest.raises(PoseError, match=r"r\.json holds no record"):
        check_submission([], IMAGE_INFO, "r.json")

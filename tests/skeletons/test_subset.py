"""Words that choose keypoints."""

import numpy as np
import pytest

from lib.skeletons import load_skeleton, skeleton_from_dict
from lib.skeletons.subset import keypoint_subset
from lib.utils.errors import PoseError

COCO, WHOLE_BODY = load_skeleton("coco"), load_skeleton("coco_wholebody")


def chosen(skeleton: str, text: str) -> list[str]:
    keypoints = load_skeleton(skeleton)
    mask = keypoint_subset(keypoints, text)
    assert mask.shape == (keypoints.num_keypoints,)
    assert mask.dtype == np.bool_
    return [name for name, own in zip(keypoints.names, mask, strict=True) if own]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("nose", ["nose"]),
        (" Nose , left_WRIST,", ["nose", "left_wrist"]),
        ("*wrist", ["left_wrist", "right_wrist"]),
        ("left_e??,left_ear", ["left_eye", "left_ear"]),
        ("lower", ["left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle"]),
        ("upper,lower", list(COCO.names)),
        ("*", list(COCO.names)),
    ],
)
def test_coco(text: str, names: list[str]) -> None:
    assert chosen("coco", text) == names


@pytest.mark.parametrize(("part", "start", "end"), [("body", 0, 17), ("foot", 17, 23), ("face", 23, 91)])
def test_parts_of_a_whole_body(part: str, start: int, end: int) -> None:
    assert chosen("coco_wholebody", part) == list(WHOLE_BODY.names[start:end])
    assert len(chosen("coco_wholebody", "lefthand,righthand")) == 42
    assert len(chosen("coco_wholebody", f"{part},nose")) == end - start + (part != "body")


def test_a_keypoint_comes_before_a_part_and_brackets_are_no_pattern() -> None:
    skeleton = skeleton_from_dict({"names": ["upper", "lower", "joint[0]"], "upper_body": [1]}, "test")
    assert keypoint_subset(skeleton, "upper").tolist() == [True, False, False]
    assert keypoint_subset(skeleton, "joint[0]").tolist() == [False, False, True]


@pytest.mark.parametrize("text", ["elbow", "nose,tail", "foot", "x*"])
def test_unknown_words_are_one_sentence_with_the_possibilities(text: str) -> None:
    word = text.split(",")[-1].replace("*", r"\*")
    with pytest.raises(PoseError, match=f"^'{word}' is no keypoint of coco; .*upper, lower, nose, .*right_ankle.$"):
        keypoint_subset(COCO, text)


def test_no_word_and_many_names() -> None:
    with pytest.raises(PoseError, match="no keypoint of coco is named; give words of patterns such as"):
        keypoint_subset(COCO, " , ")
    with pytest.raises(PoseError, match=r"body, foot, face, lefthand, righthand, nose, .*\.\.\. \(133 names\)\.$"):
        keypoint_subset(WHOLE_BODY, "tail")
    plain = skeleton_from_dict({"names": ["a"]}, "test")
    with pytest.raises(PoseError, match=r"give words of patterns such as \*left\*, a\.$"):
        keypoint_subset(plain, "upper")

"""Keypoint sets: the built-in one, custom ones, and every fault that a definition can have."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools.cocoeval import Params

from lib.skeletons import load_skeleton, skeleton_from_dict
from lib.utils.errors import PoseError

HAND = {"names": ["wrist", "left_thumb", "right_thumb"], "flip_pairs": [[1, 2]], "limbs": [[0, 1], [0, 2]]}


def test_coco_agrees_with_the_coco_evaluation() -> None:
    skeleton = load_skeleton("coco")
    assert skeleton.num_keypoints == 17
    np.testing.assert_allclose(skeleton.sigmas_array, Params(iouType="keypoints").kpt_oks_sigmas, rtol=1e-12)


def test_coco_flip_is_an_involution_that_swaps_sides() -> None:
    skeleton = load_skeleton("coco")
    order = skeleton.flip_permutation
    assert [order[index] for index in order] == list(range(17))
    swapped = [skeleton.names[index] for index in order]
    sides = {"left": "right", "right": "left"}
    assert swapped == ["_".join(sides.get(part, part) for part in name.split("_")) for name in skeleton.names]


def test_defaults_of_a_short_definition() -> None:
    skeleton = skeleton_from_dict(HAND, "hand.yaml")
    assert (skeleton.name, skeleton.flip_permutation) == ("hand", (0, 2, 1))
    assert (skeleton.sigmas, skeleton.weights, skeleton.upper_body) == ((0.05,) * 3, (1.0,) * 3, ())


def test_a_definition_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "two.yaml"
    path.write_text("names: [top, bottom]\n")
    assert load_skeleton(str(path)).names == ("top", "bottom")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"names": []}, "no keypoint names"),
        ({"names": ["a", "a", "b"]}, "occurs twice"),
        ({"sigmas": [0.1]}, "sigmas has 1 values for 3 keypoints"),
        ({"weights": [1, 1, -1]}, "weights must be positive"),
        ({"flip_pairs": [[1, 3]]}, "flip_pairs must be pairs"),
        ({"flip_pairs": [[1, 2], [2, 0]]}, "no involution"),
        ({"flip_pairs": [[0, 1]]}, "map left_thumb to wrist"),
        ({"flip_pairs": []}, "map left_thumb to left_thumb"),
        ({"limbs": [[0, 0]]}, "limbs must be pairs"),
        ({"upper_body": [3]}, "upper_body must be indices"),
        ({"sigma": [1, 1, 1]}, "unknown fields"),
        ({"sigmas": 0.05, "limbs": 3}, "sigmas and limbs must be lists"),
    ],
)
def test_every_fault_is_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(PoseError, match=message):
        skeleton_from_dict(HAND | change, "hand.yaml")


def test_files_that_are_no_definition(tmp_path: Path) -> None:
    with pytest.raises(PoseError, match="neither a built-in one"):
        load_skeleton("centaur")
    path = tmp_path / "bad.yaml"
    path.write_text("names: [a, b")
    with pytest.raises(PoseError, match="not valid YAML"):
        load_skeleton(str(path))
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(PoseError, match="not valid YAML"):
        load_skeleton(str(path))
    path.write_text("- a")
    with pytest.raises(PoseError, match="not a mapping"):
        load_skeleton(str(path))

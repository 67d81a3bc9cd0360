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


def test_the_built_in_sets_are_as_large_as_published() -> None:
    sizes = {name: load_skeleton(name).num_keypoints for name in ("coco_wholebody", "crowdpose", "hand", "mpii")}
    assert sizes == {"coco_wholebody": 133, "crowdpose": 14, "hand": 21, "mpii": 16}


@pytest.mark.parametrize("name", ["coco", "coco_wholebody", "crowdpose", "hand", "mpii"])
def test_every_built_in_set_swaps_sides_and_joins_all_it_can(name: str) -> None:
    skeleton = load_skeleton(name)
    order = skeleton.flip_permutation
    assert [order[index] for index in order] == list(range(skeleton.num_keypoints))
    sides = {"left": "right", "right": "left"}
    for index, keypoint in enumerate(skeleton.names):
        mirrored = "_".join(sides.get(part, part) for part in keypoint.split("_"))
        if mirrored != keypoint:
            assert skeleton.names[order[index]] == mirrored
    assert {index for limb in skeleton.limbs for index in limb} == set(range(skeleton.num_keypoints))
    assert len({frozenset(limb) for limb in skeleton.limbs}) == len(skeleton.limbs)


def test_wholebody_consists_of_its_parts() -> None:
    """Sigmas and names of body and hands are those of COCO and of a hand; both hands have the same sigmas."""
    whole, body, hand = load_skeleton("coco_wholebody"), load_skeleton("coco"), load_skeleton("hand")
    assert whole.names[:17] == body.names
    assert whole.sigmas[:17] == body.sigmas
    assert whole.sigmas[91:112] == whole.sigmas[112:] == hand.sigmas
    assert [name.removeprefix("left_") for name in whole.names[92:112]] == list(hand.names[1:])
    assert [name.removeprefix("right_") for name in whole.names[113:]] == list(hand.names[1:])


def test_the_face_is_mirrored_as_in_300_w() -> None:
    """The outline backwards, brows and nose backwards, and each part of eyes and lips."""
    whole = load_skeleton("coco_wholebody")
    face = [index - 23 for index in whole.flip_permutation[23:91]]
    assert face[:17] == list(range(16, -1, -1))
    assert face[17:36] == [*range(26, 16, -1), 27, 28, 29, 30, *range(35, 30, -1)]
    assert face[36:48] == [45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40]
    assert face[48:] == [*range(54, 47, -1), *range(59, 54, -1), *range(64, 59, -1), 67, 66, 65]


def test_published_sigmas_and_areas() -> None:
    whole, crowd = load_skeleton("coco_wholebody"), load_skeleton("crowdpose")
    assert sum(whole.sigmas) == pytest.approx(3.861)
    assert whole.sigmas[17:23] == (0.068, 0.066, 0.066, 0.092, 0.094, 0.094)
    assert (whole.sigmas[23], whole.sigmas[70], whole.sigmas[90]) == (0.042, 0.034, 0.008)
    assert crowd.sigmas == (*load_skeleton("coco").sigmas[5:], 0.079, 0.079)
    assert (crowd.box_area, whole.box_area) == (0.53, 0.0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"fields": {"keypoints": 1, "foot_kpts": 1}}, "fields hold 2 keypoints for 3 names"),
        ({"fields": {"foot_kpts": 3}}, "the first of the fields must be keypoints"),
        ({"fields": {"keypoints": "3"}}, "fields must map names to numbers"),
        ({"fields": [["keypoints", 1], ["keypoints", 2]]}, "a field occurs twice"),
        ({"fields": [3]}, "fields must map names to numbers"),
        ({"fields": 3}, "fields must be lists"),
        ({"box_area": -1}, "box_area must be 0 or a positive number"),
        ({"box_area": "half"}, "box_area must be 0 or a positive number"),
        ({"sigmas": [float("nan"), 1, 1]}, "sigmas must be positive numbers"),
        ({"sigmas": [True, 1, 1]}, "sigmas must be positive numbers"),
        (
            {"names": ["nose", "left_eye", "left_ear"], "flip_pairs": [[1, 2]]},
            "map left_eye to left_ear, both on the left",
        ),
    ],
)
def test_faults_of_what_other_sets_need(change: dict[str, Any], message: str) -> None:
    with pytest.raises(PoseError, match=message):
        skeleton_from_dict(HAND | change, "hand.yaml")


@pytest.mark.parametrize("name", ["coco_wholebody", "crowdpose", "hand"])
def test_faults_in_shipped_sets_are_named(name: str) -> None:
    skeleton = load_skeleton(name)
    definition = {field: list(getattr(skeleton, field)) for field in ("names", "sigmas", "flip_pairs", "limbs")}
    assert skeleton_from_dict(definition, name).names == skeleton.names
    with pytest.raises(PoseError, match=f"sigmas has {skeleton.num_keypoints - 1} values for"):
        skeleton_from_dict(definition | {"sigmas": skeleton.sigmas[1:]}, name)
    if skeleton.flip_pairs:
        (left, right), *others = skeleton.flip_pairs
        crossed = [[left, others[0][1]], [others[0][0], right], *others[1:]]
        with pytest.raises(PoseError, match=f"flip_pairs map {skeleton.names[left]} to .* asks for"):
            skeleton_from_dict(definition | {"flip_pairs": crossed}, name)


@pytest.mark.parametrize(
    "names",
    [("l_eye", "r_eye"), ("L_Eye", "R_Eye"), ("eye.l", "eye.r"), ("Left Eye", "Right Eye"), ("leftEye", "rightEye")],
)
def test_sides_are_known_however_they_are_written(names: tuple[str, str]) -> None:
    definition = {"names": ["nose", *names], "flip_pairs": [[1, 2]]}
    assert skeleton_from_dict(definition, "x.yaml").flip_permutation == (0, 2, 1)
    for pairs in ([], [[0, 1]]):
        with pytest.raises(PoseError, match=rf"map {names[0]} to \w+.* where its name asks for {names[1]}"):
            skeleton_from_dict(definition | {"flip_pairs": pairs}, "x.yaml")


def test_other_letters_are_no_sides() -> None:
    skeleton_from_dict({"names": ["rib", "lip", "face-1", "r1", "nostril"]}, "x.yaml")

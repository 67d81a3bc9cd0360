"""Annotations that keep keypoints in several fields, or have no area: index, cache, truth and check."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.keypoint_sets import annotations_of, joined
from helpers.tiny_coco import written

from lib.core.truth import read_truth
from lib.dataset import coco
from lib.dataset.check import check_annotations
from lib.dataset.coco import as_arrays, read_annotations
from lib.skeletons import Skeleton, load_skeleton
from lib.utils.annotation_form import COCO_FORM, AnnotationForm
from lib.utils.errors import PoseError

WHOLEBODY, CROWDPOSE = load_skeleton("coco_wholebody"), load_skeleton("crowdpose")
SETS = [WHOLEBODY, CROWDPOSE, load_skeleton("hand")]
Record = dict[str, Any]


def read(path: Path, skeleton: Skeleton) -> coco.Annotations:
    return read_annotations(path, skeleton.num_keypoints, skeleton.form)


@pytest.mark.parametrize("skeleton", SETS, ids=lambda skeleton: skeleton.name)
def test_index_and_truth_say_what_the_file_says(tmp_path: Path, rng: np.random.Generator, skeleton: Skeleton) -> None:
    content = annotations_of(rng, skeleton)
    file = written(tmp_path, "gt.json", content)
    people = content["annotations"]
    expected = np.array([joined(person, skeleton) for person in people]).reshape(len(people), -1, 3)
    areas = [person.get("area", person["bbox"][2] * person["bbox"][3] * skeleton.box_area) for person in people]
    annotations, truth = read(file, skeleton), read_truth(file, skeleton.num_keypoints, skeleton.form)
    np.testing.assert_array_equal(annotations.keypoints, expected.astype(np.float32))
    np.testing.assert_array_equal(truth.keypoints, expected)
    np.testing.assert_array_equal(truth.num_labelled, (expected[..., 2] > 0).sum(axis=1))
    for found in (annotations.area, truth.areas):
        np.testing.assert_array_equal(found, areas)
    assert check_annotations(str(file), skeleton).faults == []


def test_files_with_one_field_and_mixed_files(tmp_path: Path, rng: np.random.Generator) -> None:
    content = annotations_of(rng, WHOLEBODY)
    expected = as_arrays(read(written(tmp_path, "split.json", content), WHOLEBODY))
    for person in content["annotations"][::2]:
        person["keypoints"] = joined(person, WHOLEBODY)
        person["num_keypoints"] = sum(flag > 0 for flag in person["keypoints"][2::3])
    mixed = written(tmp_path, "mixed.json", content)
    found = as_arrays(read(mixed, WHOLEBODY))
    for name in expected.keys() - {"num_keypoints"}:
        np.testing.assert_array_equal(found[name], expected[name], err_msg=name)
    assert (expected["num_keypoints"] == -1).all()
    assert (found["num_keypoints"][::2] >= 0).all()
    assert check_annotations(str(mixed), WHOLEBODY).faults == []


def test_crowds_need_no_keypoints(tmp_path: Path, rng: np.random.Generator) -> None:
    content = annotations_of(rng, WHOLEBODY)
    content["annotations"][2] = {
        name: value for name, value in content["annotations"][2].items() if not name.endswith(("kpts", "keypoints"))
    } | {"iscrowd": 1}
    file = written(tmp_path, "gt.json", content)
    assert not read(file, WHOLEBODY).keypoints[2].any()
    truth = read_truth(file, 133, WHOLEBODY.form)
    assert (truth.keypoints[2].any(), truth.num_labelled[2], truth.is_crowd[2]) == (False, 0, True)


@pytest.mark.parametrize("skeleton", SETS, ids=lambda skeleton: skeleton.name)
def test_the_cached_index_is_the_same(
    tmp_path: Path, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch, skeleton: Skeleton
) -> None:
    monkeypatch.setenv("PLUMBPOSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("lib.dataset.index_cache.SETTLED_SECONDS", 0)
    file = written(tmp_path, "gt.json", annotations_of(rng, skeleton))
    plain = as_arrays(read(file, skeleton))
    monkeypatch.setattr(coco, "LARGE_FILE_BYTES", 0)
    child = as_arrays(read(file, skeleton))
    monkeypatch.setattr(coco, "arrays_from_child", None)  # must not be needed again
    again = as_arrays(read(file, skeleton))
    for name, array in plain.items():
        np.testing.assert_array_equal(child[name], array, err_msg=name)
        np.testing.assert_array_equal(again[name], array, err_msg=name)


def test_another_form_is_another_index(
    tmp_path: Path, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLUMBPOSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("lib.dataset.index_cache.SETTLED_SECONDS", 0)
    monkeypatch.setattr(coco, "LARGE_FILE_BYTES", 0)
    content = annotations_of(rng, CROWDPOSE)
    for person in content["annotations"]:
        person["area"] = 5000.0
    file = written(tmp_path, "gt.json", content)
    stated = read_annotations(file, 14)
    from_boxes = read_annotations(file, 14, AnnotationForm(box_area=0.53))
    assert (stated.area == 5000).all()
    assert not (from_boxes.area == 5000).any()


FAULTS: dict[str, tuple[Callable[[Record], Any], str]] = {
    "a field is absent": (lambda person: person.pop("foot_kpts"), "has no list in foot_kpts where 6 keypoints need 18"),
    "a field is short": (
        lambda person: person.update(lefthand_kpts=[1.0] * 60),
        "has 60 numbers in lefthand_kpts where 21 keypoints need 63",
    ),
    "the body is absent": (lambda person: person.pop("keypoints"), "has no list in keypoints where 17 keypoints"),
    "the body is of another set": (lambda person: person.update(keypoints=[1.0] * 42), "has 42 numbers in keypoints"),
    "not a number": (lambda person: person["face_kpts"].__setitem__(7, "x"), "a keypoint value that is not a finite"),
    "no area": (lambda person: person.pop("area"), "area"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_one_sentence(tmp_path: Path, rng: np.random.Generator, fault: str) -> None:
    spoil, message = FAULTS[fault]
    content = annotations_of(rng, WHOLEBODY)
    spoil(content["annotations"][3])
    file = written(tmp_path, "gt.json", content)
    for function in (read_annotations, read_truth):
        with pytest.raises(PoseError, match=message) as error:
            function(file, 133, WHOLEBODY.form)
        assert "annotation 4" in str(error.value)
        assert "gt.json" in str(error.value)
        assert "\n" not in str(error.value)
    checked = check_annotations(str(file), WHOLEBODY)
    assert [message in checked.faults[0].detail for _ in checked.faults] == [True]
    assert checked.annotations is not None
    assert len(checked.annotations.id) == len(content["annotations"]) - 1


def test_the_category_may_name_the_first_field_alone(tmp_path: Path, rng: np.random.Generator) -> None:
    content = annotations_of(rng, WHOLEBODY)
    content["categories"][0]["keypoints"] = list(WHOLEBODY.names[:17])
    assert check_annotations(str(written(tmp_path, "gt.json", content)), WHOLEBODY).faults == []
    content["categories"][0]["keypoints"] = list(CROWDPOSE.names)
    kinds = [fault.kind for fault in check_annotations(str(written(tmp_path, "gt.json", content)), WHOLEBODY).faults]
    assert kinds == ["keypoint names"]


def test_forms_as_text() -> None:
    for form in (COCO_FORM, *(skeleton.form for skeleton in SETS)):
        assert AnnotationForm.from_text(form.to_text()) == form

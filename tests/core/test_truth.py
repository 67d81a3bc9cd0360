"""Annotation files as the statistics need them."""

from pathlib import Path

import numpy as np
import pytest
from helpers.tiny_coco import tiny_annotations, written

from lib.core.truth import read_truth, truth_of
from lib.utils.errors import PoseError


def test_the_arrays_say_what_the_file_says(tmp_path: Path, rng: np.random.Generator) -> None:
    annotations = tiny_annotations(rng)
    annotations["annotations"][3]["iscrowd"] = 1
    truth = read_truth(written(tmp_path, "gt.json", annotations), 17)
    dataset = truth.dataset()
    assert dataset["annotations"] == annotations["annotations"]
    assert [image["id"] for image in dataset["images"]] == [image["id"] for image in annotations["images"]]
    assert dataset["categories"] == annotations["categories"]
    assert truth.is_public
    assert truth.source.endswith("gt.json")


def test_other_categories_and_absent_fields(rng: np.random.Generator) -> None:
    annotations = tiny_annotations(rng)
    people = annotations["annotations"]
    labelled = [person["num_keypoints"] for person in people]
    for person in people:
        del person["iscrowd"], person["num_keypoints"]
        person["segmentation"] = [[0.0] * 100]
    people[2]["num_keypoints"] = None
    people.append({"id": 99, "image_id": 100, "category_id": 7})
    annotations["categories"].append({"id": 7, "name": "dog"})
    truth = truth_of(annotations, 17, "gt.json")
    assert truth.num_labelled.tolist() == labelled
    assert not truth.is_crowd.any()
    assert 99 not in truth.ids


def test_test_sets_have_no_public_truth() -> None:
    truth = truth_of({"images": [{"id": 4}], "annotations": [], "categories": []}, 17, "image_info.json")
    assert not truth.is_public
    assert truth.category == 1
    assert truth.keypoints.shape == (0, 17, 3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"id": "a"}, "annotation 1 .* of gt.json has id 'a', which is not an integer"),
        ({"image_id": 1.5}, "annotation 1 .* of gt.json has image_id 1.5"),
        ({"id": 2**63}, "annotation 1 .* of gt.json has id 9223372036854775808"),
        ({"keypoints": [1.0] * 50 + ["x"]}, "annotation 2 of gt.json has a keypoint value that is not a finite number"),
        ({"keypoints": [1.0] * 50 + [float("nan")]}, "not a finite number"),
        ({"area": None}, "annotation 2 of gt.json lacks a numeric area"),
        ({"bbox": [1, 2, 3]}, "annotation 2 of gt.json lacks a numeric area or bbox"),
    ],
)
def test_faults_are_named(rng: np.random.Generator, change: dict[str, object], message: str) -> None:
    annotations = tiny_annotations(rng)
    annotations["annotations"][1] |= change
    with pytest.raises(PoseError, match=message):
        truth_of(annotations, 17, "gt.json")


def test_image_ids_are_integers(rng: np.random.Generator) -> None:
    annotations = tiny_annotations(rng)
    annotations["images"][2]["id"] = "one"
    with pytest.raises(PoseError, match=r"image 2 .* of gt\.json has id 'one'"):
        truth_of(annotations, 17, "gt.json")


def test_annotations_are_counted_as_they_stand_in_the_file(rng: np.random.Generator) -> None:
    annotations = tiny_annotations(rng)
    annotations["annotations"].insert(0, {"id": None, "image_id": 100, "category_id": 7})
    annotations["annotations"][3]["id"] = None
    with pytest.raises(PoseError, match=r"annotation 3 \(counted from 0\) of gt\.json has id None"):
        truth_of(annotations, 17, "gt.json")


@pytest.mark.parametrize("number", ["x", None, 7.5, 2**70])
def test_the_category_is_an_integer(rng: np.random.Generator, number: object) -> None:
    annotations = tiny_annotations(rng)
    annotations["categories"] = [{"id": number, "name": "worker"}]
    with pytest.raises(PoseError, match=r"the keypoint category of gt\.json has id .*, which is not an integer"):
        truth_of(annotations, 17, "gt.json")

"""COCO-WholeBody's statistics against a scalar re-derivation, from files with one field or with five."""

from typing import Any

import numpy as np
import pytest
from helpers.keypoint_sets import annotations_of, joined, results_of, split
from reference.coco_statistics import wholebody_statistics as scalar_statistics

from lib.core.poses import poses_of
from lib.core.truth import truth_of
from lib.core.wholebody import part_names, wholebody_statistics
from lib.skeletons import load_skeleton

WHOLEBODY = load_skeleton("coco_wholebody")
PARTS = ["body", "foot", "face", "lefthand", "righthand"]
Record = dict[str, Any]


def statistics(content: Record, results: list[Record]) -> dict[str, float]:
    truth = truth_of(content, 133, "gt.json", WHOLEBODY.form)
    poses = poses_of(results, truth.image_ids, truth.category, 133, "r.json")
    return wholebody_statistics(poses, truth, WHOLEBODY.sigmas, WHOLEBODY.fields)


def test_the_parts_are_named() -> None:
    assert part_names(WHOLEBODY.fields) == PARTS


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize("noise", [1.0, 2.5])
def test_equals_the_scalar_version(rng: np.random.Generator, noise: float) -> None:
    content = annotations_of(rng, WHOLEBODY, images=5)
    content["annotations"][4]["iscrowd"] = 1
    results = results_of(rng, content, WHOLEBODY, noise)
    for record in results[::4]:  # no positive score in the face
        record["keypoints"][23 * 3 + 2 : 91 * 3 : 3] = [0.0] * 68
    found = statistics(content, results)
    separate = [split(dict(record), WHOLEBODY) for record in results]
    expected = scalar_statistics(content, separate, WHOLEBODY.sigmas, WHOLEBODY.fields)
    names = {"keypoints": "body ", "all": ""} | {f"{part}_kpts": f"{part} " for part in PARTS[1:]}
    compared = 0
    for key, value in expected.items():
        field, kind = key.split(" ", 1)
        name = f"{names[field]}{kind}"
        if name in found:
            assert found[name] == pytest.approx(value, abs=1e-9), name
            compared += 1
    assert compared == 16
    assert len(found) == 20
    assert 0 < found["AP"] < 1


def test_perfect_poses(rng: np.random.Generator) -> None:
    content = annotations_of(rng, WHOLEBODY, images=3)
    results = results_of(rng, content, WHOLEBODY, 0.0, per_person=1)
    for record, person in zip(results, content["annotations"], strict=True):
        record["keypoints"][2::3] = joined(person, WHOLEBODY)[2::3]  # parts that are not there are not predicted
    content["annotations"][0]["area"] = 1e5
    np.testing.assert_allclose(list(statistics(content, results).values()), 1.0)


def test_one_field_gives_the_same_as_five(rng: np.random.Generator) -> None:
    content = annotations_of(rng, WHOLEBODY, images=3)
    results = results_of(rng, content, WHOLEBODY, 2.0)
    expected = statistics(content, results)
    for person in content["annotations"]:
        person["keypoints"] = joined(person, WHOLEBODY)
        person["num_keypoints"] = sum(flag > 0 for flag in person["keypoints"][2::3])
    assert statistics(content, results) == expected


def test_a_part_that_nobody_has(rng: np.random.Generator) -> None:
    content = annotations_of(rng, WHOLEBODY, images=2)
    for person in content["annotations"]:
        person["foot_kpts"] = [0.0] * 18
    found = statistics(content, results_of(rng, content, WHOLEBODY, 2.0))
    assert (found["foot AP"], found["foot AR"]) == (-1, -1)
    assert found["face AP"] > 0

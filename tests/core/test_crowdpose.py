"""CrowdPose's statistics against a scalar re-derivation, and what they need of an annotation file."""

from typing import Any

import numpy as np
import pytest
from helpers.keypoint_sets import annotations_of, results_of
from reference.coco_statistics import crowd_statistics as scalar_statistics

from lib.core.crowdpose import STATISTICS, crowd_statistics
from lib.core.poses import poses_of
from lib.core.truth import truth_of
from lib.skeletons import load_skeleton
from lib.utils.errors import PoseError

CROWDPOSE = load_skeleton("crowdpose")
Record = dict[str, Any]


def statistics(content: Record, results: list[Record]) -> dict[str, float]:
    truth = truth_of(content, 14, "gt.json", CROWDPOSE.form)
    poses = poses_of(results, truth.image_ids, truth.category, 14, "r.json")
    return crowd_statistics(poses, truth, CROWDPOSE.sigmas)


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize("noise", [2.0, 5.0, 9.0])
def test_equals_the_scalar_version(rng: np.random.Generator, noise: float) -> None:
    content = annotations_of(rng, CROWDPOSE)
    content["annotations"][5]["iscrowd"] = 1
    results = results_of(rng, content, CROWDPOSE, noise)
    found = statistics(content, results)
    assert tuple(found) == STATISTICS
    expected = scalar_statistics(content, results, CROWDPOSE.sigmas)
    np.testing.assert_allclose(list(found.values()), expected, rtol=0, atol=1e-9)
    assert 0 < found["AP"] < 1


def test_more_than_twenty_poses_and_equal_scores(rng: np.random.Generator) -> None:
    content = annotations_of(rng, CROWDPOSE, images=4, people=6)
    results = results_of(rng, content, CROWDPOSE, 4.0, per_person=5)
    for index, record in enumerate(results):
        record["score"] = index % 7 / 7
    expected = scalar_statistics(content, results, CROWDPOSE.sigmas)
    np.testing.assert_allclose(list(statistics(content, results).values()), expected, rtol=0, atol=1e-9)


def test_perfect_poses(rng: np.random.Generator) -> None:
    content = annotations_of(rng, CROWDPOSE)
    results = results_of(rng, content, CROWDPOSE, 0.0, per_person=1)
    results[1]["score"] = 0.0  # person 2 has no labelled keypoint
    np.testing.assert_allclose(list(statistics(content, results).values()), 1.0)


def test_kinds_of_images_are_told_by_the_published_limits(rng: np.random.Generator) -> None:
    """Three images below 0.2, three below 0.8, two from there on; only people on the hard ones are found."""
    content = annotations_of(rng, CROWDPOSE)
    hard = {image["id"] for image in content["images"] if image["crowdIndex"] >= 0.8}
    assert len(hard) == 2
    results = [r for r in results_of(rng, content, CROWDPOSE, 0.0, per_person=1) if r["image_id"] in hard]
    found = statistics(content, results)
    assert (found["AP (easy)"], found["AP (medium)"], found["AP (hard)"]) == (0, 0, 1)
    for image in content["images"]:
        image["crowdIndex"] = 0.5
    found = statistics(content, results)
    assert (found["AP (easy)"], found["AP (hard)"]) == (-1, -1)
    assert found["AP (medium)"] == round(found["AP"], 4)


def test_stated_areas_are_not_used(rng: np.random.Generator) -> None:
    content = annotations_of(rng, CROWDPOSE)
    results = results_of(rng, content, CROWDPOSE, 5.0)
    expected = statistics(content, results)
    for person in content["annotations"]:
        person["area"] = 1.0
    assert statistics(content, results) == expected


def test_images_without_a_crowd_index_are_an_error(rng: np.random.Generator) -> None:
    content = annotations_of(rng, CROWDPOSE)
    results = results_of(rng, content, CROWDPOSE, 5.0)
    del content["images"][3]["crowdIndex"]
    with pytest.raises(PoseError, match=r"1 images of gt\.json have no crowdIndex, the first is 103"):
        statistics(content, results)

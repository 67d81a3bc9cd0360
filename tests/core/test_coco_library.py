"""hotcoco and pycocotools give the same ten values, and hotcoco is left aside where it would not."""

import contextlib
import copy
import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from helpers.tiny_coco import tiny_annotations
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from lib.core.coco_library import library_for, ten_statistics
from lib.core.poses import Poses, poses_of
from lib.core.truth import truth_of

Case = tuple[dict[str, Any], list[dict[str, Any]]]


def straight_from_pycocotools(annotations: dict[str, Any], records: list[dict], sigmas: np.ndarray) -> np.ndarray:
    """The statistics without any code of ours."""
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = copy.deepcopy(annotations)
        truth.createIndex()
        evaluation = COCOeval(truth, truth.loadRes(copy.deepcopy(records)), "keypoints")
        evaluation.params.kpt_oks_sigmas = sigmas
        evaluation.params.catIds = [annotations["categories"][0]["id"]]
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation.stats


def random_case(seed: int, num_keypoints: int = 17) -> tuple[dict[str, Any], list[dict[str, Any]], np.ndarray]:
    """People, and results of every quality on them, beside them and on images without people."""
    rng = np.random.default_rng(seed)
    annotations = tiny_annotations(rng, images=8, people=4, num_keypoints=num_keypoints)
    annotations["images"] += [{"id": 500}, {"id": 501}]
    noise, records = rng.choice([2.0, 5.0, 9.0]), []
    for person in annotations["annotations"] * 2:
        points = np.reshape(person["keypoints"], (-1, 3)).astype(float)
        points[:, :2] += rng.normal(0, noise, (num_keypoints, 2))
        records.append(_record(person["image_id"], points, rng.uniform()))
    for image in annotations["images"] * 2:
        records.append(_record(image["id"], rng.uniform(0, 200, (num_keypoints, 3)), rng.uniform()))
    rng.shuffle(records)  # type: ignore[arg-type]
    return annotations, records, rng.uniform(0.03, 0.12, num_keypoints)


def _record(image_id: int, points: np.ndarray, score: float) -> dict[str, Any]:
    return {"image_id": image_id, "category_id": 1, "keypoints": points.ravel().tolist(), "score": score}


def equal_scores(case: Case) -> None:
    for index, record in enumerate(case[1]):
        record["score"] = (index % 3) / 2


def crowds(case: Case) -> None:
    for person in case[0]["annotations"][::3]:
        person["iscrowd"] = 1


def nobody_labelled_in_some(case: Case) -> None:
    for index, person in enumerate(case[0]["annotations"]):
        person["num_keypoints"] *= index % 3 > 0
        person["keypoints"] = [value * (index % 6 > 0) for value in person["keypoints"]]


def in_category(case: Case, number: int) -> None:
    case[0]["categories"] = [{"id": number, "name": "worker"}]
    for row in [*case[0]["annotations"], *case[1]]:
        row["category_id"] = number


def other_category(case: Case) -> None:
    in_category(case, 7)


def no_medium_people(case: Case) -> None:
    for person in case[0]["annotations"]:
        person["area"] = 2e4


def only_small_people(case: Case) -> None:
    for person in case[0]["annotations"]:
        person["area"] = 100.0


def sizes_on_the_limits(case: Case) -> None:
    for index, person in enumerate(case[0]["annotations"]):
        person["area"] = (32.0**2, 96.0**2, 0.0, 1e10)[index % 4]


def nobody_annotated(case: Case) -> None:
    case[0]["annotations"] = []


def people_of_unlisted_images(case: Case) -> None:
    del case[0]["images"][0]
    case[1][:] = [record for record in case[1] if record["image_id"] != 100]


def images_without_results(case: Case) -> None:
    case[1][:] = [record for record in case[1] if record["image_id"] % 3]


def more_than_twenty_per_image(case: Case) -> None:
    case[1].extend([{**record, "score": index % 7 / 7} for index, record in enumerate(case[1] * 4)])


def boxes(case: Case) -> None:
    for index, record in enumerate(case[1]):
        record["bbox"] = [1.0, 2.0, 3.0 * (index % 50), 40.0]


def one_result(case: Case) -> None:
    del case[1][1:]


def shift_images(case: Case, step: int) -> None:
    for image in case[0]["images"]:
        image["id"] += step
    for row in [*case[0]["annotations"], *case[1]]:
        row["image_id"] += step


def image_zero(case: Case) -> None:
    shift_images(case, -100)


def large_ids(case: Case) -> None:
    shift_images(case, 2**62)
    for person in case[0]["annotations"]:
        person["id"] += 2**62


def repeated_images(case: Case) -> None:
    case[0]["images"] += case[0]["images"][:3]


def areas_beyond_all_limits(case: Case) -> None:
    for index, person in enumerate(case[0]["annotations"]):
        person["area"] = (2e10, 1e300, 5000.0)[index % 3]


def odd_visibilities(case: Case) -> None:
    for index, person in enumerate(case[0]["annotations"]):
        for place in range(2, len(person["keypoints"]), 3):
            person["keypoints"][place] = (-1, 0, 0.5, 1, 2, 3)[(index + place) % 6]


def labelled_by_number_alone(case: Case) -> None:
    for person in case[0]["annotations"][::2]:
        person["keypoints"][2::3] = [0] * (len(person["keypoints"]) // 3)
        person["num_keypoints"] = 5


def equal_poses(case: Case) -> None:
    for row in [*case[0]["annotations"], *case[1]]:
        row["keypoints"] = case[0]["annotations"][0]["keypoints"]


PLAIN = [
    equal_scores,
    crowds,
    nobody_labelled_in_some,
    other_category,
    no_medium_people,
    only_small_people,
    sizes_on_the_limits,
    nobody_annotated,
    people_of_unlisted_images,
    images_without_results,
    more_than_twenty_per_image,
    boxes,
    one_result,
    image_zero,
    large_ids,
    repeated_images,
    areas_beyond_all_limits,
    odd_visibilities,
    labelled_by_number_alone,
    equal_poses,
]


def annotation_zero(case: Case) -> None:
    for index, person in enumerate(case[0]["annotations"]):
        person["id"] = index


def repeated_ids(case: Case) -> None:
    for index, person in enumerate(case[0]["annotations"]):
        person["id"] = 1 + index // 2


def negative_ids(case: Case) -> None:
    for person in case[0]["annotations"]:
        person["id"] *= -1


def negative_images(case: Case) -> None:
    shift_images(case, -1000)


def people_of_negative_images(case: Case) -> None:
    for person in case[0]["annotations"][::4]:
        person["image_id"] = -5


def negative_category(case: Case) -> None:
    in_category(case, -3)


def negative_counts(case: Case) -> None:
    for index, person in enumerate(case[0]["annotations"]):
        person["num_keypoints"] = (-1, 5, 0)[index % 3]


ODD = [
    annotation_zero,
    repeated_ids,
    negative_ids,
    negative_images,
    people_of_negative_images,
    negative_category,
    negative_counts,
]


def compare(case: Case, sigmas: np.ndarray) -> np.ndarray:
    """Ours against pycocotools alone."""
    annotations, records = case
    truth = truth_of(annotations, len(sigmas), "gt.json")
    poses = poses_of(records, truth.image_ids, truth.category, len(sigmas), "r.json")
    ours = ten_statistics(poses, truth, sigmas)
    np.testing.assert_allclose(ours, straight_from_pycocotools(annotations, records, sigmas), rtol=0, atol=1e-9)
    return ours


@pytest.mark.parametrize("change", PLAIN, ids=lambda change: change.__name__)
def test_equal_in_every_case(library: str, change: Callable[[Case], None]) -> None:
    for seed in range(2):
        annotations, records, sigmas = random_case(seed)
        change((annotations, records))
        assert library_for(truth_of(annotations, 17, "gt.json")) == library
        compare((annotations, records), sigmas)


@pytest.mark.parametrize("num_keypoints", [1, 3, 17, 133])
def test_equal_for_every_keypoint_set(library: str, num_keypoints: int) -> None:
    *case, sigmas = random_case(3, num_keypoints)
    values = compare((case[0], case[1]), sigmas)
    assert library_for(truth_of(case[0], num_keypoints, "gt.json")) == library
    assert 0.02 < values[0] < 0.98


@pytest.mark.parametrize("change", ODD, ids=lambda change: change.__name__)
def test_pycocotools_where_hotcoco_would_differ(change: Callable[[Case], None]) -> None:
    annotations, records, sigmas = random_case(1)
    change((annotations, records))
    assert library_for(truth_of(annotations, 17, "gt.json")) == "pycocotools"
    compare((annotations, records), sigmas)


def test_size_ranges_without_people_are_minus_one(library: str) -> None:
    annotations, records, sigmas = random_case(2)
    no_medium_people((annotations, records))
    assert library_for(truth_of(annotations, 17, "gt.json")) == library
    values = compare((annotations, records), sigmas)
    assert values[[3, 8]].tolist() == [-1.0, -1.0]
    assert values[4] > 0


def test_nothing_is_printed_and_nothing_changes(library: str, capfd: pytest.CaptureFixture[str]) -> None:
    annotations, records, sigmas = random_case(4)
    truth = truth_of(annotations, 17, "gt.json")
    assert library_for(truth) == library
    poses = poses_of(records, truth.image_ids, 1, 17, "r.json")
    before = Poses(poses.image_ids.copy(), 1, poses.keypoints.copy(), poses.scores.copy())
    ten_statistics(poses, truth, sigmas)
    assert capfd.readouterr() == ("", "")
    for name, column in before.columns().items():
        np.testing.assert_array_equal(poses.columns()[name], column)

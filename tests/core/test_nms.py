"""Suppression against its scalar form, ties, and the published kept counts."""

from pathlib import Path

import numpy as np
import pytest
from reference import oks_nms as reference

from lib.core.nms import SOFT_NMS_LIMIT, oks_nms, soft_oks_nms
from lib.core.results import select_results
from lib.skeletons import load_skeleton

COCO_SIGMAS = load_skeleton("coco").sigmas_array


def crowd(rng: np.random.Generator, people: int, images: int, num_keypoints: int) -> dict[str, np.ndarray]:
    """People around a few places of each image, so that many poses are alike."""
    places = rng.uniform(50, 250, (people, 1, 1)).round(-2)
    return {
        "keypoints": np.concatenate(
            [places + rng.normal(0, 6, (people, num_keypoints, 2)), rng.uniform(0, 1, (people, num_keypoints, 1))], -1
        ),
        "areas": rng.uniform(2e3, 2e4, people),
        "scores": rng.uniform(0, 1, people),
        "image_ids": rng.integers(0, images, people) * 1000,
    }


@pytest.mark.parametrize("num_keypoints", [1, 3, 17])
@pytest.mark.parametrize("threshold", [0.3, 0.7])
def test_equals_scalar_reference(rng: np.random.Generator, num_keypoints: int, threshold: float) -> None:
    sigmas = rng.uniform(0.02, 0.12, num_keypoints)
    data = crowd(rng, 150, 9, num_keypoints)
    arguments = (data["keypoints"], data["areas"], data["scores"], data["image_ids"])
    plain = tuple(value.tolist() for value in (*arguments, sigmas))
    hard = oks_nms(*arguments, sigmas, threshold)
    assert 9 < len(hard) < 150
    assert hard.tolist() == reference.hard(*plain, threshold)
    soft = soft_oks_nms(*arguments, sigmas, threshold, limit=7)
    assert soft.tolist() == reference.soft(*plain, threshold, limit=7)


@pytest.mark.parametrize("threshold", [0.1, 0.9, 0.99])
def test_crowded_and_empty_neighbours_equal_the_reference(rng: np.random.Generator, threshold: float) -> None:
    data = crowd(rng, 120, 40, 17)
    data["image_ids"][:70] = 1000
    data["keypoints"][1:40, :, :2] = data["keypoints"][0, :, :2] + rng.normal(0, 0.5, (39, 17, 2))
    arguments = (data["keypoints"], data["areas"], data["scores"], data["image_ids"], COCO_SIGMAS)
    plain = tuple(value.tolist() for value in arguments)
    assert oks_nms(*arguments, threshold).tolist() == reference.hard(*plain, threshold)


@pytest.mark.parametrize("num_keypoints", [5, 10, 20])
@pytest.mark.parametrize("threshold", [1e-9, 0.1, 0.8, 0.9, 1.0])
def test_poses_without_area_equal_the_reference(rng: np.random.Generator, num_keypoints: int, threshold: float) -> None:
    data = crowd(rng, 60, 2, num_keypoints)
    data["areas"] = rng.choice([0.0, 1e-18, 1e-8, 900.0], 60)
    apart = rng.choice([0.0, 1e-9, 1.0], (60, 1, 1))
    data["keypoints"][..., :2] = rng.normal(0, 1, (60, num_keypoints, 2)) * apart
    arguments = (data["keypoints"], data["areas"], data["scores"], data["image_ids"], np.full(num_keypoints, 0.08))
    plain = tuple(value.tolist() for value in arguments)
    assert oks_nms(*arguments, threshold).tolist() == reference.hard(*plain, threshold)


def test_equal_scores_take_the_later_record_first() -> None:
    keypoints = np.zeros((4, 3, 3))
    keypoints[3] += 500.0
    arguments = (keypoints, np.full(4, 1e4), np.full(4, 0.5), np.full(4, 7), np.full(3, 0.1))
    assert oks_nms(*arguments, 0.9).tolist() == [3, 2]
    assert soft_oks_nms(*arguments, 0.9).tolist() == [3, 2, 1, 0]


def test_soft_nms_keeps_at_most_twenty_and_bears_a_tiny_threshold() -> None:
    people = SOFT_NMS_LIMIT + 5
    keypoints, ids = np.zeros((people, 3, 3)), np.zeros(people, dtype=int)
    scores = np.linspace(1, 0.5, people)
    kept = soft_oks_nms(keypoints, np.full(people, 1e4), scores, ids, np.full(3, 0.1), 1e-3)
    assert len(kept) == SOFT_NMS_LIMIT
    assert len(set(kept.tolist())) == SOFT_NMS_LIMIT


def test_every_image_keeps_its_best_record(rng: np.random.Generator) -> None:
    data = crowd(rng, 60, 20, 5)
    kept = oks_nms(**data, sigmas=np.full(5, 5.0), threshold=1e-6)
    assert set(data["image_ids"][kept]) == set(data["image_ids"])


def test_no_records() -> None:
    empty = (np.empty((0, 17, 3)), np.empty(0), np.empty(0), np.empty(0, dtype=int), COCO_SIGMAS, 0.9)
    assert oks_nms(*empty).tolist() == []
    assert soft_oks_nms(*empty).tolist() == []


def test_inputs_are_not_modified(rng: np.random.Generator) -> None:
    data = crowd(rng, 40, 3, 4)
    before = {key: value.copy() for key, value in data.items()}
    oks_nms(**data, sigmas=np.full(4, 0.1), threshold=0.5)
    soft_oks_nms(**data, sigmas=np.full(4, 0.1), threshold=0.5)
    assert all(np.array_equal(data[key], before[key]) for key in data)


@pytest.mark.parametrize("soft", [False, True])
def test_published_kept_counts(golden: Path, soft: bool) -> None:
    values = np.load(golden / "eval" / "nms.npz")
    selection = select_results(values["preds"], values["boxes"], values["image_id"], COCO_SIGMAS, soft_nms=soft)
    assert selection.num_kept == values["kept_soft" if soft else "kept_hard"]

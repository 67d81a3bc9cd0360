"""Rescoring, selection and result records."""

import numpy as np
import pytest
from helpers.tiny_coco import noisy_predictions, tiny_annotations
from reference import oks_nms as reference

from lib.core.results import chosen_poses, rescore, select_results
from lib.utils.errors import PoseError

SIGMAS = np.full(17, 0.08)


def test_rescore_equals_scalar_reference(rng: np.random.Generator) -> None:
    joints, boxes = rng.uniform(0, 0.6, (50, 17)), rng.uniform(0, 1, 50)
    joints[3] = 0.1
    ours = rescore(joints, boxes, 0.2)
    expected = [reference.rescored(row, box, 0.2) for row, box in zip(joints.tolist(), boxes.tolist(), strict=True)]
    np.testing.assert_allclose(ours, expected, rtol=1e-12)
    assert ours[3] == 0


def test_selection_and_records(rng: np.random.Generator) -> None:
    preds, boxes, ids = noisy_predictions(rng, tiny_annotations(rng), 1.0)
    before = preds.copy()
    selection = select_results(preds, boxes, ids, SIGMAS)
    assert selection.num_records == len(preds)
    assert 0 < selection.num_kept < len(preds)
    np.testing.assert_array_equal(selection.scores, rescore(preds[..., 2], boxes[:, 5])[selection.indices])
    records = chosen_poses(preds, boxes, ids, selection).records()
    row = selection.indices[0]
    assert sorted(records[0]) == ["category_id", "center", "image_id", "keypoints", "scale", "score"]
    assert records[0]["image_id"] == ids[row]
    np.testing.assert_array_equal(np.reshape(records[0]["keypoints"], (17, 3)), preds[row])
    np.testing.assert_array_equal(records[0]["center"] + records[0]["scale"], boxes[row, :4])
    np.testing.assert_array_equal(preds, before)


def test_rsn_keeps_every_pose_and_counts_every_keypoint(rng: np.random.Generator) -> None:
    """Its thresholds, 1.0 and -1.0: equal poses stay, and the score is the mean of all keypoints, below 0 too."""
    preds, boxes, ids = noisy_predictions(rng, tiny_annotations(rng), 1.0)
    preds[..., 2] = rng.uniform(-0.2, 1, preds.shape[:2])
    preds, boxes, ids = (np.concatenate([values, values]) for values in (preds, boxes, ids))
    selection = select_results(preds, boxes, ids, SIGMAS, in_vis_thre=-1.0, oks_thre=1.0)
    assert sorted(selection.indices) == list(range(len(preds)))
    expected = preds[..., 2].mean(axis=1) * boxes[:, 5]
    np.testing.assert_allclose(selection.scores, expected[selection.indices], rtol=1e-6)


def test_no_predictions_give_no_records() -> None:
    empty = (np.empty((0, 17, 3)), np.empty((0, 6)), np.empty(0))
    selection = select_results(*empty, SIGMAS)
    assert selection.num_kept == 0
    assert chosen_poses(*empty, selection).records() == []
    assert select_results([], [], [], SIGMAS).num_kept == 0


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_not_finite_name_the_record(rng: np.random.Generator, value: float) -> None:
    preds, boxes, ids = noisy_predictions(rng, tiny_annotations(rng), 1.0)
    faulty = preds.copy()
    faulty[5, 2, 0] = value
    with pytest.raises(PoseError, match=rf"record 5 \(image {ids[5]}\)"):
        select_results(faulty, boxes, ids, SIGMAS)
    faulty_boxes = boxes.copy()
    faulty_boxes[2, 5] = value
    with pytest.raises(PoseError, match=rf"record 2 \(image {ids[2]}\).*box"):
        select_results(preds, faulty_boxes, ids, SIGMAS)


def test_shapes_that_do_not_fit(rng: np.random.Generator) -> None:
    preds, boxes, ids = noisy_predictions(rng, tiny_annotations(rng), 1.0)
    with pytest.raises(PoseError, match="16 sigmas"):
        select_results(preds, boxes, ids, SIGMAS[:16])
    with pytest.raises(PoseError, match="boxes of shape"):
        select_results(preds, boxes[:-1], ids, SIGMAS)
    with pytest.raises(PoseError, match=r"TEST\.OKS_THRE"):
        select_results(preds, boxes, ids, SIGMAS, oks_thre=0.0)

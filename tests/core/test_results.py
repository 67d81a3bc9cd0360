"""Rescoring, selection and result records."""

import json
from pathlib import Path

import numpy as np
import pytest
from helpers.tiny_coco import noisy_predictions, tiny_annotations
from reference import oks_nms as reference

from lib.core.results import coco_results, rescore, select_results, write_results
from lib.core.submission import submission_faults, validate_submission
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
    records = coco_results(preds, boxes, ids, selection)
    row = selection.indices[0]
    assert sorted(records[0]) == ["category_id", "center", "image_id", "keypoints", "scale", "score"]
    assert records[0]["image_id"] == ids[row]
    np.testing.assert_array_equal(np.reshape(records[0]["keypoints"], (17, 3)), preds[row])
    np.testing.assert_array_equal(records[0]["center"] + records[0]["scale"], boxes[row, :4])
    np.testing.assert_array_equal(preds, before)


def test_result_file_holds_the_records(tmp_path: Path, rng: np.random.Generator) -> None:
    preds, boxes, ids = noisy_predictions(rng, tiny_annotations(rng), 1.0)
    records = coco_results(preds, boxes, ids, select_results(preds, boxes, ids, SIGMAS))
    write_results(tmp_path / "results" / "r.json", records)
    assert json.loads((tmp_path / "results" / "r.json").read_text()) == records


def test_no_predictions_give_no_records() -> None:
    empty = (np.empty((0, 17, 3)), np.empty((0, 6)), np.empty(0))
    selection = select_results(*empty, SIGMAS)
    assert selection.num_kept == 0
    assert coco_results(*empty, selection) == []
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


class TestSubmission:
    """The result file for test-dev."""

    RECORD = {"image_id": 1, "category_id": 1, "keypoints": [0.5] * 51, "score": 0.5}  # noqa: RUF012

    def _faults(self, folder: Path, records: object) -> list[str]:
        (folder / "info.json").write_text(json.dumps({"images": [{"id": 1}, {"id": 2}]}))
        (folder / "r.json").write_text(json.dumps(records))
        return submission_faults(folder / "r.json", folder / "info.json")

    def test_valid(self, tmp_path: Path) -> None:
        assert self._faults(tmp_path, [self.RECORD, {**self.RECORD, "image_id": 2, "center": [1, 2]}]) == []
        validate_submission(tmp_path / "r.json", tmp_path / "info.json")

    @pytest.mark.parametrize(
        ("change", "fault"),
        [
            ({"image_id": 3}, "image_id 3, which is not in the image set"),
            ({"image_id": "1"}, "not an integer"),
            ({"category_id": 2}, "category_id 2 instead of 1"),
            ({"keypoints": [0.5] * 50}, "50 keypoint numbers instead of 51"),
            ({"keypoints": [0.5] * 50 + [float("nan")]}, "keypoint number that is not finite"),
            ({"keypoints": [0.5] * 50 + ["x"]}, "keypoint number that is not finite"),
            ({"keypoints": None}, "no list of keypoint numbers"),
            ({"score": None}, "score None"),
        ],
    )
    def test_faults_are_named(self, tmp_path: Path, change: dict[str, object], fault: str) -> None:
        faults = self._faults(tmp_path, [self.RECORD, {**self.RECORD, **change}])
        assert len(faults) == 1
        assert faults[0].startswith("record 1 ")
        assert fault in faults[0]
        with pytest.raises(PoseError, match=r"r\.json"):
            validate_submission(tmp_path / "r.json", tmp_path / "info.json")

    def test_missing_field_and_empty_file(self, tmp_path: Path) -> None:
        assert self._faults(tmp_path, [{"image_id": 1}]) == ["record 0 lacks category_id, keypoints, score"]
        assert self._faults(tmp_path, []) == ["there is no record in it"]
        with pytest.raises(PoseError, match="list of mappings"):
            self._faults(tmp_path, {"no": "list"})

"""The ten statistics: published values, pycocotools used directly, other keypoint sets, bad input."""

import contextlib
import copy
import io
from pathlib import Path

import numpy as np
import pytest
from helpers.tiny_coco import noisy_predictions, tiny_annotations, written
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from lib.core.evaluate import STATISTICS, coco_statistics, evaluate_coco, format_statistics
from lib.core.results import chosen_poses, select_results
from lib.skeletons import load_skeleton
from lib.utils.errors import PoseError

COCO_SIGMAS = load_skeleton("coco").sigmas_array


def straight_from_pycocotools(gt_file: Path, results: list[dict], sigmas: np.ndarray) -> np.ndarray:
    """The statistics without any code of ours."""
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(gt_file))
        evaluation = COCOeval(truth, truth.loadRes(copy.deepcopy(results)), "keypoints")
        evaluation.params.kpt_oks_sigmas = sigmas
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation.stats


@pytest.mark.parametrize("system", ["hrnet", "udp"])
@pytest.mark.parametrize(("boxes", "soft"), [("gt", False), ("det", False), ("det", True)])
def test_published_statistics(shared: Path, system: str, boxes: str, soft: bool) -> None:
    values = np.load(shared / "golden" / "eval" / f"{system}.npz")
    stats = evaluate_coco(
        values[f"{boxes}_preds"],
        values[f"{boxes}_boxes"],
        values[f"{boxes}_image_id"],
        shared / "coco-mini" / "annotations" / "person_keypoints_val2017.json",
        soft_nms=soft,
    )
    assert tuple(stats) == STATISTICS
    expected = values[f"{boxes}_stats_{'soft' if soft else 'hard'}"]
    np.testing.assert_allclose(list(stats.values()), expected, atol=1e-6)


@pytest.mark.parametrize("num_keypoints", [3, 17, 133])
def test_equals_pycocotools(
    tmp_path: Path, rng: np.random.Generator, capsys: pytest.CaptureFixture[str], num_keypoints: int
) -> None:
    annotations = tiny_annotations(rng, num_keypoints=num_keypoints)
    gt_file = written(tmp_path, "gt.json", annotations)
    preds, boxes, ids = noisy_predictions(rng, annotations, 6.0)
    sigmas = rng.uniform(0.03, 0.1, num_keypoints)
    stats = evaluate_coco(preds, boxes, ids, gt_file, sigmas=sigmas)
    results = chosen_poses(preds, boxes, ids, select_results(preds, boxes, ids, sigmas)).records()
    expected = straight_from_pycocotools(gt_file, results, sigmas)
    assert 0.05 < stats["AP"] < 0.95
    np.testing.assert_array_equal(list(stats.values()), expected)
    before = copy.deepcopy(results)
    assert coco_statistics(results, gt_file, sigmas) == stats
    assert results == before
    assert capsys.readouterr().out == ""


def test_perfect_predictions(tmp_path: Path, rng: np.random.Generator) -> None:
    annotations = tiny_annotations(rng)
    preds, boxes, ids = noisy_predictions(rng, annotations, 0.0)
    boxes[1, 5] = boxes[len(boxes) // 2 + 1, 5] = 0.0  # the person without labelled keypoints comes last
    stats = evaluate_coco(preds, boxes, ids, written(tmp_path, "gt.json", annotations))
    np.testing.assert_allclose(list(stats.values()), 1.0)


def test_fields_that_custom_data_leave_out(tmp_path: Path, rng: np.random.Generator) -> None:
    annotations = tiny_annotations(rng)
    predictions = noisy_predictions(rng, annotations, 5.0)
    expected = evaluate_coco(*predictions, written(tmp_path, "gt.json", annotations))
    for annotation in annotations["annotations"]:
        del annotation["iscrowd"], annotation["num_keypoints"]
        annotation["category_id"] = 4
    annotations["categories"] = [{"id": 4, "name": "worker"}]
    annotations["annotations"].append({"id": 999, "image_id": 100, "category_id": 5, "bbox": [0, 0, 9, 9]})
    assert evaluate_coco(*predictions, written(tmp_path, "gt.json", annotations)) == expected


def test_no_predictions(tmp_path: Path, rng: np.random.Generator) -> None:
    gt_file = written(tmp_path, "gt.json", tiny_annotations(rng))
    stats = evaluate_coco(np.empty((0, 17, 3)), np.empty((0, 6)), np.empty(0), gt_file)
    assert stats == dict.fromkeys(STATISTICS, 0.0)


def test_size_without_people_is_not_available(tmp_path: Path, rng: np.random.Generator) -> None:
    annotations = tiny_annotations(rng)
    for annotation in annotations["annotations"]:
        annotation["area"] = 20000.0
    stats = evaluate_coco(*noisy_predictions(rng, annotations, 1.0), written(tmp_path, "gt.json", annotations))
    assert stats["AP (M)"] == -1
    assert "| n/a |" in format_statistics(stats, "net")


def test_table() -> None:
    stats = {name: index / 10 for index, name in enumerate(STATISTICS)}
    lines = format_statistics(stats, "pose_hrnet").splitlines()
    assert lines[0] == "| Arch | AP | Ap .5 | AP .75 | AP (M) | AP (L) | AR | AR .5 | AR .75 | AR (M) | AR (L) |"
    assert lines[1] == "|" + "---|" * 11
    assert lines[2].startswith("| pose_hrnet | 0.000 | 0.100 |")


class TestBadInput:
    """One sentence that names the file, the record and the way out."""

    @pytest.fixture
    def case(self, tmp_path: Path, rng: np.random.Generator) -> tuple[dict, tuple, Path]:
        annotations = tiny_annotations(rng)
        return annotations, noisy_predictions(rng, annotations, 3.0), tmp_path

    def test_annotation_file(self, case: tuple[dict, tuple, Path]) -> None:
        _, predictions, folder = case
        with pytest.raises(PoseError, match=r"absent\.json does not exist"):
            evaluate_coco(*predictions, folder / "absent.json")
        (folder / "cut.json").write_text('{"images": [')
        with pytest.raises(PoseError, match=r"cut\.json is not valid JSON"):
            evaluate_coco(*predictions, folder / "cut.json")
        for content in ([], {"images": 3}, {"images": [{"id": 1}], "annotations": [{"id": 3}]}):
            with pytest.raises(PoseError, match=r"other\.json is not in COCO format"):
                evaluate_coco(*predictions, written(folder, "other.json", content))

    def test_no_annotations(self, case: tuple[dict, tuple, Path]) -> None:
        annotations, predictions, folder = case
        info = written(folder, "image_info.json", {"images": annotations["images"]})
        with pytest.raises(PoseError, match="no annotations"):
            evaluate_coco(*predictions, info)

    def test_wrong_keypoint_length(self, case: tuple[dict, tuple, Path]) -> None:
        annotations, (preds, boxes, ids), folder = case
        gt_file = written(folder, "gt.json", annotations)
        with pytest.raises(PoseError, match=r"annotation 1 of .* has 51 keypoint numbers instead of 9"):
            evaluate_coco(preds[:, :3], boxes, ids, gt_file, sigmas=np.full(3, 0.05))

    def test_area_missing(self, case: tuple[dict, tuple, Path]) -> None:
        annotations, predictions, folder = case
        del annotations["annotations"][2]["area"]
        with pytest.raises(PoseError, match=r"annotation 3 of .* lacks a numeric area"):
            evaluate_coco(*predictions, written(folder, "gt.json", annotations))

    def test_unknown_image(self, case: tuple[dict, tuple, Path]) -> None:
        annotations, (preds, boxes, ids), folder = case
        with pytest.raises(PoseError, match="image_id 77, which is not in the image set"):
            evaluate_coco(preds, boxes, np.full_like(ids, 77), written(folder, "gt.json", annotations))

    def test_ambiguous_category(self, case: tuple[dict, tuple, Path]) -> None:
        annotations, predictions, folder = case
        annotations["categories"] = [{"id": 2, "name": "cat"}, {"id": 3, "name": "dog"}]
        with pytest.raises(PoseError, match="name the keypoint category"):
            evaluate_coco(*predictions, written(folder, "gt.json", annotations))

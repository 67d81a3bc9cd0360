from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from helpers.tiny_coco import tiny_annotations, written
from reference import coco_records

from lib.dataset.coco import Annotations, read_annotations, read_detections
from lib.dataset.records import Records, annotated_records, clip_boxes, detected_records, well_filled
from lib.utils.geometry import PlainCrop, UdpCrop

CROP = PlainCrop((192, 256), (48, 64))


def _annotations(folder: Path, rng: np.random.Generator) -> tuple[dict, Annotations]:
    """People in every way that leads to their being kept or left out, in mixed order."""
    content = tiny_annotations(rng, images=8, people=5)
    people = content["annotations"]
    people[3]["iscrowd"] = 1
    people[7]["area"] = 0
    people[9]["bbox"] = [400, 20, 30, 30]
    people[11]["bbox"] = [-20, -30, 100, 90]
    people[12]["bbox"] = [300, 200, 100, 90]
    people[13]["bbox"] = [50, 50, 0.5, 60]
    people[14]["keypoints"] = [0] * 51
    people[15].update(iscrowd=1, area=0)
    people[16]["bbox"] = [50, 50, 0.5, 0.7]
    rng.shuffle(people)
    return content, read_annotations(written(folder, "anno.json", content), 17)


def test_annotated_people_equal_the_published_loop(tmp_path: Path, rng: np.random.Generator) -> None:
    content, annotations = _annotations(tmp_path, rng)
    records, num_dropped = annotated_records(annotations, CROP.box_to_center_scale)
    expected = [record for record in coco_records.records(content, (192, 256)) if max(record["scale"]) > 0]
    np.testing.assert_array_equal(records.annotation_id, [record["id"] for record in expected])
    np.testing.assert_allclose(records.center, [record["center"] for record in expected], rtol=1e-6)
    np.testing.assert_allclose(records.scale, [record["scale"] for record in expected], rtol=1e-6)
    assert (records.score == 1).all()
    assert num_dropped == {
        "crowd": 2,
        "no area": 1,
        "box outside the image": 1,
        "no keypoints": 2,
        "box without extent": 1,
    }
    assert len(records) + sum(num_dropped.values()) == len(content["annotations"])


def test_keypoints_belong_to_their_annotation(tmp_path: Path, rng: np.random.Generator) -> None:
    content, annotations = _annotations(tmp_path, rng)
    records, _ = annotated_records(annotations, CROP.box_to_center_scale)
    by_id = {entry["id"]: entry for entry in content["annotations"]}
    for index, annotation_id in enumerate(records.annotation_id):
        entry = by_id[int(annotation_id)]
        values = np.reshape(entry["keypoints"], (17, 3))
        np.testing.assert_array_equal(records.keypoints[index], values[:, :2].astype(np.float32))
        np.testing.assert_array_equal(records.visible[index], values[:, 2])
        np.testing.assert_array_equal(records.box[index], np.float32(entry["bbox"]))
        assert records.image_id[index] == entry["image_id"]
        assert records.area[index] == entry["area"]


def test_records_are_compact_arrays(tmp_path: Path, rng: np.random.Generator) -> None:
    records, _ = annotated_records(_annotations(tmp_path, rng)[1], CROP.box_to_center_scale)
    types = {field.name: getattr(records, field.name).dtype for field in fields(Records)}
    assert types["center"] == types["scale"] == types["keypoints"] == types["visible"] == types["box"] == np.float32
    assert types["image_id"] == types["annotation_id"] == types["image_index"] == np.int64
    assert types["score"] == types["area"] == np.float64


def test_clipping_is_the_published_one() -> None:
    boxes = np.array([[10.0, 20, 30, 40], [-5, -5, 20, 20], [310, 230, 50, 50], [330, 10, 5, 5]])
    size_wh = np.array([[320, 240]] * 4)
    clipped, inside = clip_boxes(boxes, size_wh)
    np.testing.assert_array_equal(clipped[:3], [[10, 20, 29, 39], [0, 0, 19, 19], [310, 230, 9, 9]])
    np.testing.assert_array_equal(inside, [True, True, True, False])
    np.testing.assert_array_equal(boxes[1], [-5, -5, 20, 20])


def test_detections_keep_their_order_and_boxes(tmp_path: Path, rng: np.random.Generator) -> None:
    annotations = read_annotations(written(tmp_path, "anno.json", tiny_annotations(rng)), 17)
    entries = [
        {"image_id": 103, "category_id": 1, "bbox": [-9.5, 3, 500, 20], "score": 0.3},
        {"image_id": 100, "category_id": 1, "bbox": [5, 3, 5, 20], "score": 0.1},
        {"image_id": 101, "category_id": 2, "bbox": [5, 3, 5, 20], "score": 0.9},
        {"image_id": 100, "category_id": 1, "bbox": [5, 3, 5, 20], "score": 0.2},
        {"image_id": 100, "category_id": 1, "bbox": [5, 3, 0, 0], "score": 0.9},
    ]
    detections = read_detections(written(tmp_path, "det.json", entries), annotations)
    records, num_dropped = detected_records(detections, 17, 0.2, CROP.box_to_center_scale)
    np.testing.assert_array_equal(records.image_id, [103, 100])
    np.testing.assert_array_equal(records.score, [0.3, 0.2])
    np.testing.assert_array_equal(records.area, [10000, 100])
    assert num_dropped == {"another category": 1, "score below 0.2": 1, "box without extent": 1}
    for row, entry in ((0, entries[0]), (1, entries[3])):
        center, scale = coco_records.box_to_center_scale(tuple(entry["bbox"]), (192, 256))
        np.testing.assert_allclose(records.center[row], center, rtol=1e-6)
        np.testing.assert_allclose(records.scale[row], scale, rtol=1e-6)
        np.testing.assert_array_equal(records.box[row], np.float32(entry["bbox"]))
    assert records.keypoints.shape == (2, 17, 2)
    assert not records.visible.any()


def test_selection_equals_the_published_loop(tmp_path: Path, rng: np.random.Generator) -> None:
    content = tiny_annotations(rng, images=40, people=5)
    for entry in content["annotations"]:
        entry["bbox"][0] += rng.normal(0, 30)
    annotations = read_annotations(written(tmp_path, "anno.json", content), 17)
    records, _ = annotated_records(annotations, CROP.box_to_center_scale)
    records = replace(records, visible=records.visible * (rng.uniform(size=records.visible.shape) < 0.5))
    expected = [
        coco_records.is_well_filled(*(getattr(records, name)[index].tolist() for name in FIELDS))
        for index in range(len(records))
    ]
    assert 0.1 < np.mean(expected) < 0.9
    np.testing.assert_array_equal(well_filled(records), expected)
    assert len(records.take(well_filled(records))) == sum(expected)


FIELDS = ("keypoints", "visible", "center", "scale")


@pytest.mark.parametrize(("system", "crop"), [("hrnet", PlainCrop), ("udp", UdpCrop)])
def test_records_of_real_data_equal_the_published_ones(shared: Path, system: str, crop: type) -> None:
    convert = crop((192, 256), (48, 64)).box_to_center_scale
    root = shared / "coco-mini"
    golden = np.load(shared / "golden" / "eval" / f"{system}.npz")
    parts = {}
    for part, prefix in (("val2017", "gt_"), ("train2017", "train_")):
        parts[part] = read_annotations(root / "annotations" / f"person_keypoints_{part}.json", 17)
        _assert_equal(annotated_records(parts[part], convert)[0], golden, prefix)
    detections = read_detections(root / "person_detection_results" / "val2017_detections_person.json", parts["val2017"])
    _assert_equal(detected_records(detections, 17, 0.0, convert)[0], golden, "det_")


def _assert_equal(records: Records, golden: dict[str, np.ndarray], prefix: str) -> None:
    for name in ("center", "scale", "image_id", "score"):
        if prefix + name in golden:
            np.testing.assert_array_equal(getattr(records, name), golden[prefix + name])

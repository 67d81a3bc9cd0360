"""Boxes from COCO-format files, against a reading record by record."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lib.detectors.box_file import BoxFile
from lib.detectors.picture_index import picture_number
from lib.utils.errors import PoseError

Record = dict[str, Any]
BOX = [10.0, 20.0, 30.0, 40.0]


def _written(folder: Path, name: str, content: Any) -> Path:
    (folder / name).write_text(json.dumps(content))
    return folder / name


def _result(image_id: Any = 1, score: Any = 0.5, **more: Any) -> Record:
    return {"image_id": image_id, "category_id": 1, "bbox": BOX, "score": score} | more


def _annotated(images: list[Record], annotations: list[Record], **more: Any) -> Record:
    return {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "person"}]} | more


def _slow(records: list[Record], image_id: int, threshold: float, annotated: bool) -> tuple[list[Any], list[float]]:
    """Boxes and scores of an image, the best first, with a look at every record."""
    found = []
    for record in records:
        score = 1.0 if annotated else record["score"]
        if record["image_id"] == image_id and record["category_id"] == 1 and score >= threshold:
            if annotated and record["iscrowd"]:
                continue
            found.append((record["bbox"], score))
    found.sort(key=lambda pair: -pair[1])
    return [box for box, _ in found], [score for _, score in found]


def _check(file: BoxFile, names: dict[str, int], records: list[Record], threshold: float, annotated: bool) -> None:
    total = 0
    for name, image_id in names.items():
        boxes, scores = _slow(records, image_id, threshold, annotated)
        found = file.boxes_of(name)
        assert file.image_id_of(name) == image_id
        np.testing.assert_array_equal(found.xywh, np.array(boxes).reshape(-1, 4))
        np.testing.assert_array_equal(found.scores, scores)
        total += len(found)
    assert len(file) == total > 0


def test_annotations_of_coco(shared: Path) -> None:
    path = shared / "coco-mini" / "annotations" / "person_keypoints_val2017.json"
    content = json.loads(path.read_text())
    names = {image["file_name"]: image["id"] for image in content["images"]}
    _check(BoxFile(path), names, content["annotations"], 0.0, annotated=True)
    crowds = sum(annotation["iscrowd"] for annotation in content["annotations"])
    assert BoxFile(path).left_out.crowds == crowds


@pytest.mark.parametrize("threshold", [0.0, 0.7])
def test_detections_of_coco(shared: Path, threshold: float) -> None:
    folder = shared / "coco-mini"
    path = folder / "person_detection_results" / "val2017_detections_person.json"
    images_file = folder / "annotations" / "person_keypoints_val2017.json"
    images = json.loads(images_file.read_text())["images"]
    names = {image["file_name"]: image["id"] for image in images}
    records = json.loads(path.read_text())
    for file in (BoxFile(path, score_threshold=threshold), BoxFile(path, images_file, score_threshold=threshold)):
        _check(file, names, records, threshold, annotated=False)
        assert file.left_out.low_scores == sum(record["score"] < threshold for record in records)


@pytest.mark.parametrize("annotated", [False, True])
def test_made_files(tmp_path: Path, rng: np.random.Generator, annotated: bool) -> None:
    names = {f"set {index % 3}/{index:06d}.png": index for index in rng.permutation(50).tolist()}
    records = [
        {
            "image_id": int(rng.integers(0, 50)),
            "category_id": int(rng.integers(1, 4)),
            "bbox": [*rng.uniform(-10, 100, 2).tolist(), *rng.integers(1, 100, 2).tolist()],
            "score": float(rng.choice([0.1, 0.25, 0.5, 0.75, 1])),
            "iscrowd": int(rng.random() < 0.2),
        }
        for _ in range(1000)
    ]
    images = [{"id": image_id, "file_name": name} for name, image_id in names.items()]
    content = _annotated(images, records) if annotated else records
    file = BoxFile(_written(tmp_path, "boxes.json", content), score_threshold=0.25)
    _check(file, names, records, 0.25, annotated)
    assert file.left_out.other_categories == sum(record["category_id"] != 1 for record in records)


def test_in_words(tmp_path: Path) -> None:
    records = [_result(), _result(2), _result(2, 0.1), _result(category_id=18)]
    file = BoxFile(_written(tmp_path, "boxes.json", records), score_threshold=0.3)
    assert str(file) == (
        "boxes.json, 2 boxes of people on 2 pictures, left out: 1 of other categories, 1 below the score threshold"
    )
    assert str(BoxFile(_written(tmp_path, "boxes.json", [_result()]))) == "boxes.json, 1 boxes of people on 1 pictures"


@pytest.mark.parametrize(
    ("name", "image_id"),
    [
        ("a/1.jpg", 1),
        ("./a//1.jpg", 1),
        ("a\\1.jpg", 1),
        ("set/a/1.jpg", 1),
        ("b/1.jpg", 2),
        ("1.jpg", None),
        ("c/1.jpg", None),
        ("2.jpg", 3),
        ("c/2.jpg", 3),
        ("deep/er/3.jpg", 4),
        ("../x/3.jpg", 4),
        ("9.jpg", None),
    ],
)
def test_pictures_by_name(tmp_path: Path, name: str, image_id: int | None) -> None:
    names = ["a/1.jpg", "b/1.jpg", "a/2.jpg", "3.jpg"]
    images = [{"id": index + 1, "file_name": name} for index, name in enumerate(names)]
    annotations = [{"image_id": index + 1, "category_id": 1, "bbox": [index, 0, 5, 5]} for index in range(4)]
    file = BoxFile(_written(tmp_path, "boxes.json", _annotated(images, annotations)))
    assert file.image_id_of(name) == image_id
    boxes = file.boxes_of(name)
    assert boxes.xywh[:, 0].tolist() == ([] if image_id is None else [image_id - 1])


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("000000397133.jpg", 397133),
        ("val2017/COCO_val2014_000000397133.jpg", 397133),
        ("2024/frame7.mp4.png", 4),
        ("000.jpg", 0),
        ("people.jpg", None),
        ("12345678901234567890123.jpg", None),
        ("٣.jpg", None),
    ],
)
def test_numbers_of_pictures(name: str, number: int | None) -> None:
    assert picture_number(name) == number


def test_frames_by_name_and_index(tmp_path: Path) -> None:
    frames = [(7, "b.mp4", 0), (5, "b.mp4", 2), (9, "clips/a.mp4", 0), (3, "b.mp4", 1), (4, "a.png", None)]
    images = [{"id": image_id, "file_name": name, "frame_index": frame} for image_id, name, frame in frames]
    records = [_result(image_id, bbox=[image_id, 0, 5, 5]) for image_id, _, _ in frames if image_id != 3]
    images_file = _written(tmp_path, "images.json", {"images": images})
    file = BoxFile(_written(tmp_path, "boxes.json", records), images_file)
    assert [file.image_id_of("in/b.mp4", index) for index in range(-1, 4)] == [None, 7, 3, 5, None]
    assert [len(file.boxes_of("b.mp4", index)) for index in range(4)] == [1, 0, 1, 0]
    assert file.boxes_of("a.mp4", 0).xywh[0, 0] == 9
    assert file.image_id_of("b.mp4") is None
    assert file.image_id_of("a.png") == 4
    assert file.image_id_of("a.png", 0) is None
    assert file.without_boxes(["a.png"], ["b.mp4", "clips/a.mp4", "new.mp4"]) == ["new.mp4"]


def test_frames_of_one_video_by_number(tmp_path: Path) -> None:
    file = BoxFile(_written(tmp_path, "boxes.json", [_result(0), _result(2), _result(2)]))
    assert [len(file.boxes_of("clip3.mp4", index)) for index in range(4)] == [1, 0, 2, 0]
    assert file.image_id_of("clip3.mp4", 1) == 1
    assert file.without_boxes([], ["clip3.mp4"]) == []
    for pictures, videos in (([], ["a.mp4", "b.mp4"]), (["2.jpg"], ["a.mp4"])):
        with pytest.raises(PoseError, match=r"boxes\.json has image_ids alone.* file_name and frame_index"):
            file.without_boxes(pictures, videos)


def test_our_own_results_with_poses_and_text(tmp_path: Path) -> None:
    images = _written(tmp_path, "images.json", {"images": [{"id": 0, "file_name": "x.jpg"}]})
    records = [_result(0, keypoints=[1.0] * 51, track_id=3)]
    assert len(BoxFile(_written(tmp_path, "poses.json", records), images).boxes_of("x.jpg")) == 1


def test_which_category_is_person(tmp_path: Path) -> None:
    categories = [{"id": 1, "name": "bicycle"}, {"id": 0, "name": "person"}]
    annotations = [{"image_id": 1, "category_id": 1, "bbox": BOX}, {"image_id": 1, "category_id": 0, "bbox": BOX}]
    content = _annotated([{"id": 1, "file_name": "a.jpg"}], annotations, categories=categories)
    file = BoxFile(_written(tmp_path, "boxes.json", content))
    assert len(file) == file.left_out.other_categories == 1


@pytest.mark.parametrize("content", [[], {"images": [{"id": 1, "file_name": "7.jpg"}]}])
def test_nobody_anywhere(tmp_path: Path, content: Any) -> None:
    file = BoxFile(_written(tmp_path, "boxes.json", content))
    assert len(file) == len(file.boxes_of("7.jpg")) == 0
    assert file.without_boxes(["7.jpg", "8.jpg"]) == ["7.jpg", "8.jpg"]


def test_images_without_names_are_found_by_number(tmp_path: Path) -> None:
    content = _annotated([{"id": 12}], [{"image_id": 12, "bbox": BOX}])
    assert len(BoxFile(_written(tmp_path, "boxes.json", content)).boxes_of("000012.jpg")) == 1


def test_the_whole_input_is_compared(tmp_path: Path) -> None:
    file = BoxFile(_written(tmp_path, "boxes.json", [_result(1), _result(2)]))
    assert file.without_boxes(["a1.jpg", "3.jpg", "people.jpg"]) == ["3.jpg", "people.jpg"]
    assert file.without_boxes([]) == []
    with pytest.raises(PoseError, match=r"^a1\.jpg and b/1\.jpg would both get the boxes of one picture of .*boxes"):
        file.without_boxes(["a1.jpg", "2.jpg", "b/1.jpg"])
    with pytest.raises(PoseError, match=r"boxes\.json has no boxes for the input \(3\.jpg and all else\)"):
        file.without_boxes(["3.jpg", "4.jpg"])


@pytest.mark.parametrize("named", [False, True])
def test_a_name_that_comes_twice(tmp_path: Path, named: bool) -> None:
    content = _annotated([{"id": 1, "file_name": "1.jpg"}], [_result(1)]) if named else [_result(1)]
    file = BoxFile(_written(tmp_path, "boxes.json", content))
    with pytest.raises(PoseError, match=r"^1\.jpg and 1\.jpg would both get"):
        file.without_boxes(["1.jpg", "1.jpg"])


def test_a_fault_of_the_images_names_their_file(tmp_path: Path) -> None:
    images = _written(tmp_path, "names.json", {"images": [{"id": 1, "file_name": 7}]})
    with pytest.raises(PoseError, match=r"names\.json has file_name 7"):
        BoxFile(_written(tmp_path, "boxes.json", [_result(1)]), images)


def test_pictures_that_the_file_knows_may_all_be_empty(tmp_path: Path) -> None:
    images = [{"id": index, "file_name": f"{index}.jpg"} for index in (1, 2)]
    file = BoxFile(_written(tmp_path, "boxes.json", _annotated(images, [{"image_id": 1, "bbox": BOX}])))
    assert file.without_boxes(["2.jpg"]) == ["2.jpg"]
    with pytest.raises(PoseError, match="has no boxes for the input"):
        file.without_boxes(["3.jpg"])


@pytest.mark.parametrize(
    ("record", "fault"),
    [
        (3, "record 1 (counted from 0) of"),
        (_result(bbox=[1, 2, 3]), "bbox [1, 2, 3] instead of 4 finite numbers"),
        (_result(bbox=[1, 2, 3, "4"]), "bbox [1, 2, 3, '4'] instead of"),
        (_result(bbox=[1, 2, 3, True]), "bbox [1, 2, 3, True] instead of"),
        (_result(bbox=[1, 2, 3, float("nan")]), "bbox [1, 2, 3, nan] instead of"),
        (_result(bbox=[1, 2, 3, 10**400]), "instead of 4 finite numbers"),
        (_result(bbox=None), "bbox None instead of"),
        (_result(bbox={"x": 1, "y": 2, "w": 3, "h": 4}), "instead of 4 finite numbers"),
        (_result(bbox=[1, 2, 0, 4]), "the box [1.0, 2.0, 0.0, 4.0] without extent"),
        (_result(bbox=[1, 2, 3, -4]), "the box [1.0, 2.0, 3.0, -4.0] without extent"),
        (_result(score="0.9"), "score '0.9', which is not a finite number"),
        (_result(score=float("inf")), "score inf, which"),
        (_result(score=None), "score None, which"),
        (_result("7"), "image_id '7', which is not an integer"),
        (_result(1.0), "image_id 1.0, which is not an integer"),
        (_result(2**70), "which is not an integer of 64 bits"),
        ({"category_id": 1, "bbox": BOX, "score": 1}, "image_id None, which is not an integer"),
    ],
)
def test_faulty_results(tmp_path: Path, record: Any, fault: str) -> None:
    path = _written(tmp_path, "boxes.json", [_result(), record, _result()])
    with pytest.raises(PoseError) as error:
        BoxFile(path)
    text = str(error.value)
    assert text.startswith(f"record 1 (counted from 0) of {path}")
    assert fault in text
    assert text.endswith(".")
    assert text.count(". ") == 0


def test_what_is_left_out_may_be_faulty(tmp_path: Path) -> None:
    records = [_result(), _result(category_id=2, bbox=None), _result(score=0.1, bbox=[0, 0, 0, 0])]
    assert len(BoxFile(_written(tmp_path, "boxes.json", records), score_threshold=0.2)) == 1
    crowd = {"image_id": 1, "iscrowd": 1}
    content = _annotated([{"id": 1, "file_name": "a.jpg"}], [crowd, {"image_id": 1, "bbox": BOX}])
    assert len(BoxFile(_written(tmp_path, "boxes.json", content))) == 1


@pytest.mark.parametrize(
    ("images", "fault"),
    [
        ([{"id": "1", "file_name": "a"}], "has id '1', which is not an integer"),
        ([{"id": 1, "file_name": "a"}, {"id": 2}], "image 1 (counted from 0) of"),
        ([{"id": 1, "file_name": 7}], "has file_name 7"),
        ([{"id": 1, "file_name": "a"}, {"id": 1, "file_name": "b"}], "has the id 1 of an earlier image"),
        ([{"id": 1, "file_name": "a"}, {"id": 2, "file_name": "./a"}], "has the name a of an earlier image"),
        (
            [{"id": index, "file_name": "a", "frame_index": 3} for index in range(2)],
            "frame 3, has the name a of an earlier image",
        ),
        ([{"id": 1, "file_name": "a", "frame_index": -1}], "has frame_index -1; count"),
        ([{"id": 1, "file_name": "a", "frame_index": 0.5}], "has frame_index 0.5, which is not an integer"),
    ],
)
def test_faulty_images(tmp_path: Path, images: list[Record], fault: str) -> None:
    path = _written(tmp_path, "boxes.json", _annotated(images, [{"image_id": 1, "bbox": BOX}]))
    with pytest.raises(PoseError) as error:
        BoxFile(path)
    assert fault in str(error.value)
    assert str(path) in str(error.value)


def test_files_in_other_formats(tmp_path: Path) -> None:
    images = _written(tmp_path, "images.json", {"images": [{"id": 1}]})
    cases = {
        "does not exist": tmp_path / "nowhere.json",
        "is not valid JSON": _written(tmp_path, "broken.json", 0).parent / "cut.json",
        "is not in COCO format": _written(tmp_path, "other.json", {"boxes": []}),
        r"has boxes of categories 0, 2, none of 1 \(person\)": _written(
            tmp_path, "classes.json", [_result(category_id=0), _result(category_id=2)]
        ),
    }
    (tmp_path / "cut.json").write_text("[{")
    for fault, path in cases.items():
        with pytest.raises(PoseError, match=fault):
            BoxFile(path)
    with pytest.raises(PoseError, match="names its images itself"):
        BoxFile(images, images)


def test_frames_that_name_their_video_beside_their_own_file_name(tmp_path: Path) -> None:
    """As our own images.json does."""
    images = [
        {"id": 7 + frame, "file_name": f"sub/c.mp4/{frame:06}.jpg", "video": "sub/c.mp4", "frame_index": frame}
        for frame in range(3)
    ]
    (tmp_path / "images.json").write_text(json.dumps({"images": images}))
    results = [{"image_id": 8, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5}]
    (tmp_path / "results.json").write_text(json.dumps(results))
    boxes = BoxFile(tmp_path / "results.json", tmp_path / "images.json")
    assert [boxes.image_id_of("sub/c.mp4", frame) for frame in range(4)] == [7, 8, 9, None]
    assert [len(boxes.boxes_of("c.mp4", frame)) for frame in range(3)] == [0, 1, 0]
    assert boxes.largest_image_id == 9
    assert BoxFile(tmp_path / "results.json").largest_image_id == 8


def test_our_own_results_find_their_images_by_themselves(tmp_path: Path) -> None:
    """Ids count from 1, and frames from 0."""
    images = [
        {"id": frame + 1, "file_name": f"c.mp4/{frame:06}.jpg", "video": "c.mp4", "frame_index": frame}
        for frame in range(3)
    ]
    _written(tmp_path, "images.json", {"images": images})
    poses = [_result(frame + 1, bbox=[frame, 0, 5, 5], keypoints=[1.0] * 51) for frame in range(3)]
    own = BoxFile(_written(tmp_path, "results.json", poses))
    assert [own.boxes_of("c.mp4", frame).xywh[0, 0] for frame in range(3)] == [0, 1, 2]
    detections = BoxFile(_written(tmp_path, "boxes.json", [_result(1)]))
    assert [len(detections.boxes_of("c.mp4", frame)) for frame in range(2)] == [0, 1], "of another program"
    others = BoxFile(_written(tmp_path, "other.json", [*poses, _result(99, keypoints=[])]))
    assert others.image_id_of("c.mp4", 2) == 2, "images.json is of something else"

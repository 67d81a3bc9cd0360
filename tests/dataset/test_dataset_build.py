import json
import re
import shutil
import zipfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from helpers.tiny_dataset import rewrite_annotations, tiny_config, write_dataset

from lib.config import load_config
from lib.dataset import build_dataset
from lib.dataset.build import locate_files
from lib.utils.errors import PoseError


@pytest.fixture
def content(tmp_path: Path, rng: np.random.Generator) -> dict[str, Any]:
    return write_dataset(tmp_path, rng)


def _detections(root: Path, content: dict[str, Any]) -> Path:
    path = root / "detections.json"
    keys = ("image_id", "category_id", "bbox")
    people = [{**{key: entry[key] for key in keys}, "score": 0.9} for entry in content["annotations"]]
    people[0]["score"] = 0.01
    path.write_text(json.dumps(people))
    return path


def test_files_lie_in_the_published_layout(tmp_path: Path) -> None:
    config = tiny_config(tmp_path, "DATASET.TRAIN_SET", "train2017", "TEST.USE_GT_BBOX", "True")
    files = locate_files(config, is_train=True)
    assert files.annotation_file == str(tmp_path / "annotations" / "person_keypoints_train2017.json")
    assert files.images == str(tmp_path / "images" / "train2017")
    assert files.detection_file is None


def test_test_dev_lies_among_the_test_images(tmp_path: Path) -> None:
    config = tiny_config(
        tmp_path, "DATASET.TEST_SET", "test-dev2017", "TEST.USE_GT_BBOX", "False", "TEST.COCO_BBOX_FILE", "det.json"
    )
    files = locate_files(config, is_train=False)
    assert files.annotation_file == str(tmp_path / "annotations" / "image_info_test-dev2017.json")
    assert files.images == str(tmp_path / "images" / "test2017")
    assert files.detection_file == "det.json"


def test_zip_takes_the_place_of_the_folder(tmp_path: Path) -> None:
    files = locate_files(tiny_config(tmp_path, "DATASET.DATA_FORMAT", "zip"), is_train=True)
    assert files.images == str(tmp_path / "images" / "tiny.zip")


def test_own_places_are_taken_as_given(tmp_path: Path) -> None:
    config = tiny_config(tmp_path, "DATASET.TRAIN_ANNO", "some/anno.json", "DATASET.TRAIN_IMAGES", "some/pictures.zip")
    files = locate_files(config, is_train=True)
    assert (files.annotation_file, files.images) == ("some/anno.json", "some/pictures.zip")


@pytest.mark.parametrize("prefix", ["", "tiny/"])
def test_zip_and_folder_give_the_same_samples(tmp_path: Path, content: dict[str, Any], prefix: str) -> None:
    folder = build_dataset(tiny_config(tmp_path), is_train=True)
    with zipfile.ZipFile(tmp_path / "images" / "tiny.zip", "w") as archive:
        for image in content["images"]:
            archive.write(tmp_path / "images" / "tiny" / image["file_name"], prefix + image["file_name"])
    zipped = build_dataset(tiny_config(tmp_path, "DATASET.DATA_FORMAT", "zip"), is_train=True)
    expected = [folder[index].image for index in range(len(folder))]
    shutil.rmtree(tmp_path / "images" / "tiny")
    assert all(torch.equal(zipped[index].image, image) for index, image in enumerate(expected))


def test_detected_boxes(tmp_path: Path, content: dict[str, Any]) -> None:
    path = _detections(tmp_path, content)
    options = ("TEST.USE_GT_BBOX", "False", "TEST.COCO_BBOX_FILE", str(path), "TEST.IMAGE_THRE", "0.05")
    dataset = build_dataset(tiny_config(tmp_path, *options), is_train=False)
    assert len(dataset) == 17
    assert dataset.box_source == f"detections of {path}"
    assert dataset.num_dropped == {"score below 0.05": 1}
    assert float(dataset[0].score) == 0.9
    assert not dataset[0].visible.any()
    # Training never uses detections.
    assert build_dataset(tiny_config(tmp_path, *options), is_train=True).box_source == "annotated boxes"


def test_test_sets_without_annotations(tmp_path: Path, content: dict[str, Any]) -> None:
    path = _detections(tmp_path, content)
    del content["annotations"]
    (tmp_path / "annotations" / "image_info_test-dev2017.json").write_text(json.dumps(content))
    (tmp_path / "images" / "tiny").rename(tmp_path / "images" / "test2017")
    config = tiny_config(
        tmp_path,
        *("DATASET.TEST_SET", "test-dev2017", "TEST.USE_GT_BBOX", "False", "TEST.COCO_BBOX_FILE", str(path)),
    )
    dataset = build_dataset(config, is_train=False)
    assert len(dataset) == 18
    assert dataset[17].image.shape == (3, 128, 96)
    with pytest.raises(PoseError, match=r"leaves no person to work on \(it has no entries\).*USE_GT_BBOX False"):
        build_dataset(tiny_config(tmp_path, "DATASET.TEST_SET", "test-dev2017"), is_train=False)


def test_selection_of_well_filled_boxes(tmp_path: Path, content: dict[str, Any]) -> None:
    content["annotations"][0]["bbox"] = [0, 0, 60, 60]
    content["annotations"][0]["keypoints"] = [250, 200, 2] * 17
    rewrite_annotations(tmp_path, content)
    plain = build_dataset(tiny_config(tmp_path), is_train=True)
    selected = build_dataset(tiny_config(tmp_path, "DATASET.SELECT_DATA", "True"), is_train=True)
    dropped = selected.num_dropped["keypoints off the box centre"]
    assert len(selected) == len(plain) - dropped
    assert 1 not in selected.records.annotation_id
    tested = build_dataset(tiny_config(tmp_path, "DATASET.SELECT_DATA", "True"), is_train=False)
    assert len(tested) == len(plain)


def test_a_skeleton_of_ones_own(tmp_path: Path, rng: np.random.Generator) -> None:
    write_dataset(tmp_path, rng, num_keypoints=3)
    options = ("MODEL.NUM_JOINTS", "3", "SKELETON.NAMES", "['head', 'left_hand', 'right_hand']")
    dataset = build_dataset(tiny_config(tmp_path, *options, "SKELETON.FLIP_PAIRS", "[[1, 2]]"), is_train=True)
    assert dataset[0].input_keypoints.shape == (3, 2)
    assert dataset.skeleton.flip_permutation == (0, 2, 1)
    with pytest.raises(PoseError, match="9 keypoint numbers where 17 keypoints need 51"):
        build_dataset(tiny_config(tmp_path), is_train=True)


def test_the_documented_example_works(repository: Path, tmp_path: Path) -> None:
    text = (repository / "docs" / "DATA.md").read_text()
    annotations, experiment = (re.search(rf"```{kind}\n(.*?)```", text, re.DOTALL)[1] for kind in ("json", "yaml"))
    base = (repository / "experiments" / "coco" / "hrnet").as_posix()
    (tmp_path / "hands.yaml").write_text(experiment.replace("../coco/hrnet", base))
    (tmp_path / "annotations").mkdir()
    (tmp_path / "annotations" / "person_keypoints_train.json").write_text(annotations)
    (tmp_path / "images" / "train" / "a").mkdir(parents=True)
    cv2.imwrite(str(tmp_path / "images" / "train" / "a" / "first.png"), np.full((480, 640, 3), 99, np.uint8))
    dataset = build_dataset(load_config(tmp_path / "hands.yaml", ["DATASET.ROOT", str(tmp_path)]), is_train=True)
    assert dataset.skeleton.name == "hands"
    assert dataset[0].visible.tolist() in ([2, 1, 0], [2, 0, 1])


def test_an_empty_data_set_says_why(tmp_path: Path, content: dict[str, Any]) -> None:
    for entry in content["annotations"]:
        entry["area"] = 0
    content["annotations"][4]["iscrowd"] = 1
    rewrite_annotations(tmp_path, content)
    with pytest.raises(PoseError, match=r"leaves no person to work on \(1 crowd, 17 no area\)"):
        build_dataset(tiny_config(tmp_path), is_train=True)


def test_no_visible_keypoint_at_all(tmp_path: Path, content: dict[str, Any]) -> None:
    for entry in content["annotations"]:
        entry["keypoints"][2::3] = [0] * 17
    rewrite_annotations(tmp_path, content)
    with pytest.raises(PoseError, match="has no visible keypoint in 17 people"):
        build_dataset(tiny_config(tmp_path), is_train=True)


def test_missing_images_are_found_at_the_start(tmp_path: Path, content: dict[str, Any]) -> None:
    (tmp_path / "images" / "tiny" / content["images"][2]["file_name"]).unlink()
    with pytest.raises(PoseError, match=r"102\.png, which .*person_keypoints_tiny\.json asks for, does not exist"):
        build_dataset(tiny_config(tmp_path), is_train=False)


def test_a_missing_folder_is_named(tmp_path: Path, content: dict[str, Any]) -> None:  # noqa: ARG001 - written to disk
    shutil.rmtree(tmp_path / "images")
    with pytest.raises(PoseError, match=r"image folder .*tiny does not exist"):
        build_dataset(tiny_config(tmp_path), is_train=True)


def test_no_detection_file_named(tmp_path: Path, content: dict[str, Any]) -> None:  # noqa: ARG001 - written to disk
    with pytest.raises(PoseError, match=r"detection file \(none\) does not exist; .*TEST.USE_GT_BBOX True"):
        build_dataset(tiny_config(tmp_path, "TEST.USE_GT_BBOX", "False"), is_train=False)

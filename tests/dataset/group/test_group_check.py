"""What the dataset checker says of pictures with several people."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.tiny_groups import group_experiment, make_group_data

from lib.config import load_config
from lib.dataset.build import build_test_dataset, check_dataset
from lib.dataset.group.check import check_pictures
from lib.dataset.layout import DataFiles
from lib.skeletons import load_skeleton
from lib.utils.errors import PoseError
from visualization.raster import save_image


def _no_bar(items: Any, total: int) -> Any:  # noqa: ARG001 - the signature of a progress bar
    return items


def _check(root: Path, *overrides: str, is_train: bool = True) -> tuple[str, int]:
    cfg = load_config(group_experiment(root, root), list(overrides))
    report = check_dataset(cfg, is_train, _no_bar)
    return "\n".join(report.lines), report.num_faults


def _change(root: Path, change: Callable[[dict[str, Any]], None]) -> None:
    path = root / "annotations" / "person_keypoints_train.json"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def test_a_sound_part(tmp_path: Path) -> None:
    root = make_group_data(tmp_path / "data")
    text, num_faults = _check(root)
    assert "8 images, 8 of them with annotated people" in text
    assert "  12 people used; regions ignored" in text
    assert "4 crowds, 0 people without keypoints, 0 beyond 30 of a picture" in text
    assert num_faults == 0
    tested = _check(root, is_train=False)[0]
    assert "4 images" in tested
    assert "people used" not in tested, "a test looks at whole pictures"
    assert (
        "10 people used; regions ignored: 4 crowds, 0 people without keypoints, 2 beyond 2 of"
        in (_check(root, "DATASET.MAX_NUM_PEOPLE", "2")[0])
    )


def _break_segmentation(content: dict[str, Any]) -> None:
    crowd = next(one for one in content["annotations"] if one["iscrowd"])
    crowd["segmentation"]["counts"] = [1]


def _enlarge_box(content: dict[str, Any]) -> None:
    crowd = next(one for one in content["annotations"] if one["iscrowd"])
    del crowd["segmentation"]
    crowd["bbox"] = [0, 0, 5e9, 20]


def _remove_labels(content: dict[str, Any]) -> None:
    for one in content["annotations"]:
        one["keypoints"], one["num_keypoints"] = [0] * 51, 0


def _remove_box(content: dict[str, Any]) -> None:
    del content["annotations"][0]["bbox"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_break_segmentation, "run lengths"),
        (_enlarge_box, "a box that reaches farther"),
        (_remove_labels, "nobody has labelled keypoints"),
        (_remove_box, "bad box"),
        (lambda content: content["images"][0].update(width=97), "image size"),
        (lambda content: content["images"][0].update(file_name="none.png"), "missing image"),
        (lambda content: content.pop("images"), "images"),
    ],
)
def test_faults_are_named(tmp_path: Path, change: Callable[[dict[str, Any]], None], said: str) -> None:
    root = make_group_data(tmp_path / "data")
    _change(root, change)
    text, num_faults = _check(root)
    assert num_faults > 0
    assert said in text


def test_all_ignored_regions_are_looked_at(tmp_path: Path) -> None:
    root = make_group_data(tmp_path / "data")

    def break_all(content: dict[str, Any]) -> None:
        for one in content["annotations"]:
            if one["iscrowd"]:
                one["segmentation"]["counts"] = [1]

    _change(root, break_all)
    text, num_faults = _check(root)
    assert num_faults == 4
    assert "ignored region (4): annotation " in text


def test_boxes_that_are_not_ignored_are_not_looked_at(tmp_path: Path) -> None:
    root = make_group_data(tmp_path / "data")
    _change(root, _enlarge_box)
    path = root / "annotations" / "person_keypoints_train.json"
    files = DataFiles("train", str(path), str(root / "images" / "train"), None)
    for mask_boxes, faults in ((True, 1), (False, 0)):
        report = check_pictures("part", files, load_skeleton("coco"), 30, _no_bar, resize=None, mask_boxes=mask_boxes)
        assert report.num_faults == faults
        assert ("regions ignored where segmented: 4 crowds" in report.lines[2]) == (not mask_boxes)


def test_pictures_that_the_test_refuses(tmp_path: Path) -> None:
    root = make_group_data(tmp_path / "data")
    path = root / "annotations" / "person_keypoints_val.json"
    content = json.loads(path.read_text())
    image = content["images"][0]
    image.update(width=1000, height=1)
    content["annotations"] = [one for one in content["annotations"] if one["image_id"] != image["id"]]
    save_image(root / "images" / "val" / image["file_name"], np.zeros((1, 1000, 3), np.uint8))
    path.write_text(json.dumps(content))
    text, num_faults = _check(root, is_train=False)
    assert num_faults == 1
    assert f"too long and thin for a test (1): {image['file_name']} is 1000x1" in text


def test_files_that_cannot_be_used(tmp_path: Path) -> None:
    root = make_group_data(tmp_path / "data")
    (root / "annotations" / "person_keypoints_train.json").write_text("{")
    assert "not valid JSON" in _check(root)[0]
    text, num_faults = _check(root, "DATASET.DATASET", "mpii", "DATASET.SKELETON", "coco")
    assert (num_faults, "single people" in text) == (1, True)


def test_the_test_names_the_same_picture(tmp_path: Path) -> None:
    root = make_group_data(tmp_path / "data")
    path = root / "annotations" / "person_keypoints_val.json"
    content = json.loads(path.read_text())
    content["images"][0].update(width=1000, height=1)
    path.write_text(json.dumps(content))
    with pytest.raises(PoseError, match=r"^image 1000\.png of annotation file .*1000x1 pixels"):
        build_test_dataset(load_config(group_experiment(root, root)))

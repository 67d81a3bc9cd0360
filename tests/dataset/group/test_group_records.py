"""Which pictures and people a bottom-up network sees, and what is ignored in them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.tiny_groups import counts_of, make_group_data, rectangle

from lib.dataset.coco import read_annotations
from lib.dataset.group import regions as regions_module
from lib.dataset.group.part import read_test_part, read_training_part
from lib.dataset.group.records import labelled_people, training_roles, within_limit
from lib.dataset.group.regions import COUNTED, ignored_regions
from lib.dataset.layout import COCO, MPII, DataFiles
from lib.utils.annotation_form import COCO_FORM
from lib.utils.errors import PoseError

PERSON = {"category_id": 1, "area": 100.0, "iscrowd": 0, "num_keypoints": 2, "bbox": [2.0, 3.0, 10.0, 8.0]}


def _person(image_id: int, labelled: int = 2, **changes: Any) -> dict[str, Any]:
    keypoints = [value for index in range(3) for value in (5.0 + index, 6.0, 2 if index < labelled else 0)]
    return {**PERSON, "image_id": image_id, "keypoints": keypoints, "num_keypoints": labelled, **changes}


def _written(folder: Path, annotations: list[dict[str, Any]], pictures: int = 4, **category: Any) -> Path:
    images = [{"id": 10 - n, "file_name": f"{n}.png", "width": 30, "height": 20} for n in range(pictures)]
    numbered = [{"id": number + 7, **annotation} for number, annotation in enumerate(annotations)]
    content = {
        "images": images,
        "annotations": numbered,
        "categories": [{"id": 1, "name": "person"}, *category.values()],
    }
    path = folder / "annotations.json"
    path.write_text(json.dumps(content))
    (folder / "images").mkdir(exist_ok=True)
    for n in range(pictures):
        (folder / "images" / f"{n}.png").touch()
    return path


def _files(path: Path, kind: str = COCO) -> DataFiles:
    return DataFiles("train", str(path), str(path.parent / "images"), None, kind)


def test_pictures_with_anybody_are_trained_on(tmp_path: Path) -> None:
    crowd = {"iscrowd": 1, "segmentation": {"size": [20, 30], "counts": [600]}}
    path = _written(tmp_path, [_person(8), _person(10), _person(8), _person(7, 0, **crowd)])
    part, _ = read_training_part(_files(path), 3, COCO_FORM, 30)
    assert part.records.image_id.tolist() == [10, 8, 7], "in the order of the file; the crowd alone counts"
    assert part.records.first.tolist() == [0, 1, 3, 3]
    assert part.provenance.num_dropped == {"pictures without an annotated person": 1}
    tested = read_test_part(_files(path), 3, COCO_FORM)
    assert tested.records.image_id.tolist() == [10, 9, 8, 7]
    assert tested.records.first.tolist() == [0, 1, 1, 3, 3]
    np.testing.assert_array_equal(part.records.visible[0], [2, 2, 0])
    np.testing.assert_array_equal(part.records.keypoints[0], [[5, 6], [6, 6], [7, 6]])


def test_other_categories_are_neither_people_nor_ignored(tmp_path: Path) -> None:
    dog = {"category_id": 5, "segmentation": "whatever"}
    path = _written(tmp_path, [_person(8), _person(9, **dog)], dog={"id": 5, "name": "dog"})
    part, regions = read_training_part(_files(path), 3, COCO_FORM, 30)
    assert part.records.image_id.tolist() == [8]
    assert all((regions.mask(picture) == COUNTED).all() for picture in range(4))


def test_crowds_and_people_without_keypoints_are_ignored(tmp_path: Path) -> None:
    crowd = np.zeros((20, 30), bool)
    crowd[10:, :7] = True
    annotations = [
        _person(10, segmentation=rectangle(0, 0, 30, 20)),
        _person(10, 0, segmentation=rectangle(12, 2, 5, 6)),
        _person(10, 0, iscrowd=1, segmentation={"size": [20, 30], "counts": counts_of(crowd)}),
        _person(9, 0),
        _person(8, 0, segmentation=[]),
    ]
    _, regions = read_training_part(_files(_written(tmp_path, annotations)), 3, COCO_FORM, 30)
    expected = ~crowd
    expected[2:8, 12:17] = False
    np.testing.assert_array_equal(regions.mask(0) == COUNTED, expected)
    for picture in (1, 2):  # without a segmentation it is the box
        boxed = np.ones((20, 30), bool)
        boxed[3:11, 2:12] = False
        np.testing.assert_array_equal(regions.mask(picture) == COUNTED, boxed)
    assert set(np.unique(regions.mask(0))) == {0, COUNTED}


def test_boxes_need_not_be_ignored(tmp_path: Path) -> None:
    """As published; segmentations still are, and people beyond the limit, whom the published code fails for."""
    annotations = [
        _person(10),
        _person(10, 0, bbox=[20.0, 10.0, 4.0, 4.0]),
        _person(9, 0, segmentation=rectangle(12, 2, 5, 6)),
        _person(8, 0, segmentation=[], bbox=[0.0, 0.0, -5.0, float(10**9)]),
        _person(7, 1),
        _person(7, 2, bbox=[20.0, 10.0, 4.0, 4.0]),
    ]
    files = _files(_written(tmp_path, annotations))
    part, regions = read_training_part(files, 3, COCO_FORM, 1, mask_boxes=False)
    assert part.records.first.tolist() == [0, 1, 1, 1, 2]
    for picture in (0, 2):
        assert (regions.mask(picture) == COUNTED).all()
    segmented, boxed = np.ones((20, 30), bool), np.ones((20, 30), bool)
    segmented[2:8, 12:17], boxed[3:11, 2:12] = False, False
    np.testing.assert_array_equal(regions.mask(1) == COUNTED, segmented)
    np.testing.assert_array_equal(regions.mask(3) == COUNTED, boxed)
    with pytest.raises(PoseError, match=r"annotation 10, whose region .* has the box \[0.0, 0.0, -5.0"):
        read_training_part(files, 3, COCO_FORM, 1)


def test_roles(tmp_path: Path) -> None:
    crowd, dog = {"iscrowd": 1}, {"category_id": 5}
    annotations = [_person(10, 2), _person(10, 0), _person(10, 3, **crowd), _person(10, 1), _person(10, 3, **dog)]
    path = _written(tmp_path, annotations, dog={"id": 5, "name": "dog"})
    people, beyond, unlabelled = training_roles(read_annotations(path, 3), 1)
    assert people.tolist() == [True, False, False, False, False]
    assert beyond.tolist() == [False, False, False, True, False]
    assert unlabelled.tolist() == [False, True, True, False, False]


def test_a_person_too_many_is_ignored(tmp_path: Path) -> None:
    """Thirty-one people: the one with fewest labelled keypoints, the last of equals, is not taught but ignored."""
    annotations = [_person(10, 3 if n == 30 else 1 if n == 4 else 2, bbox=[n * 0.0, 0.0, 5.0, 5.0]) for n in range(31)]
    path = _written(tmp_path, [*annotations, _person(9)])
    part, regions = read_training_part(_files(path), 3, COCO_FORM, 30)
    assert part.records.first.tolist() == [0, 30, 31]
    assert sorted((part.records.visible[:30] > 0).sum(axis=1).tolist()) == [2] * 29 + [3]
    assert (regions.mask(0)[:5, :5] == 0).all()
    assert (regions.mask(0)[6:] == COUNTED).all()
    everybody, all_regions = read_training_part(_files(path), 3, COCO_FORM, 31)
    assert everybody.records.first.tolist() == [0, 31, 32]
    assert (all_regions.mask(0) == COUNTED).all()


def test_the_limit_against_a_loop(rng: np.random.Generator, tmp_path: Path) -> None:
    people = [_person(int(rng.integers(7, 11)), int(rng.integers(0, 4))) for _ in range(60)]
    annotations = read_annotations(_written(tmp_path, people), 3)
    labelled = labelled_people(annotations)
    for most in (1, 3, 100):
        expected = np.zeros(60, bool)
        for picture in range(4):
            own = [n for n in range(60) if labelled[n] and annotations.image_index[n] == picture]
            own.sort(key=lambda n: -people[n]["num_keypoints"])
            expected[own[:most]] = True
        np.testing.assert_array_equal(within_limit(annotations, labelled, most), expected)


def test_regions_of_a_large_file_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLUMBPOSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(regions_module, "LARGE_FILE_BYTES", 1)
    monkeypatch.setattr("lib.dataset.index_cache.SETTLED_SECONDS", 0)
    path = _written(tmp_path, [_person(10), *[_person(9, 0, bbox=[n, n, 3.0, 3.0]) for n in range(3)]])
    annotations = read_annotations(path, 3)
    roles = training_roles(annotations, 30)
    first = ignored_regions(path, annotations, roles, COCO_FORM, mask_boxes=True)
    assert len(list((tmp_path / "cache" / "index").glob("*.npz"))) == 1
    monkeypatch.setattr(regions_module, "read_json", None)
    again = ignored_regions(path, annotations, roles, COCO_FORM, mask_boxes=True)
    for picture in range(4):
        np.testing.assert_array_equal(first.mask(picture), again.mask(picture))
    monkeypatch.undo()
    monkeypatch.setenv("PLUMBPOSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(regions_module, "LARGE_FILE_BYTES", 1)
    others = roles._replace(unlabelled=np.ones(4, bool))
    assert (ignored_regions(path, annotations, others, COCO_FORM, mask_boxes=True).mask(0) == 0).any(), (
        "who is ignored is part of what is looked for"
    )
    unboxed = ignored_regions(path, annotations, roles, COCO_FORM, mask_boxes=False)
    assert (unboxed.mask(1) == COUNTED).all(), "and so is whether boxes count"


@pytest.mark.parametrize(
    ("annotations", "kind", "said"),
    [
        ([_person(10), _person(9, 0, segmentation=[[1, 2]])], COCO, "annotation 8, .* three or more"),
        ([_person(10, 0)], COCO, "no person with labelled keypoints"),
        ([], COCO, "no person with labelled keypoints"),
        ([_person(10)], MPII, "MPII"),
    ],
)
def test_faults(tmp_path: Path, annotations: list[dict[str, Any]], kind: str, said: str) -> None:
    with pytest.raises(PoseError, match=said):
        read_training_part(_files(_written(tmp_path, annotations), kind), 3, COCO_FORM, 30)


def test_a_missing_picture_is_named(tmp_path: Path) -> None:
    path = _written(tmp_path, [_person(10)])
    (tmp_path / "images" / "0.png").unlink()
    with pytest.raises(PoseError, match=r"0\.png"):
        read_training_part(_files(path), 3, COCO_FORM, 30)


def test_a_test_set_without_annotations(tmp_path: Path) -> None:
    path = _written(tmp_path, [])
    assert len(read_test_part(_files(path), 3, COCO_FORM).records) == 4


def test_made_data(tmp_path: Path) -> None:
    root = make_group_data(tmp_path)
    files = DataFiles(
        "train", str(root / "annotations" / "person_keypoints_train.json"), str(root / "images/train"), None
    )
    part, regions = read_training_part(files, 17, COCO_FORM, 30)
    counts = np.diff(part.records.first)
    assert counts.tolist() == [1, 2, 3, 0, 2, 3, 1, 0]
    ignored = [bool((regions.mask(picture) == 0).any()) for picture in range(8)]
    assert ignored == [False, False, True, True, False, True, False, True]


def test_real_pictures(shared: Path) -> None:
    root = shared / "coco-mini"
    files = DataFiles(
        "train2017", str(root / "annotations/person_keypoints_train2017.json"), str(root / "images/train2017"), None
    )
    part, regions = read_training_part(files, 17, COCO_FORM, 30)
    content = json.loads(Path(files.annotation_file).read_text())
    assert len(part.records.keypoints) == sum(one["num_keypoints"] > 0 for one in content["annotations"]) == 86
    assert set(part.records.image_id.tolist()) == {one["image_id"] for one in content["annotations"]}
    with_ignored = {one["image_id"] for one in content["annotations"] if one["iscrowd"] or not one["num_keypoints"]}
    ids = part.images.id.tolist()
    for picture, image_id in enumerate(ids):
        assert bool((regions.mask(picture) == 0).any()) == (image_id in with_ignored)

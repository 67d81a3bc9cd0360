import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers.tiny_coco import tiny_annotations, written

from lib.bench.made_annotations import KEYPOINTS, SIZE_WH, write_annotations
from lib.bench.memory import _index_rows, _probe
from lib.bench.memory_probe import SharedPictures, _pictures
from lib.bench.plain_annotations import ListDataset, list_people, open_coco
from lib.bench.process_memory import own_mb, resident_mb
from lib.dataset.coco import read_annotations
from lib.dataset.records import annotated_records
from lib.utils.geometry import PlainCrop

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def test_the_plain_way_finds_the_same_people(tmp_path: Path, rng: np.random.Generator) -> None:
    content = tiny_annotations(rng)
    content["annotations"][3]["iscrowd"] = 1
    content["annotations"][4]["bbox"][:2] = [-5, -7]
    path = written(tmp_path, "anno.json", content)
    plain = list_people(open_coco(path), KEYPOINTS, 0.75)
    records, _ = annotated_records(
        read_annotations(path, KEYPOINTS), PlainCrop((192, 256), (48, 64)).box_to_center_scale
    )
    assert len(plain) == len(records) == 16
    np.testing.assert_allclose([person["center"] for person in plain], records.center, rtol=1e-6)
    np.testing.assert_allclose([person["scale"] for person in plain], records.scale, rtol=1e-6)
    np.testing.assert_allclose([person["joints_3d"][:, :2] for person in plain], records.keypoints, rtol=1e-6)
    np.testing.assert_array_equal([person["joints_3d_vis"][:, 0] for person in plain], records.visible > 0)


def test_the_made_file_is_like_cocos(tmp_path: Path) -> None:
    path = tmp_path / "made.json"
    write_annotations(path, images=20, people=50)
    content = json.loads(path.read_text())
    assert len(content["images"]) == 20
    assert all(len(entry["segmentation"][0]) > 40 for entry in content["annotations"])
    annotations = read_annotations(path, KEYPOINTS)
    assert len(annotations.id) == 50
    assert (annotations.images.size_wh == SIZE_WH).all()
    assert (annotations.num_keypoints == (annotations.keypoints[..., 2] > 0).sum(axis=1)).all()


@on_linux
def test_memory_of_a_process() -> None:
    before = resident_mb()
    block = np.ones(10_000_000)  # 80 MB
    assert 70 < resident_mb() - before < 90
    assert own_mb(os.getpid()) > 80
    assert block.any()


def test_the_shared_pictures_lie_in_their_images() -> None:
    pixels = SharedPictures(_pictures()).pixels(11)
    corner = pixels.to_stored @ (*SIZE_WH, 1)
    assert tuple(corner) == pixels.array.shape[1::-1]
    assert len(ListDataset([], _pictures())) == 0


def test_ratios_say_how_much_less_ours_takes() -> None:
    rounds = np.array([[[30.0, 500, 2000, 1700], [6, 500, 600, 350], [0.5, 500, 600, 340]]] * 3)
    rows = _index_rows("index", rounds)
    assert [row.ratio for row in rows if row.unit == "s"] == [1, 5, 60]
    added = [row for row in rows if "added" in row.name]
    assert [row.median for row in added] == [1500, 100, 100]
    assert added[1].ratio == 15
    written = [row for row in rows if "written" in row.name]
    assert [(row.median, row.target) for row in written] == [(1700, ""), (350, "< 400 MB"), (340, "< 400 MB")]


@on_linux
@pytest.mark.slow
def test_a_measurement_in_a_new_process(tmp_path: Path) -> None:
    path = tmp_path / "made.json"
    write_annotations(path, images=20, people=50)
    seconds, before, after, written = _probe("our_index", path, tmp_path / "cache")
    assert seconds > 0
    assert min(before, written) > 0
    assert after >= written

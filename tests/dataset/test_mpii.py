"""MPII's people as records and crops, by the published conventions."""

import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from helpers.tiny_mpii import SIZE_WH, write_people, write_tiny_mpii
from yacs.config import CfgNode

from lib.config import load_config
from lib.dataset import build_dataset, build_loader
from lib.dataset.build import check_dataset, locate_files
from lib.dataset.packed.build import write_packed
from lib.utils.errors import PoseError

EXPERIMENT = Path(__file__).resolve().parents[2] / "experiments" / "mpii" / "hrnet" / "w32_256x256_adam_lr1e-3.yaml"


def config(root: Path, *overrides: str) -> CfgNode:
    """The published experiment on made data."""
    options = ["DATASET.ROOT", str(root), "DATASET.TRAIN_SET", "valid", "WORKERS", "0", "DEVICE", "cpu"]
    return load_config(EXPERIMENT, [*options, *overrides])


def published(person: dict[str, Any]) -> tuple[list[float], list[float]]:
    """Centre and scale by HRNet's steps, one after the other."""
    x, y = person["center"]
    scale = person["scale"]
    if x != -1:
        y += 15 * scale
        scale *= 1.25
    return [x - 1, y - 1], [scale, scale]


def test_records_follow_the_published_steps(tmp_path: Path, rng: np.random.Generator) -> None:
    people = write_tiny_mpii(tmp_path, rng)
    people[2]["center"] = [-1, -1]
    write_people(tmp_path, people)
    dataset = build_dataset(config(tmp_path), is_train=False)
    records = dataset.records
    for index, person in enumerate(people):
        center, scale = published(person)
        assert records.center[index] == pytest.approx(center, abs=1e-4)
        assert records.scale[index] == pytest.approx(scale, abs=1e-6)
        assert records.keypoints[index] == pytest.approx(np.array(person["joints"]) - 1, abs=1e-4)
        assert ((records.visible[index] > 0) == np.array(person["joints_vis"])).all()
    assert set(np.unique(records.visible)) == {0.0, 2.0}, "RSN's losses tell flags 1 and 2 apart"
    assert dataset.images.size_wh.tolist() == [list(SIZE_WH)] * 3
    assert dataset.box_source == "annotated centres and scales"


def test_the_crop_of_another_aspect_shows_the_square(tmp_path: Path, rng: np.random.Generator) -> None:
    people = write_tiny_mpii(tmp_path, rng)
    tall = ("MODEL.IMAGE_SIZE", "[192, 256]", "MODEL.HEATMAP_SIZE", "[48, 64]")
    scale = build_dataset(config(tmp_path, *tall), is_train=False).records.scale
    assert scale[:, 0] == pytest.approx([1.25 * person["scale"] for person in people])
    assert scale[:, 1] == pytest.approx(scale[:, 0] * 256 / 192)


@pytest.mark.parametrize("data_format", ["jpg", "zip"])
def test_batches(tmp_path: Path, rng: np.random.Generator, data_format: str) -> None:
    write_tiny_mpii(tmp_path, rng)
    if data_format == "zip":
        shutil.make_archive(str(tmp_path / "images"), "zip", tmp_path / "images")
        shutil.rmtree(tmp_path / "images")
    cfg = config(tmp_path, "TRAIN.BATCH_SIZE_PER_GPU", "3", "DATASET.DATA_FORMAT", data_format)
    for is_train in (True, False):
        dataset = build_dataset(cfg, is_train=is_train)
        batch = next(iter(build_loader(cfg, dataset, is_train=is_train)))
        assert batch.image.shape[1:] == (3, 256, 256)
        assert batch.input_keypoints.shape[1:] == (16, 2)


def test_packed_training_equals_that_from_images(tmp_path: Path, rng: np.random.Generator) -> None:
    write_tiny_mpii(tmp_path, rng)
    cfg = config(tmp_path)
    write_packed(cfg, "", density=None, shard_bytes=1 << 24, workers=0, progress=lambda items, _: items)
    plain = build_dataset(cfg, is_train=True)
    packed = build_dataset(config(tmp_path, "DATASET.DATA_FORMAT", "packed"), is_train=True)
    for index in range(len(plain)):
        ours, theirs = packed[1, index], plain[1, index]
        assert (ours.input_keypoints == theirs.input_keypoints).all()
        assert int((ours.image.int() - theirs.image.int()).abs().max()) <= 1


def test_boxes_of_a_detector_do_not_matter(tmp_path: Path) -> None:
    files = locate_files(config(tmp_path, "TEST.USE_GT_BBOX", "False"), is_train=False)
    assert files.detection_file is None
    assert files.annotation_file == str(tmp_path / "annot" / "valid.json")
    assert files.images == str(tmp_path / "images")


def test_the_data_directory_is_put_before_the_root() -> None:
    files = locate_files(load_config(EXPERIMENT, ["DATA_DIR", "/disk"]), is_train=False)
    assert files.annotation_file == "/disk/data/mpii/annot/valid.json"


def test_a_missing_image_is_named(tmp_path: Path, rng: np.random.Generator) -> None:
    write_tiny_mpii(tmp_path, rng)
    (tmp_path / "images" / "000000001.jpg").unlink()
    with pytest.raises(PoseError, match=r"000000001\.jpg, which .*valid\.json asks for, does not exist \(1 missing"):
        build_dataset(config(tmp_path), is_train=False)


def test_another_keypoint_set_is_refused(tmp_path: Path, rng: np.random.Generator) -> None:
    write_tiny_mpii(tmp_path, rng)
    with pytest.raises(PoseError, match=r"MPII's format, which has 16 keypoints, but the keypoint set has 17"):
        build_dataset(config(tmp_path, "DATASET.SKELETON", "coco", "MODEL.NUM_JOINTS", "17"), is_train=False)


def test_a_test_set_without_joints(tmp_path: Path, rng: np.random.Generator) -> None:
    people = write_tiny_mpii(tmp_path, rng)
    write_people(tmp_path, [{key: person[key] for key in ("image", "center", "scale")} for person in people], "test")
    dataset = build_dataset(config(tmp_path, "DATASET.TEST_SET", "test"), is_train=False)
    assert len(dataset) == 6
    assert not dataset.records.visible.any()
    with pytest.raises(PoseError, match=r"test\.json has no joints to train on"):
        build_dataset(config(tmp_path, "DATASET.TRAIN_SET", "test"), is_train=True)


def test_the_check_names_every_fault(tmp_path: Path, rng: np.random.Generator) -> None:
    people = write_tiny_mpii(tmp_path, rng, count=8)

    def report() -> tuple[str, int]:
        found = check_dataset(config(tmp_path), False, lambda items, _: items)
        return "\n".join(found.lines), found.num_faults

    text, count = report()
    assert count == 0, text
    assert "4 images, 8 people used (annotated centres and scales), 8 with joints, 0 with head boxes" in text
    people[0]["scale"] = "large"
    people[1]["joints"][3] = [900, 900]
    people[1]["joints_vis"][3] = 1
    write_people(tmp_path, people)
    (tmp_path / "images" / "000000001.jpg").unlink()
    cut = tmp_path / "images" / "000000002.jpg"
    cut.write_bytes(cut.read_bytes()[:-400])
    cv2.imwrite(str(tmp_path / "images" / "000000003.jpg"), np.zeros((50, 50, 3), np.uint8))
    text, count = report()
    for fault in ("bad scale (1): record 0", "missing image (1)", "unreadable image (1)", "far outside"):
        assert fault in text
    assert "7 people used" in text
    write_people(tmp_path, {"images": []})
    assert "not MPII (1): it holds no list of people" in report()[0]

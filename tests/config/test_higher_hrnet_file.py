"""HigherHRNet's YAML files load unchanged and mean what they mean there."""

from pathlib import Path
from typing import Any

import pytest
from higher_hrnet_files import higher_hrnet_file

from lib.config import flat_items, load_config, notices
from lib.utils.errors import PoseError

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
# The run's own name, pictures that bottom-up runs have none of, how often a training is tested, and for how many GPUs
# the recipe is made: the files say one, HigherHRNet's documentation four.
NOT_COMPARED = ("RUN_NAME", "DEBUG.", "GPUS", "TRAIN.EVAL_EVERY", "TRAIN.EXPECTED_BATCH", "DATASET.ROOT")


def write(folder: Path, text: str) -> Path:
    path = folder / "higher.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("width", "size", "data", "ours"),
    [
        (32, 512, "coco", "coco/ae/higher_hrnet_w32_512x512"),
        (32, 640, "coco", "coco/ae/higher_hrnet_w32_640x640"),
        (48, 640, "coco", "coco/ae/higher_hrnet_w48_640x640"),
        (32, 512, "crowd_pose", "crowdpose/ae/higher_hrnet_w32_512x512"),
        (48, 640, "crowd_pose", "crowdpose/ae/higher_hrnet_w48_640x640"),
    ],
)
def test_published_files_equal_our_experiments(tmp_path: Path, width: int, size: int, data: str, ours: str) -> None:
    theirs = dict(flat_items(load_config(write(tmp_path, higher_hrnet_file(width, size, data)))))
    for key, value in flat_items(load_config(EXPERIMENTS / f"{ours}.yaml")):
        layout = data == "crowd_pose" and key.endswith(("_ANNO", "_IMAGES"))
        if not key.startswith(NOT_COMPARED) and not layout:
            assert theirs[key] == value, key
    assert theirs["DATASET.ROOT"] == f"data/{data}"


def test_crowdpose_lies_where_it_lay(tmp_path: Path) -> None:
    path = write(tmp_path, higher_hrnet_file(data="crowd_pose", DATA_DIR="/mnt", DATASET__DATA_FORMAT="zip"))
    data = load_config(path, ["DATASET.TRAIN", "train", "DATASET.TEST_IMAGES", "elsewhere"]).DATASET
    assert data.TRAIN_ANNO == "/mnt/data/crowd_pose/json/crowdpose_train.json"
    assert data.TEST_ANNO == "/mnt/data/crowd_pose/json/crowdpose_test.json"
    assert (data.TRAIN_IMAGES, data.TEST_IMAGES) == ("/mnt/data/crowd_pose/images.zip", "elsewhere")
    assert data.SKELETON == "crowdpose"


def test_nothing_of_crowdpose_is_ignored(tmp_path: Path) -> None:
    """As there, unless the command line asks for it; of COCO the default counts."""
    path = write(tmp_path, higher_hrnet_file(data="crowd_pose"))
    assert load_config(path).DATASET.MASK_BOXES is False
    assert load_config(path, ["DATASET.MASK_BOXES", "true"]).DATASET.MASK_BOXES is True
    assert load_config(write(tmp_path, higher_hrnet_file())).DATASET.MASK_BOXES is True


def test_overrides_in_both_names(tmp_path: Path) -> None:
    overrides = ["TEST.IMAGES_PER_GPU", "3", "DATASET.TEST_SET", "mine", "DATASET.INPUT_SIZE", "640"]
    overrides += ["DATASET.OUTPUT_SIZE", "[160, 320]", "LOSS.PUSH_LOSS_FACTOR", "0.01", "FP16.ENABLED", "True"]
    config = load_config(write(tmp_path, higher_hrnet_file()), overrides)
    assert config.TEST.BATCH_SIZE_PER_GPU == 3
    assert config.DATASET.TEST_SET == "mine"
    assert config.MODEL.IMAGE_SIZE == [640, 640]
    assert config.MODEL.HEATMAP_SIZE == [160, 160]
    assert config.LOSS.PUSH_LOSS_FACTOR == 0.01
    assert any("FP16.ENABLED (use --amp bf16 or fp16)" in line for line in notices(config))


def test_the_recipes_batch_is_the_files(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, higher_hrnet_file()), ["TRAIN.IMAGES_PER_GPU", "2"])
    assert (config.TRAIN.BATCH_SIZE_PER_GPU, config.TRAIN.EXPECTED_BATCH) == (2, 12)


def test_what_is_left_out_has_the_defaults_there(tmp_path: Path) -> None:
    names = ["AE_LOSS_TYPE", "DETECTION_THRESHOLD", "NMS_KERNEL", "NMS_PADDING", "PROJECT2IMAGE", "MAX_SCALE", "SIGMA"]
    sections = ["LOSS", "TEST", "TEST", "TEST", "TEST", "DATASET", "DATASET"]
    changes = {f"{section}__{name}": None for section, name in zip(sections, names, strict=True)}
    config = load_config(write(tmp_path, higher_hrnet_file(**changes)))
    test = config.TEST
    assert config.LOSS.AE_LOSS_TYPE == "max"
    assert (test.DETECTION_THRESHOLD, test.NMS_KERNEL, test.NMS_PADDING) == (0.2, 3, 1)
    assert not test.PROJECT2IMAGE
    assert config.DATASET.MAX_SCALE == 1.25
    assert any("DATASET.SIGMA is not given or -1" in line for line in notices(config))


def test_a_width_per_output_is_said(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, higher_hrnet_file(DATASET__SIGMA=-1)))
    assert config.MODEL.SIGMA == 2
    assert any("DATASET.SIGMA is not given or -1" in line for line in notices(config))


def test_a_file_without_sizes(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, higher_hrnet_file(DATASET__INPUT_SIZE=None, DATASET__OUTPUT_SIZE=None)))
    assert config.MODEL.IMAGE_SIZE == [512, 512]
    assert config.MODEL.HEATMAP_SIZE == [128, 128]


def test_keys_without_effect_are_said(tmp_path: Path) -> None:
    lines = notices(load_config(write(tmp_path, higher_hrnet_file(MODEL__SYNC_BN=True, VERBOSE=False))))
    (line,) = [line for line in lines if line.startswith("Keys of HigherHRNet without effect")]
    assert "VERBOSE, MODEL.SYNC_BN (each process has the statistics of its own batch)" in line
    assert "DEBUG.SAVE_TAGMAPS_PRED" in line


@pytest.mark.parametrize(("value", "flips"), [(0.5, True), (0, False), ("0.0", False), (True, True)])
def test_flips(tmp_path: Path, value: Any, flips: bool) -> None:
    assert load_config(write(tmp_path, higher_hrnet_file(DATASET__FLIP=value))).DATASET.FLIP is flips


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"DATASET__FLIP": 0.3}, "DATASET.FLIP to 0.3.*write 0.5 or 0"),
        ({"DATASET__INPUT_SIZE": "large"}, "DATASET.INPUT_SIZE to 'large'.*whole number"),
        ({"DATASET__OUTPUT_SIZE": [128]}, r"DATASET.OUTPUT_SIZE to \[128\].*write \[128, 256\]"),
        ({"DATASET__SIGMA": 0}, "MODEL.SIGMA"),
        ({"MODEL__TAG_PER_JOINT": False}, "MODEL.TAG_PER_JOINT is false"),
        ({"DATASET__WITH_CENTER": True}, "DATASET.WITH_CENTER to True, which no published"),
        ({"LOSS__NUM_STAGES": 1}, "LOSS.NUM_STAGES to 1, which no published HigherHRNet has; here it is 2"),
        ({"LOSS__HEATMAPS_LOSS_FACTOR": [1.0, 0.5]}, "LOSS.HEATMAPS_LOSS_FACTOR.*one number for all outputs"),
        ({"MODEL__EXTRA__DECONV__NUM_DECONVS": 2}, "DECONV.NUM_DECONVS to 2"),
        ({"TEST__WITH_AE": "(True, True)"}, "TEST.WITH_AE"),
        ({"DATASET__STRANGE": 1}, "unknown key DATASET.STRANGE"),
    ],
)
def test_what_no_published_file_says_is_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    path = write(tmp_path, higher_hrnet_file(**changes))
    with pytest.raises(PoseError, match=message) as caught:
        load_config(path)
    assert str(path) in str(caught.value)

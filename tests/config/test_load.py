"""Overrides, types, unknown keys, paths and the round trip through text."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.config import (
    batch_notice,
    config_to_text,
    default_config,
    flat_items,
    load_config,
    log_directory,
    notices,
    output_directory,
    resolve_skeleton,
)
from lib.utils.errors import PoseError

EXPERIMENTS = Path(__file__).resolve().parents[2] / "experiments"
HRNET = EXPERIMENTS / "coco" / "hrnet" / "w32_256x192_adam_lr1e-3.yaml"
RESNET = EXPERIMENTS / "coco" / "resnet" / "res50_256x192_d256x3_adam_lr1e-3.yaml"


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("TRAIN.LR", "1e-3", 0.001),
        ("TRAIN.LR", "1", 1.0),
        ("TRAIN.END_EPOCH", "20", 20),
        ("TRAIN.LR_STEP", "[3, 5]", [3, 5]),
        ("TRAIN.LR_STEP", "(3,5)", [3, 5]),
        ("TRAIN.LR_STEP", "[]", []),
        ("DATASET.MEAN", "[0, 0.5, 1]", [0.0, 0.5, 1.0]),
        ("GPUS", "(0,1)", (0, 1)),
        ("GPUS", "0", (0,)),
        ("GPUS", "[2]", (2,)),
        ("TEST.FLIP_TEST", "False", False),
        ("TEST.FLIP_TEST", "true", True),
        ("MODEL.WIDE_FUSION", "True", True),
        ("MODEL.WIDE_FUSION", "null", False),
        ("TEST.MODEL_FILE", "", ""),
        ("TEST.MODEL_FILE", "''", ""),
        ("TEST.MODEL_FILE", "models/a b.pth", "models/a b.pth"),
        ("DATASET.TRAIN_SET", "007", "007"),
        ("MODEL.EXTRA.STAGE4.NUM_MODULES", "2", 2),
        ("DATASET.ROOT", "{a: b}", "{a: b}"),
        ("TEST.METRICS", "[PCK, AUC]", ["PCK", "AUC"]),
        ("TEST.METRICS", "['EPE']", ["EPE"]),
    ],
)
def test_override(key: str, text: str, value: object) -> None:
    flat = dict(flat_items(load_config(HRNET, [key, text])))
    assert flat[key] == value
    assert type(flat[key]) is type(value)


def test_numbers_written_as_text_in_a_file(tmp_path: Path) -> None:
    # YAML 1.1 takes 1e-3 and (0,1) for text.
    path = write(tmp_path, "TRAIN: {LR: 1e-3}\nGPUS: (0,1)\nTEST:\n  MODEL_FILE:\nDEBUG:\n")
    config = load_config(path)
    assert config.TRAIN.LR == 0.001
    assert config.GPUS == (0, 1)
    assert config.TEST.MODEL_FILE == ""


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["TRAIN.LRR", "1"], r"the command line sets the unknown key TRAIN\.LRR; the nearest known key is TRAIN\.LR\."),
        (["DATASET.INPUT_SIZE", "512"], r"DATASET\.INPUT_SIZE; here it is called MODEL\.IMAGE_SIZE"),
        (["FP16.ENABLED", "True"], r"FP16\.ENABLED; here it is called AMP"),
        (["SIGMA", "2"], r"unknown key SIGMA; the nearest known key is MODEL\.SIGMA"),
        (["TRIAN.OPTIMIZER", "adam"], r"nearest known key is TRAIN\.OPTIMIZER"),
        (["MODEL.EXTRA.NUM_LAYERS", "50"], r"unknown key MODEL\.EXTRA\.NUM_LAYERS of pose_hrnet"),
        (["TRAIN.LR.X", "1"], r"unknown key TRAIN\.LR\.X"),
        (["TRAIN.LR"], r"pairs KEY VALUE, but 'TRAIN\.LR' has no value"),
        (["TRAIN.LR", "fast"], r"the command line sets TRAIN\.LR to 'fast', but it must be a number\."),
        (["TRAIN.LR", ".nan"], r"must be a number"),
        (["TRAIN.LR", "True"], r"must be a number"),
        (["TRAIN.END_EPOCH", "1.5"], r"TRAIN\.END_EPOCH to '1\.5', but it must be a whole number"),
        (["TRAIN.LR_STEP", "170"], r"must be a list of whole numbers"),
        (["TRAIN.LR_STEP", "[a]"], r"must be a list of whole numbers"),
        (["TEST.METRICS", "AP"], r"must be a list"),
        (["TEST.NME_KEYPOINTS", "[0, 17]"], r"keypoints are 0 to 16"),
        (["TEST.NME_KEYPOINTS", "[3, 3]"], r"must be \[\] or two different keypoint numbers"),
        (["TEST.FLIP_TEST", "1"], r"must be true or false"),
        (["MODEL.WIDE_FUSION", "wide"], r"must be true or false"),
        (["MODEL", "3"], r"sets MODEL to '3', but it is a section of keys"),
        (["TRAIN.LR", "__import__('os').getcwd()"], r"must be a number"),
        (["TRAIN.LR", "{[]: 1}"], r"must be a number"),
        (["MODEL.NAME", "pose_resnet"], r"sets the unknown key MODEL\.EXTRA\.STAGE2\.NUM_MODULES of pose_resnet"),
    ],
)
def test_bad_override(overrides: list[str], message: str) -> None:
    with pytest.raises(PoseError, match=message):
        load_config(HRNET, overrides)


def test_errors_name_the_file(tmp_path: Path) -> None:
    with pytest.raises(PoseError, match=r"mine\.yaml sets the unknown key TEST\.FLIPTEST; .*TEST\.FLIP_TEST"):
        load_config(write(tmp_path, "TEST: {FLIPTEST: true}\n"))
    with pytest.raises(PoseError, match=r"mine\.yaml sets DATASET\.TRAIN_SET to 2017, but it must be text"):
        load_config(write(tmp_path, "DATASET: {TRAIN_SET: 2017}\n"))


def test_the_result_is_frozen() -> None:
    with pytest.raises(AttributeError):
        load_config(HRNET).TRAIN.LR = 1.0


def test_loading_leaves_the_defaults_alone() -> None:
    before = default_config()
    load_config(HRNET, ["TRAIN.LR_STEP", "[1]"])
    assert default_config() == before


def test_data_directory_is_joined_as_published() -> None:
    config = load_config(HRNET, ["DATA_DIR", "/data", "TEST.MODEL_FILE", "best.pth"])
    assert config.DATASET.ROOT == "/data/data/coco/"
    assert config.MODEL.PRETRAINED == "/data/models/pytorch/imagenet/hrnet_w32-36af842e.pth"
    assert config.TEST.MODEL_FILE == "/data/best.pth"
    assert config.DATA_DIR == ""
    absolute = load_config(HRNET, ["DATA_DIR", "/data", "DATASET.ROOT", "/elsewhere", "MODEL.PRETRAINED", ""])
    assert absolute.DATASET.ROOT == "/elsewhere"
    assert absolute.MODEL.PRETRAINED == ""


def test_the_detection_file_is_not_joined_and_says_so() -> None:
    lines = notices(load_config(HRNET, ["DATA_DIR", "/data", "TEST.USE_GT_BBOX", "False"]))
    assert any("TEST.COCO_BBOX_FILE data/coco/" in line for line in lines)


def test_folders_of_a_run() -> None:
    config = load_config(HRNET, ["OUTPUT_DIR", "out", "DATASET.HYBRID_JOINTS_TYPE", "a:b"])
    assert output_directory(config) == Path("out/coco_a_b/pose_hrnet/w32_256x192_adam_lr1e-3")
    assert log_directory(config) == Path("log/coco_a_b/pose_hrnet/w32_256x192_adam_lr1e-3")
    assert output_directory(load_config(HRNET, ["RUN_NAME", "mine"])).name == "mine"


def test_inline_skeleton(tmp_path: Path) -> None:
    text = "MODEL: {NUM_JOINTS: 3}\nSKELETON: {NAMES: [nose, left_eye, right_eye], FLIP_PAIRS: [[1, 2]]}\n"
    skeleton = resolve_skeleton(load_config(write(tmp_path, text)))
    assert skeleton.names == ("nose", "left_eye", "right_eye")
    assert skeleton.flip_permutation == (0, 2, 1)
    assert skeleton.sigmas == (0.05, 0.05, 0.05)
    with pytest.raises(PoseError, match="flip_pairs map left_eye to left_eye"):
        load_config(write(tmp_path, text.replace("[[1, 2]]", "[]")))


def test_batch_notice() -> None:
    config = load_config(HRNET)
    assert batch_notice(config, 4) is None
    assert "total batch is 32 people" in str(batch_notice(config, 1))
    assert batch_notice(load_config(HRNET, ["TRAIN.ACCUMULATE", "4"]), 1) is None


@settings(max_examples=15, deadline=None)
@given(
    learning_rate=st.floats(1e-12, 1e3),
    steps=st.lists(st.integers(1, 1000), unique=True).map(sorted),
    name=st.text(st.characters(codec="ascii", categories=("L", "N", "P", "S", "Zs")), max_size=12),
    gpus=st.lists(st.integers(0, 7), max_size=4),
    flip=st.booleans(),
    data_directory=st.sampled_from(["", "relative", "/absolute"]),
)
def test_loading_the_text_of_a_configuration_gives_it_again(
    tmp_path_factory: pytest.TempPathFactory,
    learning_rate: float,
    steps: list[int],
    name: str,
    gpus: list[int],
    flip: bool,
    data_directory: str,
) -> None:
    values = {
        "TRAIN.LR": learning_rate,
        "TRAIN.LR_STEP": steps,
        "DATASET.TRAIN_ANNO": name,
        "GPUS": tuple(gpus),
        "TEST.FLIP_TEST": flip,
        "DATA_DIR": data_directory,
    }
    path = tmp_path_factory.mktemp("config") / "config.yaml"
    for source in (HRNET, RESNET):
        config = load_config(source, [str(word) for pair in values.items() for word in pair])
        path.write_text(config_to_text(config), encoding="utf-8")
        assert load_config(path) == config


def write(folder: Path, text: str) -> Path:
    path = folder / "mine.yaml"
    path.write_text(f"_BASE_: {HRNET}\n{text}")
    return path

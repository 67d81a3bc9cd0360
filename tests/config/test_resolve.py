"""How codec, network variant and decoder are chosen, and which combinations are refused."""

import itertools
from pathlib import Path

import pytest

from lib.config import config_to_text, load_config, notices
from lib.utils.errors import PoseError

COCO = Path(__file__).resolve().parents[2] / "experiments" / "coco"
HRNET = COCO / "hrnet" / "w32_256x192_adam_lr1e-3.yaml"
RESNET = COCO / "resnet" / "res50_256x192_d256x3_adam_lr1e-3.yaml"

OFFSET = ["MODEL.TARGET_TYPE", "offset"]
BLUR = ["TEST.BLUR_KERNEL", "11"]


@pytest.mark.parametrize(
    ("path", "overrides", "codec", "wide", "decoder"),
    [
        (HRNET, [], "msra", False, "quarter"),
        (HRNET, BLUR, "dark", False, "dark"),
        (HRNET, OFFSET, "udp", True, "offset"),
        (HRNET, [*OFFSET, *BLUR], "udp", True, "offset"),
        (RESNET, OFFSET, "udp", False, "offset"),
        (HRNET, [*OFFSET, "MODEL.CODEC", "udp"], "udp", True, "offset"),
        (HRNET, [*OFFSET, "MODEL.WIDE_FUSION", "False"], "udp", False, "offset"),
        (HRNET, [*OFFSET, "MODEL.CODEC_VARIANT", "mmpose"], "udp", False, "offset"),
        (HRNET, ["MODEL.CODEC", "udp"], "udp", False, "udp"),
        (HRNET, ["MODEL.CODEC", "udp", *BLUR], "udp", False, "udp"),
        (HRNET, ["MODEL.CODEC", "udp", "MODEL.WIDE_FUSION", "True"], "udp", True, "udp"),
        (HRNET, ["MODEL.CODEC", "msra", *BLUR], "msra", False, "quarter"),
        (HRNET, ["MODEL.CODEC", "dark"], "dark", False, "dark"),
        (HRNET, ["TEST.POST_PROCESS", "False"], "msra", False, "argmax"),
        (HRNET, ["MODEL.CODEC", "udp", "TEST.POST_PROCESS", "False"], "udp", False, "argmax"),
        (HRNET, [*OFFSET, "TEST.POST_PROCESS", "False"], "udp", True, "offset"),
        (HRNET, ["TEST.DECODER", "dark"], "msra", False, "dark"),
        (HRNET, ["MODEL.CODEC", "udp", "TEST.DECODER", "exact"], "udp", False, "exact"),
        (HRNET, ["MODEL.CODEC", "megvii"], "megvii", False, "megvii"),
        (HRNET, ["MODEL.CODEC", "megvii", *BLUR], "megvii", False, "megvii"),
        (HRNET, ["MODEL.CODEC", "megvii_udp"], "megvii_udp", False, "udp"),
        (HRNET, ["MODEL.CODEC", "megvii", "TEST.POST_PROCESS", "False"], "megvii", False, "argmax"),
    ],
)
def test_choices(path: Path, overrides: list[str], codec: str, wide: bool, decoder: str) -> None:
    config = load_config(path, overrides)
    assert codec == config.MODEL.CODEC
    assert config.MODEL.WIDE_FUSION is wide
    assert decoder == config.TEST.DECODER
    lines = " ".join(notices(config))
    assert f"MODEL.CODEC is {codec}" in lines
    assert f"TEST.DECODER is {decoder}" in lines


ALLOWED = {
    ("msra", "gaussian"): {"argmax", "quarter", "dark", "udp"},
    ("dark", "gaussian"): {"argmax", "quarter", "dark", "udp", "exact"},
    ("udp", "gaussian"): {"argmax", "quarter", "dark", "udp", "exact"},
    ("udp", "offset"): {"offset", "exact"},
    ("megvii", "gaussian"): {"argmax", "quarter", "dark", "udp", "megvii"},
    ("megvii_udp", "gaussian"): {"argmax", "quarter", "dark", "udp", "exact"},
}
DECODERS = ("argmax", "quarter", "dark", "udp", "offset", "megvii", "exact")
CODECS = ("msra", "dark", "udp", "megvii", "megvii_udp")


@pytest.mark.parametrize(("codec", "target", "decoder"), itertools.product(CODECS, ("gaussian", "offset"), DECODERS))
def test_table_of_encodings_and_decoders(codec: str, target: str, decoder: str) -> None:
    overrides = ["MODEL.CODEC", codec, "MODEL.TARGET_TYPE", target, "TEST.DECODER", decoder]
    if decoder in ALLOWED.get((codec, target), set()):
        assert decoder == load_config(HRNET, overrides).TEST.DECODER
        return
    key = "TEST.DECODER" if (codec, target) in ALLOWED else "MODEL.TARGET_TYPE"
    with pytest.raises(PoseError, match=f"{key} .*MODEL.CODEC {codec}"):
        load_config(HRNET, overrides)


@pytest.mark.parametrize(
    ("codec", "variant", "shift"),
    [
        ("msra", "original", True),
        ("msra", "mmpose", True),
        ("dark", "original", False),
        ("dark", "mmpose", True),
        ("udp", "original", False),
        ("udp", "mmpose", False),
        ("megvii", "original", False),
        ("megvii", "mmpose", False),
        ("megvii_udp", "original", False),
    ],
)
def test_flip_shift_belongs_to_the_plain_crop(codec: str, variant: str, shift: bool) -> None:
    config = load_config(HRNET, ["MODEL.CODEC", codec, "MODEL.CODEC_VARIANT", variant])
    assert config.TEST.SHIFT_HEATMAP is shift
    assert any("TEST.SHIFT_HEATMAP" in line for line in notices(config)) is not shift


def test_weight_decay_has_an_effect_where_the_optimiser_has_it() -> None:
    def ineffective(optimizer: str) -> str:
        config = load_config(HRNET, ["TRAIN.OPTIMIZER", optimizer, "TRAIN.WD", "0.1", "TRAIN.MOMENTUM", "0.5"])
        return " ".join(line for line in notices(config) if "without effect" in line)

    assert "TRAIN.WD" in ineffective("adam")
    assert "TRAIN.WD" not in ineffective("adamw")
    assert "TRAIN.MOMENTUM" in ineffective("adamw")
    assert ineffective("sgd") == ineffective("muon") == ""


def test_drops_have_no_effect_on_a_linear_schedule() -> None:
    lines = notices(load_config(HRNET, ["TRAIN.LR_SCHEDULE", "linear", "TRAIN.LR_STEP", "[3]"]))
    assert any("TRAIN.LR_STEP (only for TRAIN.LR_SCHEDULE step)" in line for line in lines)


def test_rsn_means_its_own_codec(tmp_path: Path) -> None:
    path = tmp_path / "rsn.yaml"
    path.write_text(
        "MODEL: {NAME: rsn, IMAGE_SIZE: [192, 256], HEATMAP_SIZE: [48, 64]}\n"
        "DATASET: {DATASET: coco}\nTEST: {POST_PROCESS: true}\n"
    )
    for overrides, codec, decoder in (
        ([], "megvii", "megvii"),
        (["TEST.BLUR_KERNEL", "9"], "megvii", "megvii"),
        (["MODEL.CODEC", "msra"], "msra", "quarter"),
        (OFFSET, "udp", "offset"),
    ):
        config = load_config(path, overrides)
        assert (codec, decoder) == (config.MODEL.CODEC, config.TEST.DECODER)


def test_sigma_has_no_effect_on_five_widths() -> None:
    lines = " ".join(notices(load_config(HRNET, ["MODEL.CODEC", "megvii", "MODEL.SIGMA", "3"])))
    assert "MODEL.SIGMA (codec megvii has five widths of its own)" in lines


def test_wide_fusion_of_udp_gaussian_is_mentioned() -> None:
    lines = notices(load_config(HRNET, ["MODEL.CODEC", "udp"]))
    assert any("weights published by UDP-Pose itself need it true" in line for line in lines)


@pytest.mark.parametrize(
    ("path", "overrides", "message"),
    [
        (
            HRNET,
            ["MODEL.HEATMAP_SIZE", "[96, 128]"],
            r"MODEL\.HEATMAP_SIZE is \[96, 128\], but pose_hrnet makes \[48, 64\]",
        ),
        (RESNET, ["MODEL.HEATMAP_SIZE", "[24, 32]"], r"HEATMAP_SIZE .* pose_resnet makes \[48, 64\]"),
        (HRNET, ["MODEL.IMAGE_SIZE", "[200, 256]"], r"MODEL\.IMAGE_SIZE is \[200, 256\], .*multiples of 32"),
        (HRNET, ["MODEL.IMAGE_SIZE", "[256]"], r"MODEL\.IMAGE_SIZE is \[256\], but it must be two numbers"),
        (HRNET, ["MODEL.NUM_JOINTS", "16"], r"MODEL\.NUM_JOINTS is 16, but the keypoint set coco has 17"),
        (HRNET, ["DATASET.SKELETON", "cocoa"], r"'cocoa' is neither a built-in"),
        (HRNET, ["MODEL.CODEC", "upd"], r"MODEL\.CODEC is 'upd', but it must be one of msra, dark, udp"),
        (HRNET, ["MODEL.TARGET_TYPE", "Gaussian"], r"MODEL\.TARGET_TYPE is 'Gaussian'"),
        (HRNET, ["TRAIN.BATCH_SIZE_PER_GPU", "-1"], r"TRAIN\.BATCH_SIZE_PER_GPU is -1, .*greater than 0"),
        (HRNET, ["TRAIN.LR", "0"], r"TRAIN\.LR is 0\.0"),
        (HRNET, ["TRAIN.LR_STEP", "[200, 170]"], r"TRAIN\.LR_STEP .*ascending"),
        (HRNET, ["TRAIN.OPTIMIZER", "rmsprop"], r"TRAIN\.OPTIMIZER is 'rmsprop'"),
        (HRNET, ["MODEL.SIGMA", "0"], r"MODEL\.SIGMA"),
        (HRNET, ["TEST.BLUR_KERNEL", "4"], r"TEST\.BLUR_KERNEL is 4, but it must be 0 or an odd number"),
        (HRNET, ["DEVICE", "gpu"], r"DEVICE is 'gpu'"),
        (HRNET, ["AMP", "fp8"], r"AMP is 'fp8'"),
        (HRNET, ["TEST.RUNTIME", "tvm"], r"TEST\.RUNTIME is 'tvm', but it must be one of eager, compile"),
        (HRNET, ["DATASET.STD", "[1, 0, 1]"], r"DATASET\.STD"),
        (HRNET, ["LOSS.USE_OHKM", "True", "LOSS.TOPK", "18"], r"LOSS\.TOPK is 18"),
        (HRNET, ["DATASET.SHARDS", "own"], r"DATASET\.SHARDS own needs packed data"),
        (HRNET, ["DATASET.CROP_ON", "device", "DATASET.DATA_FORMAT", "packed"], r"DATASET\.CROP_ON device cuts from"),
        (HRNET, ["MODEL.EXTRA.STAGE3.NUM_BRANCHES", "2"], r"STAGE3\.NUM_BRANCHES is 2, but it must be 3"),
        (HRNET, ["MODEL.EXTRA.STAGE3.NUM_BLOCKS", "[4]"], r"STAGE3\.NUM_BLOCKS is \[4\], .*3 numbers"),
        (HRNET, ["MODEL.EXTRA.STAGE4.BLOCK", "BIG"], r"STAGE4\.BLOCK is 'BIG'"),
        (HRNET, ["MODEL.EXTRA.FINAL_CONV_KERNEL", "2"], r"FINAL_CONV_KERNEL is 2"),
        (HRNET, ["MODEL.EXTRA.STAGE1.NUM_BLOCKS", "0"], r"STAGE1\.NUM_BLOCKS is 0, but it must be 1 or more"),
        (RESNET, ["MODEL.EXTRA.NUM_LAYERS", "51"], r"NUM_LAYERS is 51"),
        (RESNET, ["MODEL.EXTRA.NUM_DECONV_LAYERS", "2"], r"NUM_DECONV_FILTERS is \[256, 256, 256\], .*2 numbers"),
        (RESNET, ["MODEL.EXTRA.NUM_DECONV_KERNELS", "[4, 4, 5]"], r"kernels must be 2, 3 or 4"),
        (RESNET, ["MODEL.WIDE_FUSION", "True"], r"MODEL\.WIDE_FUSION is true, but only pose_hrnet"),
    ],
)
def test_impossible_values(path: Path, overrides: list[str], message: str) -> None:
    with pytest.raises(PoseError, match=rf"{path.name}: .*{message}|^keypoint set .*{message}"):
        load_config(path, overrides)


def test_resnet_with_two_deconvolutions_makes_smaller_maps() -> None:
    overrides = ["MODEL.EXTRA.NUM_DECONV_LAYERS", "2", "MODEL.EXTRA.NUM_DECONV_FILTERS", "[256, 256]"]
    overrides += ["MODEL.EXTRA.NUM_DECONV_KERNELS", "[4, 4]", "MODEL.HEATMAP_SIZE", "[24, 32]"]
    assert load_config(RESNET, overrides).MODEL.HEATMAP_SIZE == [24, 32]


def test_a_network_without_its_options_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bare.yaml"
    path.write_text("MODEL: {NUM_JOINTS: 17}\nDATASET: {DATASET: coco}\n")
    with pytest.raises(PoseError, match=r"MODEL\.EXTRA\.STAGE2\.NUM_MODULES is 0"):
        load_config(path)


def test_steps_end_a_training_alone_or_with_epochs() -> None:
    alone = load_config(HRNET, ["TRAIN.MAX_ITERS", "96000", "TRAIN.END_EPOCH", "0"])
    assert alone.TRAIN.END_EPOCH == 0
    assert "The training ends after 96000 optimiser steps (TRAIN.MAX_ITERS)." in notices(alone)
    both = notices(load_config(HRNET, ["TRAIN.MAX_ITERS", "96000"]))
    assert any("(TRAIN.MAX_ITERS) or 210 epochs, whichever comes first" in line for line in both)


def test_without_epochs_in_the_file_steps_decide(tmp_path: Path) -> None:
    path = tmp_path / "steps.yaml"
    path.write_text("TRAIN: {MAX_ITERS: 10}\nDATASET: {DATASET: coco}\nMODEL: {NAME: pose_resnet, NUM_JOINTS: 17}\n")
    config = load_config(path)
    assert (config.TRAIN.END_EPOCH, config.TRAIN.MAX_ITERS) == (0, 10)
    path.write_text(config_to_text(config))
    assert load_config(path) == config


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["TRAIN.END_EPOCH", "0"], r"TRAIN\.END_EPOCH is 0, so nothing ends the training"),
        (
            ["TRAIN.MAX_ITERS", "9", "TRAIN.WARMUP_ITERS", "9", "TRAIN.LR_SCHEDULE", "linear"],
            r"TRAIN\.WARMUP_ITERS is 9, but the rate falls to 0 at TRAIN\.MAX_ITERS 9",
        ),
        (["TRAIN.NO_DECAY", "[1]"], r"TRAIN\.NO_DECAY is \[1\], but it must be a list of parts of parameter names"),
        (["TRAIN.MAX_ITERS", "-1"], r"TRAIN\.MAX_ITERS is -1, but it must be 0 or more"),
    ],
)
def test_impossible_lengths_are_refused(overrides: list[str], message: str) -> None:
    with pytest.raises(PoseError, match=message):
        load_config(HRNET, overrides)

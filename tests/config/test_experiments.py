"""Every experiment of the repository loads, and says in its name what it is."""

from pathlib import Path

import pytest

from lib.config import config_to_text, is_bottom_up, load_config, notices, output_directory

EXPERIMENTS = Path(__file__).resolve().parents[2] / "experiments"
FILES = sorted(path.relative_to(EXPERIMENTS).as_posix() for path in EXPERIMENTS.rglob("[!_]*.yaml"))


@pytest.mark.parametrize("name", FILES)
def test_experiment_loads(tmp_path: Path, name: str) -> None:
    config = load_config(EXPERIMENTS / name)
    stem = Path(name).stem
    encoding = "dark" if "_dark" in stem else "udp" if "_udp" in stem else "msra"
    if config.MODEL.NAME == "rsn":
        encoding = {"msra": "megvii", "udp": "megvii_udp"}.get(encoding, encoding)
    if is_bottom_up(config):
        encoding = {"msra": "ae", "udp": "ae_udp"}[encoding]
    assert is_bottom_up(config) == ("/ae" in name)
    assert encoding == config.MODEL.CODEC
    assert ("offset" if "_offset" in stem else "gaussian") == config.MODEL.TARGET_TYPE
    # HRFormer's own code is a copy of mmpose.
    mmpose = stem.endswith("_mmpose") or name.startswith("coco/hrformer/")
    assert ("mmpose" if mmpose else "original") == config.MODEL.CODEC_VARIANT
    width, height = config.MODEL.IMAGE_SIZE
    assert f"{height}x{width}" in stem
    assert output_directory(config).name == stem
    assert not [line for line in notices(config) if "without effect" in line]
    saved = tmp_path / "config.yaml"
    saved.write_text(config_to_text(config))
    assert load_config(saved) == config


def test_the_promised_experiments_exist() -> None:
    names = {
        f"coco/hrnet/w{width}_{size}_adam_lr1e-3{suffix}.yaml"
        for width in (32, 48)
        for size in ("256x192", "384x288")
        for suffix in ("", "_dark", "_udp", "_udp_offset")
    }
    names |= {
        f"coco/resnet/res{depth}_{size}_d256x3_adam_lr1e-3{suffix}.yaml"
        for depth in (50, 101, 152)
        for size in ("256x192", "384x288")
        for suffix in ("", "_dark", "_udp")
    }
    names |= {f"synthetic/hrnet_w24_128x96_{codec}.yaml" for codec in ("msra", "dark", "udp", "udp_offset")}
    names |= {
        f"coco_wholebody/hrnet/w32_256x192_adam_{recipe}.yaml"
        for recipe in ("lr1e-3", "lr1e-3_dark", "lr1e-3_udp", "lr5e-4_mmpose", "lr5e-4_dark_mmpose")
    }
    names |= {f"crowdpose/hrnet/w32_256x192_adam_{recipe}.yaml" for recipe in ("lr1e-3", "lr1e-3_udp", "lr5e-4_mmpose")}
    names.add("hand/hrnet/w18_256x256_adam_lr1e-3_udp.yaml")
    names |= {f"coco/rsn/rsn{kind}_256x192.yaml" for kind in ("18", "18x4", "50", "50x2", "50x3", "50x4")}
    names |= {f"coco/rsn/rsn{kind}_256x192_mmpose.yaml" for kind in ("18", "50", "50x2", "50x3")}
    names |= {f"coco/rsn/{name}.yaml" for name in ("res18_256x192", "rsn18_256x192_udp", "rsn50x4_384x288")}
    names |= {
        f"coco/hrformer/{kind}_{size}{suffix}.yaml"
        for kind in ("small", "base")
        for size in ("256x192", "384x288")
        for suffix in ("", "_mmpose")
    }
    small = ("hrnet_w24_128x96_udp", "resnet18_128x96", "rsn18_w16_128x96", "hrformer_w16_128x96_udp")
    names |= {f"{data}/{name}.yaml" for data in ("synthetic", "coco_mini") for name in small}
    names.add("synthetic/rsn18_w16_128x96_udp.yaml")
    names |= {
        f"mpii/hrnet/w{width}_256x256_adam_{recipe}.yaml"
        for width in (32, 48)
        for recipe in ("lr1e-3", "lr1e-3_dark", "lr1e-3_udp", "lr1e-3_udp_offset", "lr5e-4_mmpose")
    }
    names |= {
        f"coco/ae/{network}_{size}_mmpose.yaml"
        for network in ("res50", "res101", "res152", "hrnet_w32", "hrnet_w48", "higher_hrnet_w32")
        for size in ("512x512", "640x640")
    }
    names |= {
        f"coco/ae/{network}_{width}_512x512_udp_mmpose.yaml"
        for network in ("hrnet", "higher_hrnet")
        for width in ("w32", "w48")
    }
    names |= {f"coco/ae/higher_hrnet_{kind}.yaml" for kind in ("w32_512x512", "w32_640x640", "w48_640x640")}
    names |= {"coco/ae/higher_hrnet_w48_512x512_mmpose.yaml", "crowdpose/ae/higher_hrnet_w32_512x512_mmpose.yaml"}
    names |= {f"mpii/resnet/res{depth}_256x256_d256x3_adam_lr1e-3.yaml" for depth in (50, 101, 152)}
    names |= {f"mpii/resnet/res50_256x256_d256x3_adam_{recipe}.yaml" for recipe in ("lr1e-3_udp", "lr5e-4_mmpose")}
    names |= {"mpii/hrnet/w32_256x256_adam_lr5e-4_dark_mmpose.yaml", "mpii/rsn/rsn18_256x256.yaml"}
    assert names <= set(FILES)
    for data in ("synthetic", "coco_mini"):
        assert any(name.startswith(f"{data}/ae_") for name in FILES)


@pytest.mark.parametrize("name", [name for name in FILES if name.startswith("coco/hrnet") and "1e-3_udp" in name])
def test_udp_experiments_use_the_wide_network(name: str) -> None:
    assert load_config(EXPERIMENTS / name).MODEL.WIDE_FUSION is True


@pytest.mark.parametrize(
    ("name", "batch", "kernel", "shift"),
    [
        ("coco/hrnet/w32_384x288_adam_lr5e-4_udp_mmpose.yaml", 512, 17, False),
        ("coco/hrnet/w48_256x192_adam_lr5e-4_dark_mmpose.yaml", 256, 11, True),
        ("coco/resnet/res101_384x288_d256x3_adam_lr5e-4_dark_mmpose.yaml", 512, 17, True),
        ("coco/resnet/res101_384x288_d256x3_adam_lr5e-4_mmpose.yaml", 256, 0, True),
    ],
)
def test_mmpose_recipes(name: str, batch: int, kernel: int, shift: bool) -> None:
    config = load_config(EXPERIMENTS / name)
    assert batch == config.TRAIN.EXPECTED_BATCH
    assert kernel == config.TEST.BLUR_KERNEL
    assert config.TEST.SHIFT_HEATMAP is shift
    assert (config.TRAIN.LR, config.TRAIN.WARMUP_ITERS, config.TRAIN.END_EPOCH) == (0.0005, 500, 210)
    assert (config.DATASET.SCALE_FACTOR, config.DATASET.ROT_FACTOR, config.DATASET.PROB_HALF_BODY) == (0.5, 40, 0.3)
    assert config.DATASET.COLOR_RGB


@pytest.mark.parametrize(
    ("name", "rate", "batch", "iterations"),
    [
        ("rsn18_256x192", 0.004, 256, 96000),
        ("rsn50x4_384x288", 0.004, 256, 96000),
        ("rsn18_256x192_udp", 0.004, 288, 128000),
    ],
)
def test_rsn_recipes(name: str, rate: float, batch: int, iterations: int) -> None:
    config = load_config(EXPERIMENTS / f"coco/rsn/{name}.yaml")
    train, data = config.TRAIN, config.DATASET
    assert (rate, batch, iterations) == (train.LR, train.EXPECTED_BATCH, train.MAX_ITERS)
    assert (train.LR_SCHEDULE, train.WARMUP_ITERS, train.WARMUP_FACTOR) == ("linear", 2400, 0.1)
    assert (train.OPTIMIZER, train.ADAM_WD, train.NO_DECAY) == ("adam", 1e-5, [])
    assert (data.AUGMENTATION, data.BOX_PADDING, data.COLOR_RGB) == ("rsn", [1.09, 1.135], False)
    assert (config.LOSS.USE_OHKM, config.LOSS.TOPK) == (True, 8)
    assert (config.TEST.OKS_THRE, config.TEST.IN_VIS_THRE) == (1.0, -1.0)


@pytest.mark.parametrize(
    ("name", "rate", "steps"),
    [("rsn18_256x192_mmpose", 0.02, [170, 190, 200]), ("rsn50x3_256x192_mmpose", 0.005, [170, 200])],
)
def test_mmposes_rsn_recipes(name: str, rate: float, steps: list[int]) -> None:
    config = load_config(EXPERIMENTS / f"coco/rsn/{name}.yaml")
    assert (rate, steps, 256) == (config.TRAIN.LR, config.TRAIN.LR_STEP, config.TRAIN.EXPECTED_BATCH)
    assert config.DATASET.AUGMENTATION == "mmpose"
    assert (config.TEST.OKS_THRE, config.TEST.IN_VIS_THRE) == (1.0, 0.2), "use_nms=False, vis_thr=0.2"


@pytest.mark.parametrize(("name", "drop_path"), [("small_384x288", 0.1), ("base_256x192", 0.2), ("base_384x288", 0.3)])
@pytest.mark.parametrize("suffix", ["", "_mmpose"])
def test_hrformer_recipes(name: str, drop_path: float, suffix: str) -> None:
    config = load_config(EXPERIMENTS / f"coco/hrformer/{name}{suffix}.yaml")
    train = config.TRAIN
    assert (train.OPTIMIZER, train.LR, train.WD, train.NO_DECAY) == (
        "adamw",
        0.0005,
        0.01,
        ["relative_position_bias_table"],
    )
    assert (train.WARMUP_ITERS, train.LR_STEP, train.END_EPOCH, train.EXPECTED_BATCH) == (500, [170, 200], 210, 256)
    assert train.BATCH_SIZE_PER_GPU * train.ACCUMULATE == 32
    assert config.MODEL.EXTRA.WITH_RPE is bool(suffix)
    assert drop_path == config.MODEL.EXTRA.DROP_PATH
    assert (3 if "384" in name else 2) == config.MODEL.SIGMA


@pytest.mark.parametrize(
    ("name", "rate", "warm_up", "per_gpu", "batch", "project"),
    [
        ("coco/ae/res50_512x512_mmpose", 0.0015, 500, 24, 192, True),
        ("coco/ae/hrnet_w48_640x640_mmpose", 0.0015, 500, 8, 64, True),
        ("coco/ae/higher_hrnet_w32_512x512_udp_mmpose", 0.0015, 500, 24, 192, False),
        ("coco/ae/hrnet_w48_512x512_udp_mmpose", 0.0015, 500, 16, 128, False),
        ("coco/ae/higher_hrnet_w48_512x512_udp_mmpose", 0.0015, 500, 16, 128, False),
        ("crowdpose/ae/higher_hrnet_w32_512x512_mmpose", 0.0015, 500, 24, 192, True),
        ("coco/ae/higher_hrnet_w32_512x512", 0.001, 0, 12, 48, True),
        ("coco/ae/higher_hrnet_w48_640x640", 0.001, 0, 10, 40, True),
    ],
)
def test_associative_embedding_recipes(
    name: str, rate: float, warm_up: int, per_gpu: int, batch: int, project: bool
) -> None:
    config = load_config(EXPERIMENTS / f"{name}.yaml")
    train, data, loss, test = config.TRAIN, config.DATASET, config.LOSS, config.TEST
    assert (rate, warm_up, per_gpu, batch) == (
        *(train.LR, train.WARMUP_ITERS),
        *(train.BATCH_SIZE_PER_GPU, train.EXPECTED_BATCH),
    )
    assert (train.OPTIMIZER, train.LR_STEP, train.END_EPOCH, train.LR_SCHEDULE) == ("adam", [200, 260], 300, "step")
    assert (data.ROT_FACTOR, data.MIN_SCALE, data.MAX_SCALE, data.SCALE_TYPE) == (30, 0.75, 1.5, "short")
    assert (data.MAX_TRANSLATE, data.FLIP, data.MAX_NUM_PEOPLE, data.COLOR_RGB) == (40, True, 30, True)
    assert (loss.AE_LOSS_TYPE, loss.PUSH_LOSS_FACTOR, loss.PULL_LOSS_FACTOR) == ("exp", 0.001, 0.001)
    assert (test.NMS_KERNEL, test.DETECTION_THRESHOLD, test.TAG_THRESHOLD, test.OKS_THRE) == (5, 0.1, 1, 1)
    assert (True, True, project, True) == (test.ADJUST, test.REFINE, test.PROJECT2IMAGE, test.FLIP_TEST)
    assert {14: "crowdpose", 17: "coco"}[config.MODEL.NUM_JOINTS] == data.SKELETON == data.DATASET


def test_mmpose_moves_the_crops_of_coco_only(repository: Path) -> None:
    for path in sorted((repository / "experiments").rglob("*_mmpose.yaml")):
        if not path.name.startswith("_") and path.parent.name != "ae":
            data = load_config(path).DATASET
            assert ("hrnet" if data.DATASET == "mpii" else "mmpose") == data.AUGMENTATION, path


@pytest.mark.parametrize("name", [name for name in FILES if name.startswith("mpii/")])
def test_mpii_experiments(name: str) -> None:
    config = load_config(EXPERIMENTS / name)
    data = config.DATASET
    assert (
        *("mpii", "mpii", "data/mpii/"),
        *("train", "valid"),
    ) == (data.DATASET, data.SKELETON, data.ROOT, data.TRAIN_SET, data.TEST_SET)
    augmentation = (data.AUGMENTATION, data.SCALE_FACTOR, data.ROT_FACTOR, max(data.PROB_HALF_BODY, 0))
    if name.startswith("mpii/rsn/"):
        assert augmentation == ("rsn_mpii", 0.25, 60, 0.5)
        assert config.TRAIN.MAX_ITERS == 28800
        assert {"megvii": 9, "megvii_udp": 0, "dark": 11}[config.MODEL.CODEC] == config.TEST.BLUR_KERNEL
    else:
        assert augmentation == (("hrnet", 0.5, 40, 0) if "mmpose" in name else ("hrnet", 0.25, 30, 0))
        assert (512 if "mmpose" in name else 128) == config.TRAIN.EXPECTED_BATCH
    assert data.BOX_PADDING == [1.25, 1.25]

"""Every experiment of the repository loads, and says in its name what it is."""

from pathlib import Path

import pytest

from lib.config import config_to_text, load_config, notices, output_directory

EXPERIMENTS = Path(__file__).resolve().parents[2] / "experiments"
FILES = sorted(path.relative_to(EXPERIMENTS).as_posix() for path in EXPERIMENTS.rglob("[!_]*.yaml"))


@pytest.mark.parametrize("name", FILES)
def test_experiment_loads(tmp_path: Path, name: str) -> None:
    config = load_config(EXPERIMENTS / name)
    stem = Path(name).stem
    expected = "dark" if "_dark" in stem else "udp" if "_udp" in stem else "msra"
    assert expected == config.MODEL.CODEC
    assert ("offset" if "_offset" in stem else "gaussian") == config.MODEL.TARGET_TYPE
    assert ("mmpose" if stem.endswith("_mmpose") else "original") == config.MODEL.CODEC_VARIANT
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
    names.add("coco_mini/hrnet_w24_128x96_udp.yaml")
    assert names <= set(FILES)


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

"""The published YAML files load unchanged and mean what their systems mean."""

from pathlib import Path

import pytest
import yaml
from published_files import hourglass_file, published_files

from lib.config import flat_items, load_config, notices
from lib.utils.errors import PoseError

FILES = published_files()
# Keys that our experiments do not repeat, because nothing reads them, and the run's own name.
NOT_COMPARED = {"RUN_NAME", "TEST.NMS_THRE"}


def write(folder: Path, text: str, name: str = "published.yaml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


@pytest.mark.parametrize("name", FILES)
def test_every_published_value_arrives(tmp_path: Path, name: str) -> None:
    config = dict(flat_items(load_config(write(tmp_path, FILES[name]))))
    assert config["GPUS"] == ((0, 1) if "128x96" in name else (0, 1, 2, 3))
    for key, value in flatten(yaml.safe_load(FILES[name])):
        if key not in ("GPUS", "TEST.SHIFT_HEATMAP"):
            assert config[key] == value, key


@pytest.mark.parametrize(
    ("name", "codec", "decoder", "wide", "shift"),
    [
        ("hrnet_w32_256x192", "msra", "quarter", False, True),
        ("hrnet_res50_384x288", "msra", "quarter", False, True),
        ("dark_w48_384x288", "dark", "dark", False, False),
        ("dark_res50_128x96", "dark", "dark", False, False),
        ("udp_w32_256x192_offset", "udp", "offset", True, False),
    ],
)
def test_the_system_is_recognised(tmp_path: Path, name: str, codec: str, decoder: str, wide: bool, shift: bool) -> None:
    config = load_config(write(tmp_path, FILES[name]))
    assert codec == config.MODEL.CODEC
    assert decoder == config.TEST.DECODER
    assert config.MODEL.WIDE_FUSION is wide
    assert config.TEST.SHIFT_HEATMAP is shift
    assert any(f"MODEL.CODEC is {codec}, because" in line for line in notices(config))


def test_mpii_files_take_the_mpii_keypoints(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, FILES["hrnet_mpii_w32_256x256"]))
    assert config.DATASET.SKELETON == "mpii"


def test_keys_without_effect_are_listed_once(tmp_path: Path) -> None:
    lines = [
        line for line in notices(load_config(write(tmp_path, FILES["udp_w32_256x192_offset"]))) if "effect" in line
    ]
    assert len(lines) == 1
    for key in ("TRAIN.GAMMA1", "TRAIN.GAMMA2", "TEST.BBOX_THRE", "TRAIN.WD", "TEST.SHIFT_HEATMAP"):
        assert lines[0].count(key) == 1


def test_the_recipe_batch_is_that_of_the_file(tmp_path: Path) -> None:
    path = write(tmp_path, FILES["hrnet_w48_384x288"])
    assert load_config(path).TRAIN.EXPECTED_BATCH == 96
    assert load_config(path, ["TRAIN.BATCH_SIZE_PER_GPU", "2"]).TRAIN.EXPECTED_BATCH == 96


def test_hourglass_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(PoseError, match=r"published\.yaml sets MODEL\.NAME to 'hourglass'.*pose_hrnet, pose_resnet"):
        load_config(write(tmp_path, hourglass_file()))


@pytest.mark.parametrize("name", [name for name in FILES if "mpii" not in name and "128x96" not in name])
def test_our_experiments_repeat_the_published_ones(tmp_path: Path, repository: Path, name: str) -> None:
    system, network, size = name.split("_")[:3]
    folder, rest = ("hrnet", "adam_lr1e-3") if network.startswith("w") else ("resnet", "d256x3_adam_lr1e-3")
    suffix = {"hrnet": "", "dark": "_dark", "udp": "_udp_offset"}[system]
    ours = load_config(repository / "experiments" / "coco" / folder / f"{network}_{size}_{rest}{suffix}.yaml")
    published = dict(flat_items(load_config(write(tmp_path, FILES[name]))))
    ignored = NOT_COMPARED | ({"WORKERS"} if system == "udp" else set())
    different = {key for key, value in flat_items(ours) if value != published[key]} - ignored
    assert different == set()


# What MPII's published files leave at COCO's values or out, and MPII's tests do not read.
NOT_READ_FOR_MPII = {
    f"TEST.{key}" for key in ("USE_GT_BBOX", "COCO_BBOX_FILE", "IMAGE_THRE", "IN_VIS_THRE", "OKS_THRE")
}


@pytest.mark.parametrize("name", [name for name in FILES if "mpii" in name])
def test_our_mpii_experiments_repeat_the_published_ones(tmp_path: Path, repository: Path, name: str) -> None:
    system, _, network, size = name.split("_")
    folder, rest = ("hrnet", "adam_lr1e-3") if network.startswith("w") else ("resnet", "d256x3_adam_lr1e-3")
    suffix = {"hrnet": "", "dark": "_dark"}[system]
    ours = load_config(repository / "experiments" / "mpii" / folder / f"{network}_{size}_{rest}{suffix}.yaml")
    published = dict(flat_items(load_config(write(tmp_path, FILES[name]))))
    different = {key for key, value in flat_items(ours) if value != published[key]}
    assert different <= NOT_COMPARED | NOT_READ_FOR_MPII


def flatten(content: dict, prefix: str = "") -> list[tuple[str, object]]:
    items = []
    for key, value in content.items():
        if isinstance(value, dict):
            items += flatten(value, f"{prefix}{key}.")
        else:
            items.append((prefix + key, value))
    return items

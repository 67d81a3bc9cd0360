"""Python configs of other systems are refused with the file to use instead."""

from pathlib import Path

import pytest

from lib.config import load_config
from lib.config.foreign import EXPERIMENTS
from lib.utils.errors import PoseError


@pytest.mark.parametrize(
    ("name", "equivalent"),
    [
        ("hrnet_w32_coco_256x192.py", "hrnet/w32_256x192_adam_lr5e-4_mmpose"),
        ("hrnet_w32_coco_256x192_udp.py", "hrnet/w32_256x192_adam_lr5e-4_udp_mmpose"),
        ("hrnet_w32_coco_256x192_udp_regress.py", "hrnet/w32_256x192_adam_lr5e-4_udp_offset_mmpose"),
        ("hrnet_w48_coco_384x288_dark.py", "hrnet/w48_384x288_adam_lr5e-4_dark_mmpose"),
        ("res152_coco_384x288.py", "resnet/res152_384x288_d256x3_adam_lr5e-4_mmpose"),
        ("td-hm_hrnet-w48_udp-8xb32-210e_coco-384x288.py", "hrnet/w48_384x288_adam_lr5e-4_udp_mmpose"),
        ("td-hm_hrnet-w32_udp-regress-8xb64-210e_coco-256x192.py", "hrnet/w32_256x192_adam_lr5e-4_udp_offset_mmpose"),
        ("td-hm_res50_dark-8xb64-210e_coco-256x192.py", "resnet/res50_256x192_d256x3_adam_lr5e-4_dark_mmpose"),
        ("rsn18_coco_256x192.py", "rsn/rsn18_256x192_mmpose"),
        ("2xrsn50_coco_256x192.py", "rsn/rsn50x2_256x192_mmpose"),
        ("td-hm_3xrsn50_8xb32-210e_coco-256x192.py", "rsn/rsn50x3_256x192_mmpose"),
        ("hrformer_base_coco_384x288.py", "hrformer/base_384x288_mmpose"),
        ("td-hm_hrformer-small_8xb32-210e_coco-256x192.py", "hrformer/small_256x192_mmpose"),
        ("res152_coco_640x640.py", "ae/res152_640x640_mmpose"),
        ("hrnet_w32_coco_512x512_udp.py", "ae/hrnet_w32_512x512_udp_mmpose"),
        ("hrnet_w48_coco_512x512_udp.py", "ae/hrnet_w48_512x512_udp_mmpose"),
        ("higherhrnet_w48_coco_512x512.py", "ae/higher_hrnet_w48_512x512_mmpose"),
        ("higherhrnet_w48_coco_512x512_udp.py", "ae/higher_hrnet_w48_512x512_udp_mmpose"),
        ("ae_hrnet-w32_8xb24-300e_coco-512x512.py", "ae/hrnet_w32_512x512_mmpose"),
    ],
)
def test_mmpose_configs_name_our_file(name: str, equivalent: str) -> None:
    with pytest.raises(PoseError, match=f"{name} is a Python config of mmpose.*use experiments/coco/{equivalent}.yaml"):
        load_config(Path("configs") / name)
    assert (EXPERIMENTS / "coco" / f"{equivalent}.yaml").is_file()


@pytest.mark.parametrize(
    ("name", "equivalent"),
    [
        ("hrnet_w32_crowdpose_256x192.py", "crowdpose/hrnet/w32_256x192_adam_lr5e-4_mmpose"),
        ("hrnet_w32_coco_wholebody_256x192_dark.py", "coco_wholebody/hrnet/w32_256x192_adam_lr5e-4_dark_mmpose"),
        ("td-hm_hrnet-w32_dark-8xb64-210e_mpii-256x256.py", "mpii/hrnet/w32_256x256_adam_lr5e-4_dark_mmpose"),
        ("higherhrnet_w32_crowdpose_512x512.py", "crowdpose/ae/higher_hrnet_w32_512x512_mmpose"),
    ],
)
def test_configs_of_other_data_sets_name_our_file(name: str, equivalent: str) -> None:
    with pytest.raises(PoseError, match=f"use experiments/{equivalent}.yaml"):
        load_config(name)


def test_hrformers_configs_name_our_file() -> None:
    with pytest.raises(PoseError, match=r"config of HRFormer.*use experiments/coco/hrformer/base_384x288\.yaml"):
        load_config("configs/hrt_base_coco_384x288.py")


@pytest.mark.parametrize(
    "name", ["vitpose_coco_256x192.py", "hrnet_w32_coco_256x192_gridmask.py", "hrnet_w18_mpii_256x256.py"]
)
def test_other_mmpose_configs_name_where_to_start(name: str) -> None:
    with pytest.raises(PoseError, match=r"no YAML file here is known to be this experiment.*experiments/.*\.yaml"):
        load_config(name)


@pytest.mark.parametrize(
    ("folder", "equivalent"),
    [
        ("RSN18.coco", "rsn18_256x192"),
        ("4XRSN18.coco", "rsn18x4_256x192"),
        ("RSN50.coco", "rsn50_256x192"),
        ("Res18.coco", "res18_256x192"),
        ("RSN18.coco.e1.se.36x8x132000_prm", "rsn18_256x192_udp"),
        ("RSN18.coco.udp", "rsn18_256x192_udp"),
    ],
)
def test_rsn_configs_name_our_file(folder: str, equivalent: str) -> None:
    with pytest.raises(PoseError, match=f"config.py is a Python config of RSN.*use experiments/coco/rsn/{equivalent}"):
        load_config(f"exps/{folder}/config.py")


def test_other_rsn_configs_name_where_to_start() -> None:
    with pytest.raises(PoseError, match=r"config\.py is a Python config, probably of RSN.*no YAML file"):
        load_config("exps/mspn.2xstg.coco/config.py")

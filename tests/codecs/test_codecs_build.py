"""From configuration to codec."""

from pathlib import Path
from typing import Any

import pytest

from lib.codecs import Codec, build_codec
from lib.codecs.dark import DarkCodec
from lib.codecs.megvii import MegviiCodec
from lib.codecs.megvii_udp import MegviiUdpCodec
from lib.codecs.msra import MsraCodec
from lib.codecs.udp import UdpGaussianCodec
from lib.codecs.udp_offset import UdpOffsetCodec
from lib.config import load_config
from lib.utils.errors import PoseError

LARGE = {"MODEL.IMAGE_SIZE": [288, 384], "MODEL.HEATMAP_SIZE": [72, 96], "MODEL.SIGMA": 3}
MMPOSE = {"MODEL.CODEC_VARIANT": "mmpose"}
POST_PROCESS = {"TEST.POST_PROCESS": True}


def build(tmp_path: Path, settings: dict[str, Any]) -> Codec:
    file = tmp_path / "experiment.yaml"
    file.write_text(
        "MODEL: {NAME: pose_resnet, NUM_JOINTS: 17, IMAGE_SIZE: [192, 256], HEATMAP_SIZE: [48, 64]}\n"
        "DATASET: {DATASET: coco}\n"
    )
    return build_codec(load_config(file, [str(part) for item in settings.items() for part in item]))


@pytest.mark.parametrize(
    ("settings", "kind", "decoder", "crop"),
    [
        ({}, MsraCodec, "argmax", "plain"),
        (POST_PROCESS, MsraCodec, "quarter", "plain"),
        ({"MODEL.CODEC": "msra", "TEST.DECODER": "dark"}, MsraCodec, "dark", "plain"),
        ({"TEST.BLUR_KERNEL": 11} | POST_PROCESS, DarkCodec, "dark", "dark"),
        ({"MODEL.CODEC": "dark"} | POST_PROCESS | MMPOSE, DarkCodec, "dark", "plain"),
        ({"MODEL.CODEC": "udp"} | POST_PROCESS, UdpGaussianCodec, "udp", "udp"),
        ({"MODEL.CODEC": "udp", "TEST.DECODER": "exact"}, UdpGaussianCodec, "exact", "udp"),
        ({"MODEL.TARGET_TYPE": "offset"}, UdpOffsetCodec, "offset", "udp"),
        ({"MODEL.CODEC": "megvii"} | POST_PROCESS, MegviiCodec, "megvii", "plain"),
        ({"MODEL.CODEC": "megvii"} | POST_PROCESS | MMPOSE, MegviiCodec, "megvii", "plain"),
        ({"MODEL.CODEC": "megvii", "TEST.DECODER": "dark"}, MegviiCodec, "dark", "plain"),
        ({"MODEL.CODEC": "megvii_udp"} | POST_PROCESS, MegviiUdpCodec, "udp", "udp"),
        ({"MODEL.CODEC": "megvii_udp", "TEST.DECODER": "exact"}, MegviiUdpCodec, "exact", "udp"),
    ],
)
def test_kind(tmp_path: Path, settings: dict[str, Any], kind: type[Codec], decoder: str, crop: str) -> None:
    codec = build(tmp_path, settings)
    assert type(codec) is kind
    assert (codec.decoder, codec.crop.name) == (decoder, crop)
    assert codec.num_channels == (51 if kind is UdpOffsetCodec else 17)
    assert codec.flip_permutation[:3] == (0, 2, 1)


@pytest.mark.parametrize(
    ("settings", "kernel"),
    [
        ({"MODEL.CODEC": "dark"} | POST_PROCESS, 11),
        ({"MODEL.CODEC": "dark"} | POST_PROCESS | LARGE, 11),
        ({"MODEL.CODEC": "dark"} | POST_PROCESS | MMPOSE, 11),
        ({"MODEL.CODEC": "dark"} | POST_PROCESS | MMPOSE | LARGE, 17),
        ({"MODEL.CODEC": "udp"} | POST_PROCESS, 7),
        ({"MODEL.CODEC": "udp"} | POST_PROCESS | LARGE, 7),
        ({"MODEL.CODEC": "udp"} | POST_PROCESS | MMPOSE, 11),
        ({"MODEL.CODEC": "udp"} | POST_PROCESS | MMPOSE | LARGE, 17),
        ({"MODEL.CODEC": "udp", "TEST.BLUR_KERNEL": 5} | POST_PROCESS, 5),
        ({"MODEL.CODEC": "megvii"} | POST_PROCESS, 5),
        ({"MODEL.CODEC": "megvii"} | POST_PROCESS | MMPOSE, 5),
        ({"MODEL.CODEC": "megvii", "TEST.BLUR_KERNEL": 9} | POST_PROCESS, 9),
        ({"MODEL.CODEC": "megvii", "TEST.DECODER": "dark"}, 11),
        ({"MODEL.CODEC": "megvii_udp"} | POST_PROCESS, 7),
        ({"MODEL.TARGET_TYPE": "offset"}, 7),
        ({"MODEL.TARGET_TYPE": "offset"} | MMPOSE, 11),
    ],
)
def test_published_blur(tmp_path: Path, settings: dict[str, Any], kernel: int) -> None:
    assert build(tmp_path, settings).blur_kernel == kernel


def test_offset_radius(tmp_path: Path) -> None:
    offset = {"MODEL.TARGET_TYPE": "offset"}
    assert build(tmp_path, offset).radius == 4.0
    assert build(tmp_path, offset | {"LOSS.KPD": 3.5} | LARGE).radius == 3.5
    assert build(tmp_path, offset | MMPOSE).radius == 3.5
    assert build(tmp_path, offset | MMPOSE | LARGE).radius == 5.25
    with pytest.raises(PoseError, match=r"LOSS\.KPD 0\.5"):
        build(tmp_path, offset | {"LOSS.KPD": 0.5})


@pytest.mark.parametrize(
    ("settings", "shifted"),
    [
        ({}, True),
        ({"MODEL.CODEC": "dark"}, False),
        ({"MODEL.CODEC": "dark"} | MMPOSE, True),
        ({"MODEL.CODEC": "udp"}, False),
        ({"MODEL.CODEC": "megvii"}, False),
        ({"MODEL.CODEC": "megvii_udp"}, False),
    ],
)
def test_flip_shift_belongs_to_the_plain_crop(tmp_path: Path, settings: dict[str, Any], shifted: bool) -> None:
    assert not build(tmp_path, settings).shift_flipped
    assert build(tmp_path, settings | {"TEST.SHIFT_HEATMAP": True}).shift_flipped == shifted


def test_joint_weights_come_from_the_keypoint_set(tmp_path: Path) -> None:
    assert build(tmp_path, {}).joint_weights is None
    weights = build(tmp_path, {"LOSS.USE_DIFFERENT_JOINTS_WEIGHT": True}).joint_weights
    assert weights is not None
    assert [weights[index] for index in (0, 7, 9, 15)] == pytest.approx([1.0, 1.2, 1.5, 1.5])


def test_no_response(tmp_path: Path) -> None:
    assert build(tmp_path, {}).absent is None
    assert build(tmp_path, {"TEST.NO_RESPONSE": "published"}).absent == 0
    assert build(tmp_path, {"TEST.NO_RESPONSE": "published"} | MMPOSE).absent == -1

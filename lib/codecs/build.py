"""From the configuration to a codec."""

from typing import Any

from yacs.config import CfgNode

from lib.codecs.base import Codec
from lib.codecs.dark import DarkCodec
from lib.codecs.megvii import MegviiCodec
from lib.codecs.megvii_udp import MegviiUdpCodec
from lib.codecs.msra import MsraCodec
from lib.codecs.udp import UdpGaussianCodec
from lib.codecs.udp_offset import MMPOSE_RADIUS_FACTOR, UdpOffsetCodec
from lib.config import is_bottom_up, resolve_skeleton
from lib.utils.errors import PoseError
from lib.utils.geometry import DarkCrop, PlainCrop, UdpCrop


def build_codec(cfg: CfgNode) -> Codec:
    """The codec that a resolved configuration asks for.

    Args:
        cfg: from `load_config`; read are MODEL.{CODEC, CODEC_VARIANT, TARGET_TYPE, IMAGE_SIZE, HEATMAP_SIZE, SIGMA},
            DATASET.BOX_PADDING, LOSS.{KPD, USE_DIFFERENT_JOINTS_WEIGHT}, TEST.{DECODER, BLUR_KERNEL, NO_RESPONSE,
            SHIFT_HEATMAP} and the keypoint set.

    Raises:
        PoseError: the values do not fit together, or the configuration is bottom-up; see `build_group_codec`.
    """
    if is_bottom_up(cfg):
        raise PoseError(
            f"MODEL.CODEC {cfg.MODEL.CODEC} finds all people of a whole picture, but this needs single people; use a "
            "top-down configuration."
        )
    skeleton = resolve_skeleton(cfg)
    mmpose = cfg.MODEL.CODEC_VARIANT == "mmpose"
    sizes = cfg.MODEL.IMAGE_SIZE, cfg.MODEL.HEATMAP_SIZE, cfg.DATASET.BOX_PADDING
    shared: dict[str, Any] = {
        "flip_permutation": skeleton.flip_permutation,
        "variant": cfg.MODEL.CODEC_VARIANT,
        "decoder": cfg.TEST.DECODER,
        "blur_kernel": cfg.TEST.BLUR_KERNEL,
        "no_response": cfg.TEST.NO_RESPONSE,
    }
    # RSN's maps keep the annotation's flags as weights; the loss multiplies them.
    if cfg.MODEL.CODEC == "megvii":
        return MegviiCodec(PlainCrop(*sizes), **shared)
    if cfg.MODEL.CODEC == "megvii_udp":
        return MegviiUdpCodec(UdpCrop(*sizes), **shared)
    shared["joint_weights"] = skeleton.weights if cfg.LOSS.USE_DIFFERENT_JOINTS_WEIGHT else None
    if cfg.MODEL.TARGET_TYPE == "offset":
        radius = MMPOSE_RADIUS_FACTOR * cfg.MODEL.HEATMAP_SIZE[1] if mmpose else cfg.LOSS.KPD
        return UdpOffsetCodec(UdpCrop(*sizes), radius=radius, **shared)
    shared["sigma"] = cfg.MODEL.SIGMA
    if cfg.MODEL.CODEC == "udp":
        return UdpGaussianCodec(UdpCrop(*sizes), **shared)
    # Only the plain crop leaves a mirrored input half an input pixel off and needs its maps moved.
    shift = cfg.TEST.SHIFT_HEATMAP
    if cfg.MODEL.CODEC == "msra":
        return MsraCodec(PlainCrop(*sizes), shift_flipped=shift, **shared)
    if mmpose:
        return DarkCodec(PlainCrop(*sizes), shift_flipped=shift, **shared)
    return DarkCodec(DarkCrop(*sizes), **shared)

"""Options of each network (MODEL.EXTRA) and what the configuration must know about its shape."""

from collections.abc import Mapping
from typing import Any

from yacs.config import CfgNode

# Every network here halves its resolution five times at its coarsest, so the crop must be a multiple of this.
COARSEST_STRIDE = 32


def _hrnet_stem() -> CfgNode:
    node = CfgNode()
    node.NUM_CHANNELS = 64  # NEW: width of the stem and of the bottlenecks before stage 2
    node.NUM_BLOCKS = 4  # NEW: those bottlenecks
    return node


def _hrnet_stage() -> CfgNode:
    node = CfgNode()
    node.NUM_MODULES = 0  # multi-resolution modules in the stage; to be given
    node.NUM_BRANCHES = 0  # parallel resolutions: 2, 3, 4 in stages 2, 3, 4; to be given
    node.BLOCK = "BASIC"  # residual block: BASIC | BOTTLENECK
    node.NUM_BLOCKS = []  # blocks per branch of one module; to be given
    node.NUM_CHANNELS = []  # width of each branch; to be given
    node.FUSE_METHOD = "SUM"  # how branches join; SUM is the only one
    return node


def _hrnet() -> CfgNode:
    node = CfgNode()
    node.PRETRAINED_LAYERS = ["*"]  # first parts of the names taken from MODEL.PRETRAINED; '*' = all
    node.FINAL_CONV_KERNEL = 1  # kernel of the last convolution: 1 | 3
    node.STAGE1 = _hrnet_stem()
    node.STAGE2 = _hrnet_stage()
    node.STAGE3 = _hrnet_stage()
    node.STAGE4 = _hrnet_stage()
    return node


def _resnet() -> CfgNode:
    node = CfgNode()
    node.PRETRAINED_LAYERS = ["*"]  # first parts of the names taken from MODEL.PRETRAINED; '*' = all
    node.NUM_LAYERS = 50  # depth: 18 | 34 | 50 | 101 | 152
    node.DECONV_WITH_BIAS = False  # bias in transposed convolutions
    node.NUM_DECONV_LAYERS = 3  # transposed convolutions, each doubling the resolution
    node.NUM_DECONV_FILTERS = [256, 256, 256]  # their widths
    node.NUM_DECONV_KERNELS = [4, 4, 4]  # their kernels: 2 | 3 | 4
    node.FINAL_CONV_KERNEL = 1  # kernel of the last convolution: 1 | 3
    return node


_EXTRAS = {"pose_hrnet": _hrnet, "pose_resnet": _resnet}
MODEL_NAMES = tuple(_EXTRAS)


def default_extra(model_name: str) -> CfgNode:
    """MODEL.EXTRA of a network with every option at its default; `model_name` is one of MODEL_NAMES."""
    return _EXTRAS[model_name]()


def heatmap_stride(model_name: str, extra: Mapping[str, Any]) -> int:
    """Crop pixels per heatmap pixel of the network that these options make."""
    if model_name == "pose_resnet":
        return COARSEST_STRIDE // 2 ** extra["NUM_DECONV_LAYERS"]
    return 4

"""Options of pose_higher_hrnet."""

from yacs.config import CfgNode

from lib.config.networks import hrnet
from lib.config.networks.shared import wide_fusion_fault


def default_extra() -> CfgNode:
    """MODEL.EXTRA with every option at its default: those of pose_hrnet and the way to the second output."""
    node = hrnet.default_extra()
    node.DECONV = CfgNode()
    node.DECONV.NUM_CHANNELS = 32  # width of the second output's features; published: that of STAGE4's first branch
    node.DECONV.KERNEL_SIZE = 4  # kernel of the transposed convolution, which doubles the size: 2 | 3 | 4
    node.DECONV.NUM_BASIC_BLOCKS = 4  # residual blocks after it
    return node


def stride(extra: CfgNode) -> int:
    """Crop pixels per heatmap pixel of the first output; the second has half as many."""
    return hrnet.stride(extra)


def fault(model: CfgNode) -> str:
    """What is wrong with a MODEL section, as a phrase; '' for nothing."""
    deconv = model.EXTRA.DECONV
    if deconv.NUM_CHANNELS < 1:
        return f"MODEL.EXTRA.DECONV.NUM_CHANNELS is {deconv.NUM_CHANNELS}, but it must be 1 or more"
    if deconv.KERNEL_SIZE not in (2, 3, 4):
        return f"MODEL.EXTRA.DECONV.KERNEL_SIZE is {deconv.KERNEL_SIZE}, but it must be 2, 3 or 4"
    if deconv.NUM_BASIC_BLOCKS < 0:
        return f"MODEL.EXTRA.DECONV.NUM_BASIC_BLOCKS is {deconv.NUM_BASIC_BLOCKS}, but it must be 0 or more"
    return wide_fusion_fault(model) or hrnet.fault(model)

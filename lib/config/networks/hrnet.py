"""Options of pose_hrnet."""

from yacs.config import CfgNode

from lib.config.networks.branches import branches_fault, default_stage, default_stem, stages
from lib.config.networks.shared import final_kernel_fault


def default_extra() -> CfgNode:
    """MODEL.EXTRA with every option at its default."""
    node = CfgNode()
    node.PRETRAINED_LAYERS = ["*"]  # first parts of the names taken from MODEL.PRETRAINED; '*' = all
    node.FINAL_CONV_KERNEL = 1  # kernel of the last convolution: 1 | 3
    node.STAGE1 = default_stem(4)
    node.STAGE2 = _stage()
    node.STAGE3 = _stage()
    node.STAGE4 = _stage()
    return node


def stride(_extra: CfgNode) -> int:
    """Crop pixels per heatmap pixel."""
    return 4


def fault(model: CfgNode) -> str:
    """What is wrong with a MODEL section, as a phrase; '' for nothing."""
    extra = model.EXTRA
    if message := branches_fault(model):
        return message
    for key, node in stages(extra):
        if node.BLOCK not in ("BASIC", "BOTTLENECK"):
            return f"{key}.BLOCK is {node.BLOCK!r}, but it must be BASIC or BOTTLENECK"
        if node.FUSE_METHOD != "SUM":
            return f"{key}.FUSE_METHOD is {node.FUSE_METHOD!r}, but it must be SUM"
    return final_kernel_fault(extra)


def _stage() -> CfgNode:
    node = default_stage()
    node.BLOCK = "BASIC"  # residual block: BASIC | BOTTLENECK
    node.FUSE_METHOD = "SUM"  # how branches join; SUM is the only one
    return node

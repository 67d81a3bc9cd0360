"""Options of pose_hrnet."""

from yacs.config import CfgNode

from lib.config.networks.branches import branches_fault, default_branched, default_stage, stages
from lib.config.networks.shared import final_kernel_fault


def default_extra() -> CfgNode:
    """MODEL.EXTRA with every option at its default."""
    return default_branched(4, _stage)


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

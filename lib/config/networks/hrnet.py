"""Options of pose_hrnet."""

from yacs.config import CfgNode

from lib.config.networks.shared import are_positive_integers, final_kernel_fault


def default_extra() -> CfgNode:
    """MODEL.EXTRA with every option at its default."""
    node = CfgNode()
    node.PRETRAINED_LAYERS = ["*"]  # first parts of the names taken from MODEL.PRETRAINED; '*' = all
    node.FINAL_CONV_KERNEL = 1  # kernel of the last convolution: 1 | 3
    node.STAGE1 = _stem()
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
    for option in ("NUM_CHANNELS", "NUM_BLOCKS"):
        if extra.STAGE1[option] < 1:
            return f"MODEL.EXTRA.STAGE1.{option} is {extra.STAGE1[option]}, but it must be 1 or more"
    for branches, stage in ((2, "STAGE2"), (3, "STAGE3"), (4, "STAGE4")):
        key, node = f"MODEL.EXTRA.{stage}", extra[stage]
        if node.NUM_MODULES < 1:
            return f"{key}.NUM_MODULES is {node.NUM_MODULES}, but pose_hrnet needs 1 or more"
        if branches != node.NUM_BRANCHES:
            return f"{key}.NUM_BRANCHES is {node.NUM_BRANCHES}, but it must be {branches}"
        for name in ("NUM_BLOCKS", "NUM_CHANNELS"):
            if not are_positive_integers(node[name], branches):
                return f"{key}.{name} is {node[name]}, but it must be {branches} numbers greater than 0"
        if node.BLOCK not in ("BASIC", "BOTTLENECK"):
            return f"{key}.BLOCK is {node.BLOCK!r}, but it must be BASIC or BOTTLENECK"
        if node.FUSE_METHOD != "SUM":
            return f"{key}.FUSE_METHOD is {node.FUSE_METHOD!r}, but it must be SUM"
    return final_kernel_fault(extra)


def _stem() -> CfgNode:
    node = CfgNode()
    node.NUM_CHANNELS = 64  # NEW: width of the stem and of the bottlenecks before stage 2
    node.NUM_BLOCKS = 4  # NEW: those bottlenecks
    return node


def _stage() -> CfgNode:
    node = CfgNode()
    node.NUM_MODULES = 0  # multi-resolution modules in the stage; to be given
    node.NUM_BRANCHES = 0  # parallel resolutions: 2, 3, 4 in stages 2, 3, 4; to be given
    node.BLOCK = "BASIC"  # residual block: BASIC | BOTTLENECK
    node.NUM_BLOCKS = []  # blocks per branch of one module; to be given
    node.NUM_CHANNELS = []  # width of each branch; to be given
    node.FUSE_METHOD = "SUM"  # how branches join; SUM is the only one
    return node

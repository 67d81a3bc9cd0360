"""What pose_hrnet and hrformer share: a stem, and three stages of parallel branches."""

from collections.abc import Callable

from yacs.config import CfgNode

from lib.config.networks.shared import are_positive_integers

# Branches of each stage.
NUM_BRANCHES = {"STAGE2": 2, "STAGE3": 3, "STAGE4": 4}


def default_branched(stem_blocks: int, default_stage: Callable[[], CfgNode]) -> CfgNode:
    """MODEL.EXTRA with what both networks have; each has its own number of bottlenecks in the stem and its stages."""
    node = CfgNode()
    node.PRETRAINED_LAYERS = ["*"]  # first parts of the names taken from MODEL.PRETRAINED; '*' = all
    node.FINAL_CONV_KERNEL = 1  # kernel of the last convolution: 1 | 3
    node.STAGE1 = CfgNode()
    node.STAGE1.NUM_CHANNELS = 64  # NEW: width of the stem and of the bottlenecks before stage 2
    node.STAGE1.NUM_BLOCKS = stem_blocks  # NEW: those bottlenecks; published: 4 in pose_hrnet, 2 in hrformer
    for stage in NUM_BRANCHES:
        node[stage] = default_stage()
    return node


def default_stage() -> CfgNode:
    """What every stage after the stem has."""
    node = CfgNode()
    node.NUM_MODULES = 0  # multi-resolution modules in the stage; to be given
    node.NUM_BRANCHES = 0  # parallel resolutions: 2, 3, 4 in stages 2, 3, 4; to be given
    node.NUM_BLOCKS = []  # blocks per branch of one module; to be given
    node.NUM_CHANNELS = []  # width of each branch; to be given
    return node


def stages(extra: CfgNode) -> list[tuple[str, CfgNode]]:
    """The stages after the stem, each with its key."""
    return [(f"MODEL.EXTRA.{stage}", extra[stage]) for stage in NUM_BRANCHES]


def branches_fault(model: CfgNode) -> str:
    """What is wrong with the stem or the numbers of branches, modules, blocks and channels; '' for nothing."""
    stem = model.EXTRA.STAGE1
    for option in ("NUM_CHANNELS", "NUM_BLOCKS"):
        if stem[option] < 1:
            return f"MODEL.EXTRA.STAGE1.{option} is {stem[option]}, but it must be 1 or more"
    for (key, node), branches in zip(stages(model.EXTRA), NUM_BRANCHES.values(), strict=True):
        if node.NUM_MODULES < 1:
            return f"{key}.NUM_MODULES is {node.NUM_MODULES}, but {model.NAME} needs 1 or more"
        if branches != node.NUM_BRANCHES:
            return f"{key}.NUM_BRANCHES is {node.NUM_BRANCHES}, but it must be {branches}"
        for name in ("NUM_BLOCKS", "NUM_CHANNELS"):
            if not are_positive_integers(node[name], branches):
                return f"{key}.{name} is {node[name]}, but it must be {branches} numbers greater than 0"
    return ""

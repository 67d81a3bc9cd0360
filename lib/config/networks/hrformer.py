"""Options of hrformer."""

from yacs.config import CfgNode

from lib.config.networks.branches import branches_fault, default_branched, default_stage, stages
from lib.config.networks.shared import are_positive_integers, final_kernel_fault, wide_fusion_fault


def default_extra() -> CfgNode:
    """MODEL.EXTRA with every option at its default."""
    node = default_branched(2, _stage)
    node.WITH_RPE = False  # add the relative position bias: false (HRFormer's own weights) | true (mmpose's)
    node.DROP_PATH = 0.0  # rate of stochastic depth at the last block, from 0 at the first; small 0.1, base 0.2
    return node


def stride(_extra: CfgNode) -> int:
    """Crop pixels per heatmap pixel."""
    return 4


def fault(model: CfgNode) -> str:
    """What is wrong with a MODEL section, as a phrase; '' for nothing."""
    extra = model.EXTRA
    if not 0 <= extra.DROP_PATH < 1:
        return f"MODEL.EXTRA.DROP_PATH is {extra.DROP_PATH}, but it must be at least 0 and less than 1"
    return (
        wide_fusion_fault(model)
        or branches_fault(model)
        or next(filter(None, (_attention_fault(key, node) for key, node in stages(extra))), "")
        or final_kernel_fault(extra)
    )


def _attention_fault(key: str, node: CfgNode) -> str:
    if len(set(node.NUM_BLOCKS)) > 1:
        return f"{key}.NUM_BLOCKS is {node.NUM_BLOCKS}, but all branches of hrformer must have the same number"
    if not are_positive_integers(node.NUM_HEADS, node.NUM_BRANCHES):
        return f"{key}.NUM_HEADS is {node.NUM_HEADS}, but it must be {node.NUM_BRANCHES} numbers greater than 0"
    for channels, heads in zip(node.NUM_CHANNELS, node.NUM_HEADS, strict=True):
        if channels % heads:
            return f"{key}.NUM_HEADS has {heads} for a branch of {channels} channels, but heads must divide channels"
    for name in ("NUM_MLP_RATIO", "WINDOW"):
        if node[name] < 1:
            return f"{key}.{name} is {node[name]}, but it must be 1 or more"
    return ""


def _stage() -> CfgNode:
    node = default_stage()
    node.NUM_HEADS = []  # heads of the attention per branch; to be given
    node.NUM_MLP_RATIO = 4  # width inside the feed-forward networks, in channels of the branch
    node.WINDOW = 7  # side of the attention's windows, px of the branch
    return node

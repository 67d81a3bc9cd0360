"""Options of rsn."""

from yacs.config import CfgNode

from lib.config.networks.shared import wide_fusion_fault

_CHOICES: dict[str, tuple[int | str, ...]] = {
    "NUM_LAYERS": (18, 50),
    "BLOCK": ("RSB", "BASIC"),
    "PRM": ("none", "last"),
    "STEM_CONVS": (1, 3),
    "BRANCH_FROM": ("", "in", "out"),
}
# Of a quarter of the channels a branch would have none.
_LEAST_WIDTH = 4


def default_extra() -> CfgNode:
    """MODEL.EXTRA with every option at its default."""
    node = CfgNode()
    node.PRETRAINED_LAYERS = ["*"]  # first parts of the names taken from MODEL.PRETRAINED; '*' = all
    node.NUM_LAYERS = 18  # depth: 18 | 50
    node.NUM_STAGES = 1  # hourglasses in a row, 1 or more; 1 to 4 are published
    node.BLOCK = "RSB"  # residual steps blocks: RSB | plain ones, RSN's baseline Res-18: BASIC
    node.PRM = "none"  # pose refine machine: none | last (finest unit of each stage; UDP-Pose's RSN)
    node.SE_REDUCTION = 0  # squeeze and excitation in RSB: channels are divided by this; 0 = none (UDP-Pose's RSN: 8)
    node.STEM_CONVS = 1  # 7x7 and max-pooling: 1 | three convolutions (UDP-Pose's RSN): 3
    node.CONV_BIAS = None  # convolutions have a bias; null = with MODEL.CODEC_VARIANT original, not with mmpose
    node.BRANCH_FROM = ""  # a block's branches have 26/64 of its in | out channels; '' = out where SE_REDUCTION > 0
    node.WIDTH = 64  # NEW: channels of the stem and of the first of four layers, each of which doubles them
    node.UPSAMPLE_CHANNELS = 256  # NEW: channels of every unit on the way up
    return node


def stride(_extra: CfgNode) -> int:
    """Crop pixels per heatmap pixel."""
    return 4


def fault(model: CfgNode) -> str:
    """What is wrong with a MODEL section, as a phrase; '' for nothing."""
    extra = model.EXTRA
    for name, choices in _CHOICES.items():
        if extra[name] not in choices:
            expected = " or ".join(str(choice) or "empty" for choice in choices)
            return f"MODEL.EXTRA.{name} is {extra[name]!r}, but it must be {expected}"
    if extra.NUM_STAGES < 1:
        return f"MODEL.EXTRA.NUM_STAGES is {extra.NUM_STAGES}, but it must be 1 or more"
    for name in ("WIDTH", "UPSAMPLE_CHANNELS"):
        if extra[name] < _LEAST_WIDTH:
            return f"MODEL.EXTRA.{name} is {extra[name]}, but it must be {_LEAST_WIDTH} or more"
    if not 0 <= extra.SE_REDUCTION <= extra.WIDTH:
        return f"MODEL.EXTRA.SE_REDUCTION is {extra.SE_REDUCTION}, but it must be between 0 and {extra.WIDTH}"
    if extra.BLOCK == "BASIC" and (extra.SE_REDUCTION or extra.BRANCH_FROM):
        return "MODEL.EXTRA.SE_REDUCTION and BRANCH_FROM change residual steps blocks, but MODEL.EXTRA.BLOCK is BASIC"
    return wide_fusion_fault(model)

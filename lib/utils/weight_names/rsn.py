"""Names of the Residual Steps Network in its own repository and in mmpose.

mmpose keeps the last two convolutions of every unit in a list of its head, counted through all stages, and calls the
skips otherwise. Sources: caiyuanhao1998/RSN exps/RSN18.coco/network.py; mmpose mmpose/models/backbones/rsn.py and
heads/topdown_heatmap_multi_stage_head.py (0.x), heads/heatmap_heads/mspn_head.py (1.x: the same names).
"""

import re
from collections.abc import Iterable

# The first residual step, which the block of the repository's baseline lacks.
STEP = ".conv_bn_relu2_1_1."
# Units of a stage, from coarse to fine.
UNITS = 4
STAGE = re.compile(r"multi_stage_rsn\.(\d+)\.(.+)")
PREDICTION = re.compile(r"predict_layers\.(\d+)\.(?:conv_layers\.([01])|(prm))\.(.+)")
OWN_STAGE = re.compile(r"stage(\d+)\.((?:down|up)sample\..+)")
OWN_PREDICTION = re.compile(r"stage(\d+)\.upsample\.up(\d)\.res_conv([12])\.(.+)")
# mmpose's modules in a stage -> the publication's.
MODULES = {"conv_bn3": "conv_bn_relu3", "in_skip": "u_skip", "out_skip1": "skip1", "out_skip2": "skip2"}
MMPOSE_MODULES = {own: mmpose for mmpose, own in MODULES.items()}
MMPOSE_STEM, OWN_STEM = "top.top.0.", "top.conv."
# Modules of UDP-Pose's variant; mmpose's pose refine machine is built from other layers than the publication's.
NOT_IN_MMPOSE = re.compile(r".+\.(se|prm)\..+|top\.conv\.\d+\..+")


def is_mmpose_rsn(names: Iterable[str]) -> bool:
    """Whether names, without mmpose's parts, are those of its RSN."""
    return any(name.startswith("multi_stage_rsn.") for name in names)


def is_rsn(names: Iterable[str]) -> bool:
    """Whether names are ours of an RSN, or of the baseline in its repository."""
    return any(name.startswith("stage0.downsample.") for name in names)


def has_steps(names: Iterable[str]) -> bool:
    """Whether the blocks are residual steps blocks."""
    return any(STEP in name for name in names)


def rsn_from_mmpose(name: str) -> str:
    """An entry of mmpose's RSN, without its part's prefix, under our name; unchanged where there is none."""
    if match := STAGE.fullmatch(name):
        return f"stage{match[1]}.{_translate(match[2], MODULES)}"
    if match := PREDICTION.fullmatch(name):
        stage, unit = divmod(int(match[1]), UNITS)
        module = match[3] or f"res_conv{int(match[2]) + 1}"
        return f"stage{stage}.upsample.up{unit + 1}.{module}.{match[4]}"
    return OWN_STEM + name.removeprefix(MMPOSE_STEM) if name.startswith(MMPOSE_STEM) else name


def rsn_to_mmpose(name: str) -> tuple[str, bool]:
    """An entry of ours under mmpose's name without its part's prefix ('': there is none), and: is it in the head?"""
    if NOT_IN_MMPOSE.fullmatch(name):
        return "", False
    if match := OWN_PREDICTION.fullmatch(name):
        layer = int(match[1]) * UNITS + int(match[2]) - 1
        return f"predict_layers.{layer}.conv_layers.{int(match[3]) - 1}.{match[4]}", True
    if match := OWN_STAGE.fullmatch(name):
        return f"multi_stage_rsn.{match[1]}.{_translate(match[2], MMPOSE_MODULES)}", False
    return (MMPOSE_STEM + name.removeprefix(OWN_STEM) if name.startswith(OWN_STEM) else ""), False


def _translate(name: str, modules: dict[str, str]) -> str:
    return ".".join(modules.get(part, part) for part in name.split("."))

"""Make the choices that a file leaves open, and say why each was made."""

import os
from collections.abc import Set

from yacs.config import CfgNode

from lib.config import bottom_up
from lib.skeletons.skeleton import BUILT_IN

# Accepted because published files set them; nothing reads them, there or here.
WITHOUT_EFFECT = (
    "CONTINUE_FROM_BEST",
    "MODEL_BEST",
    "RANK",
    "MODEL.TAG_PER_JOINT",
    "LOSS.REDUCTION",
    "TRAIN.GAMMA1",
    "TRAIN.GAMMA2",
    "TRAIN.RESUME",
    "TRAIN.CHECKPOINT",
    "TEST.NMS_THRE",
    "TEST.BBOX_THRE",
)

# Codecs whose targets have several levels, from coarse to fine, and flags as weights.
LEVEL_CODECS = ("megvii", "megvii_udp")

# The decoder that each codec was published with.
PUBLISHED_DECODER = {"msra": "quarter", "dark": "dark", "udp": "udp", "megvii": "megvii", "megvii_udp": "udp"}


def resolve_config(config: CfgNode, given: Set[str]) -> list[str]:
    """Fill in what the file leaves open.

    Args:
        config: typed configuration; it is changed.
        given: dotted keys that the file or the command line sets.

    Returns:
        One sentence per choice that changes results, and one that lists the keys without effect.
    """
    lines = _join_data_directory(config)
    _choose_skeleton(config, given)
    lines += [_choose_codec(config, given), _choose_decoder(config), *_choose_wide_fusion(config)]
    lines += [*_choose_suppression(config, given), *_choose_end(config, given)]
    ineffective = _without_effect(config, given)
    if ineffective:
        lines.append(f"Keys without effect, accepted for old files: {', '.join(ineffective)}.")
    if _shift_is_ignored(config):
        config.TEST.SHIFT_HEATMAP = False
    return lines


def _join_data_directory(config: CfgNode) -> list[str]:
    """Put DATA_DIR before the three paths, as published; then empty it, so that a saved config says the same."""
    root = config.DATA_DIR
    config.DATASET.ROOT = os.path.join(root, config.DATASET.ROOT)  # noqa: PTH118 - keeps '' and a final slash
    for section, key in (("MODEL", "PRETRAINED"), ("TEST", "MODEL_FILE")):
        if config[section][key]:
            config[section][key] = os.path.join(root, config[section][key])  # noqa: PTH118
    config.DATA_DIR = ""
    detections = config.TEST.COCO_BBOX_FILE
    if root and not config.TEST.USE_GT_BBOX and detections and not os.path.isabs(detections):  # noqa: PTH117
        return [
            f"TEST.COCO_BBOX_FILE {detections} stays relative to the working folder; DATA_DIR is not put before it."
        ]
    return []


def _choose_skeleton(config: CfgNode, given: Set[str]) -> None:
    """Without DATASET.SKELETON, a data set whose name is a built-in keypoint set means that one."""
    if "DATASET.SKELETON" not in given and (BUILT_IN / f"{config.DATASET.DATASET}.yaml").is_file():
        config.DATASET.SKELETON = config.DATASET.DATASET


def _choose_codec(config: CfgNode, given: Set[str]) -> str:
    if config.MODEL.CODEC:
        return f"MODEL.CODEC is {config.MODEL.CODEC}, as given."
    if config.MODEL.TARGET_TYPE == "offset":
        codec, reason = "udp", "MODEL.TARGET_TYPE is offset, which only UDP has"
    elif config.MODEL.NAME == "rsn":
        codec, reason = "megvii", "MODEL.NAME is rsn, which was published with it"
    elif "TEST.BLUR_KERNEL" in given and config.TEST.BLUR_KERNEL > 0:
        codec, reason = "dark", "TEST.BLUR_KERNEL is given, as in DarkPose's files"
    else:
        codec, reason = "msra", "nothing says otherwise; UDP-Pose's gaussian files need MODEL.CODEC udp"
    config.MODEL.CODEC = codec
    return f"MODEL.CODEC is {codec}, because {reason}."


def _choose_decoder(config: CfgNode) -> str:
    if config.TEST.DECODER:
        return f"TEST.DECODER is {config.TEST.DECODER}, as given."
    if bottom_up.is_bottom_up(config):
        decoder, reason = bottom_up.GROUP_DECODER, f"MODEL.CODEC is {config.MODEL.CODEC}"
    elif config.MODEL.TARGET_TYPE == "offset":
        decoder, reason = "offset", "MODEL.TARGET_TYPE is offset"
    elif config.TEST.POST_PROCESS:
        decoder = PUBLISHED_DECODER.get(config.MODEL.CODEC, "")
        reason = f"TEST.POST_PROCESS is true and that is the published decoder of {config.MODEL.CODEC}"
    else:
        decoder, reason = "argmax", "TEST.POST_PROCESS is false"
    config.TEST.DECODER = decoder
    return f"TEST.DECODER is {decoder}, because {reason}."


def _choose_wide_fusion(config: CfgNode) -> list[str]:
    """UDP-Pose's offset files mean its own network; its gaussian files cannot be told from HRNet's."""
    model = config.MODEL
    if model.WIDE_FUSION is not None:
        return [f"MODEL.WIDE_FUSION is {str(model.WIDE_FUSION).lower()}, as given."] if model.WIDE_FUSION else []
    model.WIDE_FUSION = (
        model.NAME == "pose_hrnet" and model.TARGET_TYPE == "offset" and model.CODEC_VARIANT == "original"
    )
    if model.WIDE_FUSION:
        return ["MODEL.WIDE_FUSION is true, because MODEL.TARGET_TYPE offset means UDP-Pose's own network."]
    if model.NAME == "pose_hrnet" and model.CODEC == "udp" and model.CODEC_VARIANT == "original":
        return ["MODEL.WIDE_FUSION is false; weights published by UDP-Pose itself need it true."]
    return []


def _choose_suppression(config: CfgNode, given: Set[str]) -> list[str]:
    """Grouping gives a candidate to one person only, so published bottom-up tests suppress nobody."""
    if not bottom_up.is_bottom_up(config) or "TEST.OKS_THRE" in given:
        return []
    config.TEST.OKS_THRE = 1.0
    return [f"TEST.OKS_THRE is 1, so nobody is suppressed, because MODEL.CODEC is {config.MODEL.CODEC}."]


def _choose_end(config: CfgNode, given: Set[str]) -> list[str]:
    """TRAIN.MAX_ITERS ends a training alone, unless the number of epochs is given as well."""
    train = config.TRAIN
    if train.MAX_ITERS <= 0:
        return []
    if "TRAIN.END_EPOCH" not in given:
        train.END_EPOCH = 0
    epochs = f" or {train.END_EPOCH} epochs, whichever comes first" if train.END_EPOCH else ""
    return [f"The training ends after {train.MAX_ITERS} optimiser steps (TRAIN.MAX_ITERS){epochs}."]


def _shift_is_ignored(config: CfgNode) -> bool:
    """Unbiased geometry and the pixels of Megvii's codec need no flip shift; mmpose's DARK has neither."""
    return config.MODEL.CODEC in ("udp", *LEVEL_CODECS) or (
        config.MODEL.CODEC == "dark" and config.MODEL.CODEC_VARIANT == "original"
    )


def _without_effect(config: CfgNode, given: Set[str]) -> list[str]:
    """Given keys that nothing reads, with the reason where it is a combination."""
    keys = [key for key in WITHOUT_EFFECT if key in given]
    if config.TRAIN.OPTIMIZER == "adam" and "TRAIN.WD" in given:
        keys.append("TRAIN.WD (Adam goes without weight decay, as published; see TRAIN.ADAM_WD)")
    if config.TRAIN.OPTIMIZER not in ("sgd", "muon") and "TRAIN.MOMENTUM" in given:
        keys.append("TRAIN.MOMENTUM (only for sgd and muon)")
    if config.TRAIN.OPTIMIZER != "sgd" and "TRAIN.NESTEROV" in given:
        keys.append("TRAIN.NESTEROV (only for sgd)")
    if config.TRAIN.LR_SCHEDULE == "linear":
        drops = ("TRAIN.LR_STEP", "TRAIN.LR_FACTOR")
        keys += [f"{key} (only for TRAIN.LR_SCHEDULE step)" for key in drops if key in given]
    if config.MODEL.CODEC in LEVEL_CODECS and "MODEL.SIGMA" in given:
        keys.append(f"MODEL.SIGMA (codec {config.MODEL.CODEC} has five widths of its own)")
    if bottom_up.is_bottom_up(config):
        keys += [f"{key} (only for single people)" for key in bottom_up.WITHOUT_EFFECT if key in given]
    else:
        keys += [f"{key} (only for bottom-up)" for key in bottom_up.GROUP_ONLY if key in given]
    if config.TEST.SHIFT_HEATMAP and _shift_is_ignored(config):
        keys.append(f"TEST.SHIFT_HEATMAP (codec {config.MODEL.CODEC} needs no shift)")
    return keys

"""Refuse values and combinations that cannot work, at the start and by name."""

import re
from typing import Any

from yacs.config import CfgNode

from lib.config import bottom_up
from lib.config.networks import COARSEST_STRIDE, heatmap_stride, network_fault
from lib.config.rules import FRACTION, NOT_NEGATIVE, POSITIVE, SIZE, UNIT, Rule
from lib.config.skeleton import resolve_skeleton
from lib.utils.errors import PoseError

CHOICES = {
    "MODEL.TARGET_TYPE": ("gaussian", "offset"),
    "MODEL.CODEC": ("msra", "dark", "udp", "megvii", "megvii_udp", *bottom_up.GROUP_CODECS),
    "MODEL.CODEC_VARIANT": ("original", "mmpose"),
    "TEST.DECODER": ("argmax", "quarter", "dark", "udp", "offset", "megvii", "exact", bottom_up.GROUP_DECODER),
    "TEST.NO_RESPONSE": ("argmax", "published"),
    "DATASET.DATA_FORMAT": ("jpg", "zip", "packed"),
    "DATASET.AUGMENTATION": ("hrnet", "mmpose", "rsn", "rsn_mpii"),
    "DATASET.CROP_ON": ("cpu", "device"),
    "DATASET.SHARDS": ("all", "own"),
    "TRAIN.OPTIMIZER": ("adam", "adamw", "muon", "sgd"),
    "TRAIN.LR_SCHEDULE": ("step", "linear"),
    "TEST.RUNTIME": ("eager", "compile", "openvino", "onnxruntime"),
    "AMP": ("auto", "none", "bf16", "fp16"),
    **bottom_up.CHOICES,
}

# Decoders that fit the maps of each encoding of single people. The rounded Gaussians of msra and megvii have lost their
# sub-pixel part, so that there is nothing exact to find in them.
DECODERS = {
    ("msra", "gaussian"): ("argmax", "quarter", "dark", "udp"),
    ("dark", "gaussian"): ("argmax", "quarter", "dark", "udp", "exact"),
    ("udp", "gaussian"): ("argmax", "quarter", "dark", "udp", "exact"),
    ("udp", "offset"): ("offset", "exact"),
    ("megvii", "gaussian"): ("argmax", "quarter", "dark", "udp", "megvii"),
    ("megvii_udp", "gaussian"): ("argmax", "quarter", "dark", "udp", "exact"),
}

METRICS = ("AP", "CrowdAP", "WholeBodyAP", "PCKh", "PCK", "AUC", "EPE", "NME")  # of TEST.METRICS

RANGES: dict[str, Rule] = {
    "WORKERS": NOT_NEGATIVE,
    "PRINT_FREQ": POSITIVE,
    "SEED": NOT_NEGATIVE,
    "DEVICE": ("auto, cpu, cuda or cuda:N", lambda value: bool(re.fullmatch(r"auto|cpu|cuda(:\d+)?", value))),
    "MODEL.NUM_JOINTS": POSITIVE,
    "MODEL.IMAGE_SIZE": SIZE,
    "MODEL.HEATMAP_SIZE": SIZE,
    "MODEL.SIGMA": POSITIVE,
    "LOSS.TOPK": POSITIVE,
    "LOSS.KPD": POSITIVE,
    "DATASET.MEAN": ("three numbers", lambda value: len(value) == 3),
    "DATASET.STD": ("three numbers greater than 0", lambda value: len(value) == 3 and min(value) > 0),
    "DATASET.BOX_PADDING": SIZE,
    "DATASET.SCALE_FACTOR": FRACTION,
    "DATASET.ROT_FACTOR": NOT_NEGATIVE,
    "DATASET.PROB_HALF_BODY": ("1 or less (0 or less = never)", lambda value: value <= 1),
    "DATASET.NUM_JOINTS_HALF_BODY": NOT_NEGATIVE,
    "TRAIN.LR": POSITIVE,
    "TRAIN.LR_FACTOR": POSITIVE,
    "TRAIN.LR_STEP": (
        "ascending epochs greater than 0",
        lambda value: value == sorted(set(value)) and min([1, *value]) > 0,
    ),
    "TRAIN.MOMENTUM": FRACTION,
    "TRAIN.WD": NOT_NEGATIVE,
    "TRAIN.ADAM_WD": NOT_NEGATIVE,
    "TRAIN.BEGIN_EPOCH": NOT_NEGATIVE,
    "TRAIN.END_EPOCH": NOT_NEGATIVE,
    "TRAIN.MAX_ITERS": NOT_NEGATIVE,
    "TRAIN.NO_DECAY": (
        "a list of parts of parameter names",
        lambda value: all(isinstance(part, str) and part for part in value),
    ),
    "TRAIN.BATCH_SIZE_PER_GPU": POSITIVE,
    "TRAIN.WARMUP_ITERS": NOT_NEGATIVE,
    "TRAIN.WARMUP_FACTOR": UNIT,
    "TRAIN.ACCUMULATE": POSITIVE,
    "TRAIN.CLIP_GRAD": NOT_NEGATIVE,
    "TRAIN.EMA_DECAY": FRACTION,
    "TRAIN.SAVE_EVERY_STEPS": NOT_NEGATIVE,
    "TRAIN.EVAL_EVERY": POSITIVE,
    "TRAIN.EXPECTED_BATCH": NOT_NEGATIVE,
    "TEST.BATCH_SIZE_PER_GPU": POSITIVE,
    "TEST.BLUR_KERNEL": ("0 or an odd number", lambda value: value == 0 or (value > 0 and value % 2 == 1)),
    "TEST.OKS_THRE": UNIT,
    "TEST.PCK_THRE": POSITIVE,
    "TEST.AUC_PIXELS": POSITIVE,
    "TEST.NME_KEYPOINTS": (
        "[] or two different keypoint numbers, counted from 0",
        lambda value: not value or _are_two_keypoints(value),
    ),
    "TEST.METRICS": (f"different names out of {', '.join(METRICS)}", lambda value: _are_metrics(value)),
    **bottom_up.RANGES,
}


def check_config(config: CfgNode, source: str) -> None:
    """Check a resolved configuration.

    Args:
        config: every choice made, not necessarily possible.
        source: file it comes from, named in errors.

    Raises:
        PoseError: the first value out of range or combination that cannot work.
    """
    for key, choices in CHOICES.items():
        value = _get(config, key)
        if value not in choices:
            raise PoseError(f"{source}: {key} is {value!r}, but it must be one of {', '.join(choices)}.")
    for key, (expected, accepts) in RANGES.items():
        value = _get(config, key)
        if not accepts(value):
            raise PoseError(f"{source}: {key} is {value!r}, but it must be {expected}.")
    faults = (_encoding_fault, _network_fault, _size_fault, bottom_up.group_fault, _skeleton_fault, _data_fault)
    for fault in (*faults, _length_fault):
        message = fault(config)
        if message:
            raise PoseError(f"{source}: {message}.")


def _are_metrics(value: list[Any]) -> bool:
    return all(name in METRICS for name in value) and len(set(value)) == len(value)


def _are_two_keypoints(value: list[Any]) -> bool:
    return len(value) == 2 and value[0] != value[1] and all(type(number) is int and number >= 0 for number in value)


def _get(config: CfgNode, key: str) -> Any:
    node: Any = config
    for part in key.split("."):
        node = node[part]
    return node


def _encoding_fault(config: CfgNode) -> str:
    codec, target, decoder = config.MODEL.CODEC, config.MODEL.TARGET_TYPE, config.TEST.DECODER
    decoders = DECODERS | {(name, "gaussian"): (bottom_up.GROUP_DECODER,) for name in bottom_up.GROUP_CODECS}
    if (codec, target) not in decoders:
        return (
            f"MODEL.TARGET_TYPE {target} does not exist with MODEL.CODEC {codec}; offset targets need MODEL.CODEC udp"
        )
    allowed = decoders[codec, target]
    if decoder not in allowed:
        return (
            f"TEST.DECODER {decoder} does not fit the {target} maps of MODEL.CODEC {codec}; "
            f"it must be one of {', '.join(allowed)}"
        )
    return ""


def _network_fault(config: CfgNode) -> str:
    return network_fault(config.MODEL)


def _size_fault(config: CfgNode) -> str:
    image, heatmap = list(config.MODEL.IMAGE_SIZE), list(config.MODEL.HEATMAP_SIZE)
    if any(side % COARSEST_STRIDE for side in image):
        return f"MODEL.IMAGE_SIZE is {image}, but both sides must be multiples of {COARSEST_STRIDE}"
    stride = heatmap_stride(config.MODEL.NAME, config.MODEL.EXTRA)
    expected = [side // stride for side in image]
    if heatmap != expected:
        return (
            f"MODEL.HEATMAP_SIZE is {heatmap}, but {config.MODEL.NAME} makes {expected} from MODEL.IMAGE_SIZE {image}"
        )
    return ""


def _skeleton_fault(config: CfgNode) -> str:
    skeleton = resolve_skeleton(config)
    if skeleton.num_keypoints != config.MODEL.NUM_JOINTS:
        return (
            f"MODEL.NUM_JOINTS is {config.MODEL.NUM_JOINTS}, but the keypoint set {skeleton.name} has "
            f"{skeleton.num_keypoints}; change it, or DATASET.SKELETON, which by default is the set named like "
            "DATASET.DATASET, else coco"
        )
    if config.LOSS.USE_OHKM and config.LOSS.TOPK > config.MODEL.NUM_JOINTS:
        return f"LOSS.TOPK is {config.LOSS.TOPK}, but there are only {config.MODEL.NUM_JOINTS} keypoints"
    if any(number >= skeleton.num_keypoints for number in config.TEST.NME_KEYPOINTS):
        return f"TEST.NME_KEYPOINTS is {config.TEST.NME_KEYPOINTS}, but keypoints are 0 to {skeleton.num_keypoints - 1}"
    return ""


def _data_fault(config: CfgNode) -> str:
    data = config.DATASET
    is_packed = data.DATA_FORMAT == "packed"
    if data.SHARDS == "own" and not is_packed:
        return f"DATASET.SHARDS own needs packed data, but DATASET.DATA_FORMAT is {data.DATA_FORMAT}"
    if data.CROP_ON == "device" and is_packed:
        return "DATASET.CROP_ON device cuts from image files, but DATASET.DATA_FORMAT is packed; change one"
    return ""


def _length_fault(config: CfgNode) -> str:
    train = config.TRAIN
    if train.END_EPOCH == 0 and train.MAX_ITERS == 0:
        return "TRAIN.END_EPOCH is 0, so nothing ends the training; set it or TRAIN.MAX_ITERS"
    if train.LR_SCHEDULE == "linear" and 0 < train.MAX_ITERS <= train.WARMUP_ITERS:
        return (
            f"TRAIN.WARMUP_ITERS is {train.WARMUP_ITERS}, but the rate falls to 0 at TRAIN.MAX_ITERS "
            f"{train.MAX_ITERS}; the first must be less"
        )
    return ""

"""Bottom-up configurations: all people of a picture in one pass, without boxes."""

from collections.abc import Sequence

from yacs.config import CfgNode

from lib.config.networks import heatmap_stride
from lib.config.rules import NOT_NEGATIVE, POSITIVE, UNIT, Rule

# Associative embedding with HigherHRNet's geometry, and with UDP's.
AE_UDP = "ae_udp"
GROUP_CODECS = ("ae", AE_UDP)
GROUP_DECODER = "group"
# Networks with an output for tags.
GROUP_NETWORKS = ("pose_resnet", "pose_hrnet", "pose_higher_hrnet")
# Crop pixels per pixel of the first output, which has the tags.
GROUP_STRIDE = 4
# Quotients of scales that differ by less are the same number written in decimals.
SAME_QUOTIENT = 1e-6
# A smaller side of an input than this has nothing to show, px.
LEAST_INPUT = 32

CHOICES = {
    "LOSS.AE_LOSS_TYPE": ("exp", "max"),
    "DATASET.SCALE_TYPE": ("short", "long"),
    "DATASET.FLIP_ON": ("output", "input"),
}

RANGES: dict[str, Rule] = {
    "LOSS.HEATMAPS_LOSS_FACTOR": NOT_NEGATIVE,
    "LOSS.PUSH_LOSS_FACTOR": NOT_NEGATIVE,
    "LOSS.PULL_LOSS_FACTOR": NOT_NEGATIVE,
    "DATASET.MAX_NUM_PEOPLE": POSITIVE,
    "DATASET.MIN_SCALE": POSITIVE,
    "DATASET.MAX_TRANSLATE": NOT_NEGATIVE,
    "TEST.SCALE_FACTOR": (
        "different numbers greater than 0, one of them 1 if there are several",
        lambda value: (1 in value or len(value) == 1) and min(value) > 0 and len(set(value)) == len(value),
    ),
    "TEST.NMS_KERNEL": ("an odd number", lambda value: value > 0 and value % 2 == 1),
    "TEST.DETECTION_THRESHOLD": UNIT,
    "TEST.TAG_THRESHOLD": POSITIVE,
}

# Options that a configuration for single people does not read.
GROUP_ONLY = (
    "LOSS.AE_LOSS_TYPE",
    "LOSS.HEATMAPS_LOSS_FACTOR",
    "LOSS.PUSH_LOSS_FACTOR",
    "LOSS.PULL_LOSS_FACTOR",
    "DATASET.MAX_NUM_PEOPLE",
    "DATASET.MIN_SCALE",
    "DATASET.MAX_SCALE",
    "DATASET.SCALE_TYPE",
    "DATASET.MAX_TRANSLATE",
    "DATASET.MASK_BOXES",
    "DATASET.FLIP_ON",
    "TEST.SCALE_FACTOR",
    "TEST.PROJECT2IMAGE",
    "TEST.NMS_KERNEL",
    "TEST.NMS_PADDING",
    "TEST.DETECTION_THRESHOLD",
    "TEST.TAG_THRESHOLD",
    "TEST.USE_DETECTION_VAL",
    "TEST.IGNORE_TOO_MUCH",
    "TEST.ADJUST",
    "TEST.REFINE",
)
# Options of crops of one person, and of what a codec for them does.
WITHOUT_EFFECT = (
    "DATASET.SCALE_FACTOR",
    "DATASET.PROB_HALF_BODY",
    "DATASET.NUM_JOINTS_HALF_BODY",
    "DATASET.AUGMENTATION",
    "DATASET.BOX_PADDING",
    "DATASET.SELECT_DATA",
    "DATASET.UPPER_BODY",
    "LOSS.USE_TARGET_WEIGHT",
    "LOSS.KPD",
    "LOSS.TOPK",
    "TEST.POST_PROCESS",
    "TEST.SHIFT_HEATMAP",
    "TEST.BLUR_KERNEL",
    "TEST.NO_RESPONSE",
    "TEST.USE_GT_BBOX",
    "TEST.COCO_BBOX_FILE",
    "TEST.IMAGE_THRE",
    "TEST.IN_VIS_THRE",
)


def is_bottom_up(config: CfgNode) -> bool:
    """Whether a configuration finds all people of a picture in one pass; MODEL.CODEC says so."""
    return config.MODEL.CODEC in GROUP_CODECS


def output_sizes(config: CfgNode) -> tuple[tuple[int, int], ...]:
    """Size (width, height) of each output of a bottom-up configuration's network in training, px, the first first."""
    width, height = config.MODEL.HEATMAP_SIZE
    first = (width, height)
    return (first, (2 * width, 2 * height)) if config.MODEL.NAME == "pose_higher_hrnet" else (first,)


def group_fault(config: CfgNode) -> str:
    """What does not fit together in a bottom-up configuration, as a phrase; '' for nothing."""
    model, data, test = config.MODEL, config.DATASET, config.TEST
    if not is_bottom_up(config):
        if model.NAME == "pose_higher_hrnet":
            return f"MODEL.NAME pose_higher_hrnet has tags, so MODEL.CODEC must be ae or ae_udp and not {model.CODEC}"
        return ""
    if model.NAME not in GROUP_NETWORKS:
        return f"MODEL.CODEC {model.CODEC} needs a network with tags, so MODEL.NAME must be {_either(GROUP_NETWORKS)}"
    if model.IMAGE_SIZE[0] != model.IMAGE_SIZE[1]:
        return f"MODEL.IMAGE_SIZE is {list(model.IMAGE_SIZE)}, but with MODEL.CODEC {model.CODEC} it must be a square"
    if heatmap_stride(model.NAME, model.EXTRA) != GROUP_STRIDE:
        return f"MODEL.CODEC {model.CODEC} needs maps of a quarter of the input; change MODEL.EXTRA.NUM_DECONV_LAYERS"
    if data.MAX_SCALE < data.MIN_SCALE:
        return f"DATASET.MAX_SCALE is {data.MAX_SCALE}, less than DATASET.MIN_SCALE {data.MIN_SCALE}; change one"
    padding = test.NMS_KERNEL // 2
    if padding != test.NMS_PADDING:
        return f"TEST.NMS_PADDING is {test.NMS_PADDING}, but TEST.NMS_KERNEL {test.NMS_KERNEL} needs {padding}"
    if not model.TAG_PER_JOINT:
        return "MODEL.TAG_PER_JOINT is false, one tag for all keypoints, which no published network has; set it to true"
    return _scale_fault(test.SCALE_FACTOR, model.IMAGE_SIZE[0]) or _unsupported(config)


def _scale_fault(scales: Sequence[float], size: int) -> str:
    """Inputs have the smallest scale's size, a multiple of 64, times the quotient; networks take multiples of 32."""
    smallest = min(scales)
    if any(abs(2 * scale / smallest - round(2 * scale / smallest)) > SAME_QUOTIENT for scale in scales):
        return (
            f"TEST.SCALE_FACTOR is {list(scales)}, but so that inputs of all scales fit the network each must be a "
            "multiple of half the smallest, as in [2, 1, 0.5]"
        )
    if smallest * size < LEAST_INPUT:
        return f"TEST.SCALE_FACTOR {smallest} makes inputs of less than {LEAST_INPUT} px; enlarge it"
    return ""


def _unsupported(config: CfgNode) -> str:
    """What exists for single people only."""
    codec = config.MODEL.CODEC
    if config.LOSS.USE_OHKM:
        return f"LOSS.USE_OHKM picks keypoints of single people, but MODEL.CODEC {codec} has whole pictures"
    if config.LOSS.SMOOTH_L1:
        return f"LOSS.SMOOTH_L1 is about offset targets, which MODEL.CODEC {codec} has not; set it to false"
    if config.LOSS.USE_DIFFERENT_JOINTS_WEIGHT:
        return f"LOSS.USE_DIFFERENT_JOINTS_WEIGHT does not exist with MODEL.CODEC {codec}; set it to false"
    if config.DATASET.DATA_FORMAT == "packed":
        return f"DATASET.DATA_FORMAT packed holds single people, but MODEL.CODEC {codec} needs whole pictures"
    if config.DATASET.CROP_ON == "device":
        return f"DATASET.CROP_ON device cuts single people, but MODEL.CODEC {codec} needs whole pictures"
    if config.TEST.RUNTIME != "eager":
        return f"TEST.RUNTIME {config.TEST.RUNTIME} needs inputs of one size, but with MODEL.CODEC {codec} sizes differ"
    return ""


def _either(names: tuple[str, ...]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}"

"""YAML files of HigherHRNet's repository: our options under other names, some with a value per output."""

import os
from typing import Any

from lib.config.read import Settings
from lib.config.values import Setting, plain_value
from lib.utils.errors import PoseError

_INPUT = "DATASET.INPUT_SIZE"
_OUTPUTS = "DATASET.OUTPUT_SIZE"
# Keys that our files have not; each of theirs has one at least.
_SIGNS = (_INPUT, _OUTPUTS, "LOSS.NUM_STAGES", "MODEL.EXTRA.DECONV.NUM_DECONVS")

_RENAMED = {
    "DATASET.TRAIN": "DATASET.TRAIN_SET",
    "DATASET.TEST": "DATASET.TEST_SET",
    "DATASET.MAX_ROTATION": "DATASET.ROT_FACTOR",
    "DATASET.SIGMA": "MODEL.SIGMA",
    "TRAIN.IMAGES_PER_GPU": "TRAIN.BATCH_SIZE_PER_GPU",
    "TEST.IMAGES_PER_GPU": "TEST.BATCH_SIZE_PER_GPU",
}
# For those who use these names with our files.
OUR_NAMES = {
    **_RENAMED,
    _INPUT: "MODEL.IMAGE_SIZE",
    _OUTPUTS: "MODEL.HEATMAP_SIZE",
    "FP16.ENABLED": "AMP",
}
# What a file means that leaves these out. DATASET.SIGMA's default, another width per output, is not among them, nor
# DEBUG.DEBUG's, which asks for pictures.
_DEFAULTS: dict[str, Any] = {
    "MODEL.CODEC": "ae",
    "DATASET.COLOR_RGB": True,
    _INPUT: 512,
    "DATASET.DATASET": "coco_kpt",
    "DATASET.TRAIN": "train2017",
    "DATASET.TEST": "val2017",
    "DATASET.MAX_SCALE": 1.25,
    "LOSS.AE_LOSS_TYPE": "max",
    "TEST.DETECTION_THRESHOLD": 0.2,
    "TEST.NMS_KERNEL": 3,
    "TEST.NMS_PADDING": 1,
    "TEST.PROJECT2IMAGE": False,
}
_WIDTH_BY_SIZE = -1  # DATASET.SIGMA: 1/64 of each output's size
_DATASETS = {"coco_kpt": "coco", "crowd_pose_kpt": "crowdpose"}
# One value per output, of which the first counts: only that output has tags.
_OF_FIRST_OUTPUT = ("LOSS.PUSH_LOSS_FACTOR", "LOSS.PULL_LOSS_FACTOR")
# One value per output or deconvolution, which are one here.
_OF_EVERY_OUTPUT = (
    "LOSS.HEATMAPS_LOSS_FACTOR",
    "MODEL.EXTRA.DECONV.NUM_CHANNELS",
    "MODEL.EXTRA.DECONV.KERNEL_SIZE",
)
# What the published networks and tests are made of.
_FIXED: dict[str, Any] = {
    "LOSS.NUM_STAGES": 2,
    "LOSS.WITH_HEATMAPS_LOSS": [True, True],
    "LOSS.WITH_AE_LOSS": [True, False],
    "TEST.WITH_HEATMAPS": [True, True],
    "TEST.WITH_AE": [True, False],
    "MODEL.EXTRA.DECONV.NUM_DECONVS": 1,
    "MODEL.EXTRA.DECONV.CAT_OUTPUT": [True],
    "MODEL.EXTRA.STEM_INPLANES": 64,
    "DATASET.WITH_CENTER": False,
    "DATASET.SCALE_AWARE_SIGMA": False,
}
# Nothing here does what these say: processes are torchrun's, and AMP stands for half precision.
_UNREAD = (
    "VERBOSE",
    "DIST_BACKEND",
    "MULTIPROCESSING_DISTRIBUTED",
    "FP16.ENABLED",
    "FP16.STATIC_LOSS_SCALE",
    "FP16.DYNAMIC_LOSS_SCALE",
    "MODEL.SYNC_BN",
    "DATASET.DATASET_TEST",
    "DATASET.NUM_JOINTS",
    "DATASET.BASE_SIZE",
    "DATASET.BASE_SIGMA",
    "DATASET.INT_SIGMA",
    "TEST.IGNORE_CENTER",
    "TEST.LOG_PROGRESS",
    "DEBUG.SAVE_TAGMAPS_PRED",
)
_REMARKS = {
    "FP16.ENABLED": "use --amp bf16 or fp16",
    "MODEL.SYNC_BN": "each process has the statistics of its own batch",
}


def translate_settings(file_settings: Settings, overrides: Settings) -> tuple[Settings, Settings, list[str]]:
    """Bring a HigherHRNet file's settings, and overrides in its names or ours, to our options.

    Args:
        file_settings: of any file; those of other systems come back as they are.
        overrides: of the command line.

    Returns:
        Settings of the file, of the command line, and what is to be said of them.

    Raises:
        PoseError: the file asks for a network, target or test that is none of the published ones.

    Source: HigherHRNet lib/config/default.py and its experiments.
    """
    sign = next((key for key in _SIGNS if key in file_settings), None)
    if sign is None:
        return file_settings, overrides, []
    source = file_settings[sign].source
    meant = {key: Setting(value, source) for key, value in _DEFAULTS.items()} | file_settings
    unread = [key for key in _UNREAD if key in meant or key in overrides]
    if _OUTPUTS in overrides and _INPUT not in overrides:
        overrides = overrides | {_INPUT: meant[_INPUT]}
    ours, extra = _translate(meant), _translate(overrides)
    if plain_value((ours | extra)["DATASET.DATASET"]) == "crowdpose":
        ours |= _crowdpose_layout(ours | extra, source)
    return ours, extra, _notices(unread, "MODEL.SIGMA" in ours | extra)


def _notices(unread: list[str], has_sigma: bool) -> list[str]:
    named = ", ".join(f"{key} ({_REMARKS[key]})" if key in _REMARKS else key for key in unread)
    lines = ["The file is HigherHRNet's, whose keys are taken for ours; MODEL.CODEC is ae."]
    if named:
        lines.append(f"Keys of HigherHRNet without effect here: {named}.")
    if not has_sigma:
        lines.append(
            "DATASET.SIGMA is not given or -1, so targets of both outputs have MODEL.SIGMA 2 (HigherHRNet: 2 and 4)."
        )
    return lines


def _translate(settings: Settings) -> Settings:
    ours = _sizes(settings) if _INPUT in settings else {}
    for key, setting in settings.items():
        value = plain_value(setting)
        if key in _FIXED:
            _require(key, setting, value)
        elif key in _OF_FIRST_OUTPUT or key in _OF_EVERY_OUTPUT:
            ours[key] = Setting(_one(key, setting, value), setting.source)
        elif key == "DATASET.DATASET":
            ours[key] = Setting(_DATASETS.get(value, value), setting.source)
        elif key == "DATASET.FLIP":
            ours[key] = Setting(_flip(setting, value), setting.source)
        elif key not in (_INPUT, _OUTPUTS, *_UNREAD) and not (key == "DATASET.SIGMA" and value == _WIDTH_BY_SIZE):
            ours[_RENAMED.get(key, key)] = setting
    return ours


def _sizes(settings: Settings) -> Settings:
    """The sizes of input and first output."""
    setting, outputs = settings[_INPUT], settings.get(_OUTPUTS)
    size = plain_value(setting)
    if not isinstance(size, int) or isinstance(size, bool):
        raise PoseError(f"{setting.source} sets {_INPUT} to {setting.value!r}, but it must be a whole number, px.")
    if outputs is not None and plain_value(outputs) != [size // 4, size // 2]:
        raise PoseError(
            f"{outputs.source} sets {_OUTPUTS} to {outputs.value!r} for an input of {size} px, but the network's "
            f"outputs have a quarter and half of its size; write [{size // 4}, {size // 2}]."
        )
    return {
        "MODEL.IMAGE_SIZE": Setting([size, size], setting.source),
        "MODEL.HEATMAP_SIZE": Setting([size // 4, size // 4], setting.source),
    }


def _require(key: str, setting: Setting, value: Any) -> None:
    if value != _FIXED[key]:
        raise PoseError(
            f"{setting.source} sets {key} to {setting.value!r}, which no published HigherHRNet has; here it is "
            f"{_FIXED[key]!r}."
        )


def _one(key: str, setting: Setting, value: Any) -> Any:
    values = value if isinstance(value, list) else [value]
    if not values or (key in _OF_EVERY_OUTPUT and values.count(values[0]) != len(values)):
        raise PoseError(f"{setting.source} sets {key} to {setting.value!r}, but it is one number for all outputs here.")
    return values[0]


def _flip(setting: Setting, value: Any) -> Any:
    """The published probability as the choice that it is here."""
    if not isinstance(value, bool) and value not in (0, 0.5):
        raise PoseError(
            f"{setting.source} sets DATASET.FLIP to {setting.value!r}, but pictures are mirrored with probability "
            "0.5 or never here; write 0.5 or 0."
        )
    return value if isinstance(value, bool) else value > 0


def _crowdpose_layout(settings: Settings, source: str) -> Settings:
    """Where HigherHRNet looks for CrowdPose's files, of which nothing is ignored there."""

    def value(key: str) -> str:
        return str(plain_value(settings[key])) if key in settings else ""

    root = os.path.join(value("DATA_DIR"), value("DATASET.ROOT"))  # noqa: PTH118 - two empty texts stay empty
    suffix = ".zip" if value("DATASET.DATA_FORMAT") == "zip" else ""
    found: dict[str, Any] = {"DATASET.MASK_BOXES": False}
    for part in ("TRAIN", "TEST"):
        name = value(f"DATASET.{part}_SET")
        found[f"DATASET.{part}_ANNO"] = os.path.join(root, "json", f"crowdpose_{name}.json")  # noqa: PTH118
        found[f"DATASET.{part}_IMAGES"] = os.path.join(root, f"images{suffix}")  # noqa: PTH118
    return {key: Setting(given, source) for key, given in found.items() if key not in settings}

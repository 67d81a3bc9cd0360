"""The keys and values of HigherHRNet's published YAML files, as data.

Read from experiments/ of HRNet/HigherHRNet-Human-Pose-Estimation. Tuples are text there: YAML has none.
"""

from typing import Any

import yaml
from published_files import HRNET_WEIGHTS, hrnet_stages


def higher_hrnet_file(width: int = 32, size: int = 512, data: str = "coco", **changes: Any) -> str:
    """A published file as text.

    Args:
        width: of the first branch.
        size: of the input, px.
        data: coco or crowd_pose.
        changes: dotted keys with __ for the dot, and their values; None leaves a key out.
    """
    content: dict[str, Any] = {
        "AUTO_RESUME": True,
        "DATA_DIR": "",
        "GPUS": "(0,)",
        "LOG_DIR": "log",
        "OUTPUT_DIR": "output",
        "PRINT_FREQ": 100,
        "CUDNN": {"BENCHMARK": True, "DETERMINISTIC": False, "ENABLED": True},
        "DATASET": _dataset(size, data),
        "DEBUG": {
            "DEBUG": True,
            "SAVE_BATCH_IMAGES_GT": False,
            "SAVE_BATCH_IMAGES_PRED": False,
            "SAVE_HEATMAPS_GT": True,
            "SAVE_HEATMAPS_PRED": True,
            "SAVE_TAGMAPS_PRED": True,
        },
        "LOSS": {
            "NUM_STAGES": 2,
            "AE_LOSS_TYPE": "exp",
            "WITH_AE_LOSS": [True, False],
            "PUSH_LOSS_FACTOR": [0.001, 0.001],
            "PULL_LOSS_FACTOR": [0.001, 0.001],
            "WITH_HEATMAPS_LOSS": [True, True],
            "HEATMAPS_LOSS_FACTOR": [1.0, 1.0],
        },
        "MODEL": _model(width, 17 if data == "coco" else 14),
        "TEST": {
            "FLIP_TEST": True,
            "IMAGES_PER_GPU": 1,
            "MODEL_FILE": "",
            "SCALE_FACTOR": [1],
            "DETECTION_THRESHOLD": 0.1,
            "WITH_HEATMAPS": "(True, True)",
            "WITH_AE": "(True, False)",
            "PROJECT2IMAGE": True,
            "NMS_KERNEL": 5,
            "NMS_PADDING": 2,
        },
        "TRAIN": _training(12 if width == 32 else 10),
        "WORKERS": 4,
    }
    if width == 48:
        content["FP16"] = {"ENABLED": True, "DYNAMIC_LOSS_SCALE": True}
    for key, value in changes.items():
        *sections, name = key.split("__")
        node = content
        for section in sections:
            node = node.setdefault(section, {})
        if value is None:
            del node[name]
        else:
            node[name] = value
    return yaml.safe_dump(content)


def _dataset(size: int, data: str) -> dict[str, Any]:
    crowd = data == "crowd_pose"
    return {
        "SIGMA": 2,
        "DATASET": f"{data}_kpt",
        "DATASET_TEST": data,
        "DATA_FORMAT": "jpg",
        "FLIP": 0.5,
        "INPUT_SIZE": size,
        "OUTPUT_SIZE": [size // 4, size // 2],
        "MAX_NUM_PEOPLE": 30,
        "MAX_ROTATION": 30,
        "MAX_SCALE": 1.5,
        "SCALE_TYPE": "short",
        "MAX_TRANSLATE": 40,
        "MIN_SCALE": 0.75,
        "NUM_JOINTS": 14 if crowd else 17,
        "ROOT": f"data/{data}",
        "TEST": "test" if crowd else "val2017",
        "TRAIN": "trainval" if crowd else "train2017",
    }


def _model(width: int, num_joints: int) -> dict[str, Any]:
    return {
        "EXTRA": {
            "FINAL_CONV_KERNEL": 1,
            "PRETRAINED_LAYERS": ["*"],
            "STEM_INPLANES": 64,
            **hrnet_stages(width),
            "DECONV": {
                "NUM_DECONVS": 1,
                "NUM_CHANNELS": [width],
                "KERNEL_SIZE": [4],
                "NUM_BASIC_BLOCKS": 4,
                "CAT_OUTPUT": [True],
            },
        },
        "INIT_WEIGHTS": True,
        "NAME": "pose_higher_hrnet",
        "NUM_JOINTS": num_joints,
        "PRETRAINED": f"models/pytorch/imagenet/{HRNET_WEIGHTS[width]}",
        "TAG_PER_JOINT": True,
    }


def _training(batch: int) -> dict[str, Any]:
    return {
        "BEGIN_EPOCH": 0,
        "CHECKPOINT": "",
        "END_EPOCH": 300,
        "GAMMA1": 0.99,
        "GAMMA2": 0.0,
        "IMAGES_PER_GPU": batch,
        "LR": 0.001,
        "LR_FACTOR": 0.1,
        "LR_STEP": [200, 260],
        "MOMENTUM": 0.9,
        "NESTEROV": False,
        "OPTIMIZER": "adam",
        "RESUME": False,
        "SHUFFLE": True,
        "WD": 0.0001,
    }

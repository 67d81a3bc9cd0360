"""The keys and values of the published YAML files, as data: what each file of HRNet, UDP-Pose and DarkPose sets.

Read from experiments/ of leoxiaobin/deep-high-resolution-net.pytorch, HuangJunJie2017/UDP-Pose and
ilovepose/DarkPose. GPUS is text there: YAML has no tuples.
"""

from typing import Any

import yaml

DETECTIONS = "data/coco/person_detection_results/COCO_val2017_detections_AP_H_56_person.json"
SIZES = {"128x96": ([96, 128], 1), "256x192": ([192, 256], 2), "384x288": ([288, 384], 3), "256x256": ([256, 256], 2)}
RESNET_WEIGHTS = {50: "resnet50-19c8e357.pth", 101: "resnet101-5d3b4d8f.pth", 152: "resnet152-b121ed2d.pth"}
HRNET_WEIGHTS = {32: "hrnet_w32-36af842e.pth", 48: "hrnet_w48-8ef0771d.pth"}
# DarkPose's batch sizes where they are not 32.
DARK_BATCH = {"w32_384x288": 28, "w48_256x192": 30, "w48_384x288": 18, "w32_128x96": 64, "res50_128x96": 64}


def published_files() -> dict[str, str]:
    """Name -> YAML text of the published files, one per kind of difference and all the COCO ones of HRNet."""
    files = {}
    for system in ("hrnet", "dark"):
        for size in ("256x192", "384x288"):
            for width in (32, 48):
                files[f"{system}_w{width}_{size}"] = _hrnet(system, width, size)
            for depth in (50, 101, 152):
                files[f"{system}_res{depth}_{size}"] = _resnet(system, depth, size)
        files[f"{system}_mpii_w32_256x256"] = _mpii(_hrnet(system, 32, "256x256"), "hrnet")
        files[f"{system}_mpii_res50_256x256"] = _mpii(_resnet(system, 50, "256x256"), "resnet")
    files["dark_w32_128x96"] = _hrnet("dark", 32, "128x96")
    files["dark_res50_128x96"] = _resnet("dark", 50, "128x96")
    files["udp_w32_256x192_offset"] = _udp_offset()
    return {name: yaml.safe_dump(content) for name, content in files.items()}


def hourglass_file() -> str:
    """One of DarkPose's hourglass files, which this project refuses."""
    content = _resnet("dark", 50, "128x96")
    content["MODEL"].update(
        NAME="hourglass", INIT_WEIGHTS=False, EXTRA=_extra(NUM_FEATURES=256, NUM_STACKS=4, NUM_BLOCKS=1)
    )
    return yaml.safe_dump(content)


def hrnet_stages(width: int) -> dict[str, Any]:
    """STAGE2 to STAGE4 of the published HRNets and HigherHRNets, by the channels of their first branch."""
    return {
        f"STAGE{branches}": {
            "NUM_MODULES": modules,
            "NUM_BRANCHES": branches,
            "BLOCK": "BASIC",
            "NUM_BLOCKS": [4] * branches,
            "NUM_CHANNELS": [width * 2**branch for branch in range(branches)],
            "FUSE_METHOD": "SUM",
        }
        for branches, modules in ((2, 1), (3, 4), (4, 3))
    }


def _extra(**values: Any) -> dict[str, Any]:
    return values


def _common(system: str, name: str, size: str) -> dict[str, Any]:
    batch = DARK_BATCH.get(name, 32) if system == "dark" else {"w48_384x288": 24}.get(name, 32)
    input_size, sigma = SIZES[size]
    last = {"BLUR_KERNEL": 3 if size == "128x96" else 11} if system == "dark" else {"SHIFT_HEATMAP": True}
    return {
        "AUTO_RESUME": True,
        "CUDNN": {"BENCHMARK": True, "DETERMINISTIC": False, "ENABLED": True},
        "DATA_DIR": "",
        "GPUS": "(0,1)" if size == "128x96" else "(0,1,2,3)",
        "OUTPUT_DIR": "output",
        "LOG_DIR": "log",
        "WORKERS": 24,
        "PRINT_FREQ": 100,
        "DATASET": {
            "DATASET": "coco",
            "ROOT": "data/coco/",
            "TEST_SET": "val2017",
            "TRAIN_SET": "train2017",
            "FLIP": True,
        },
        "MODEL": {
            "NUM_JOINTS": 17,
            "TARGET_TYPE": "gaussian",
            "IMAGE_SIZE": input_size,
            "HEATMAP_SIZE": [side // 4 for side in input_size],
            "SIGMA": sigma,
        },
        "LOSS": {"USE_TARGET_WEIGHT": True},
        "TRAIN": {
            "BATCH_SIZE_PER_GPU": batch,
            "SHUFFLE": True,
            "BEGIN_EPOCH": 0,
            "OPTIMIZER": "adam",
            "LR": 0.001,
            "LR_FACTOR": 0.1,
            "WD": 0.0001,
            "GAMMA1": 0.99,
            "GAMMA2": 0.0,
            "MOMENTUM": 0.9,
            "NESTEROV": False,
        },
        "TEST": {
            "BATCH_SIZE_PER_GPU": batch,
            "COCO_BBOX_FILE": DETECTIONS,
            "BBOX_THRE": 1.0,
            "IMAGE_THRE": 0.0,
            "IN_VIS_THRE": 0.2,
            "MODEL_FILE": "",
            "NMS_THRE": 1.0,
            "OKS_THRE": 0.9,
            "USE_GT_BBOX": True,
            "FLIP_TEST": True,
            "POST_PROCESS": True,
            **last,
        },
        "DEBUG": {
            "DEBUG": True,
            "SAVE_BATCH_IMAGES_GT": True,
            "SAVE_BATCH_IMAGES_PRED": True,
            "SAVE_HEATMAPS_GT": True,
            "SAVE_HEATMAPS_PRED": True,
        },
    }


def _hrnet(system: str, width: int, size: str) -> dict[str, Any]:
    content = _common(system, f"w{width}_{size}", size)
    layers = ["conv1", "bn1", "conv2", "bn2", "layer1"]
    for stage in (2, 3, 4):
        layers += [f"transition{stage - 1}", f"stage{stage}"]
    content["DATASET"].update(
        COLOR_RGB=True,
        DATA_FORMAT="jpg",
        NUM_JOINTS_HALF_BODY=8,
        PROB_HALF_BODY=0.3,
        ROT_FACTOR=45,
        SCALE_FACTOR=0.35,
    )
    extra: dict[str, Any] = {"PRETRAINED_LAYERS": layers, "FINAL_CONV_KERNEL": 1}
    extra.update(hrnet_stages(width))
    pretrained = f"models/pytorch/imagenet/{HRNET_WEIGHTS[width]}"
    content["MODEL"].update(INIT_WEIGHTS=True, NAME="pose_hrnet", PRETRAINED=pretrained, EXTRA=extra)
    content["TRAIN"].update(END_EPOCH=210, LR_STEP=[170, 200])
    return content


def _resnet(system: str, depth: int, size: str) -> dict[str, Any]:
    content = _common(system, f"res{depth}_{size}", size)
    content["DATASET"].update(COLOR_RGB=False, ROT_FACTOR=40, SCALE_FACTOR=0.3)
    extra = {
        "FINAL_CONV_KERNEL": 1,
        "DECONV_WITH_BIAS": False,
        "NUM_DECONV_LAYERS": 3,
        "NUM_DECONV_FILTERS": [256] * 3,
        "NUM_DECONV_KERNELS": [4] * 3,
        "NUM_LAYERS": depth,
    }
    pretrained = f"models/pytorch/imagenet/{RESNET_WEIGHTS[depth]}"
    content["MODEL"].update(NAME="pose_resnet", PRETRAINED=pretrained, EXTRA=extra)
    content["TRAIN"].update(END_EPOCH=140, LR_STEP=[90, 120])
    return content


def _mpii(content: dict[str, Any], network: str) -> dict[str, Any]:
    content["DATASET"].update(
        DATASET="mpii",
        DATA_FORMAT="jpg",
        NUM_JOINTS_HALF_BODY=8,
        PROB_HALF_BODY=-1.0,
        ROOT="data/mpii/",
        ROT_FACTOR=30,
        SCALE_FACTOR=0.25,
        TEST_SET="valid",
        TRAIN_SET="train",
    )
    content["MODEL"]["NUM_JOINTS"] = 16
    if network == "hrnet":
        for key in ("COCO_BBOX_FILE", "BBOX_THRE", "IMAGE_THRE", "IN_VIS_THRE", "NMS_THRE", "OKS_THRE", "USE_GT_BBOX"):
            del content["TEST"][key]
    return content


def _udp_offset() -> dict[str, Any]:
    content = _hrnet("udp", 32, "256x192")
    content["WORKERS"] = 12
    content["MODEL"]["TARGET_TYPE"] = "offset"
    return content

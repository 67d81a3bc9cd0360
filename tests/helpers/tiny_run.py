"""A data set of dots and an experiment so small that training and testing take seconds."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
SIZE_WH = (96, 80)
NUM_KEYPOINTS = 17


def make_tiny_data(root: Path, *, train: int = 12, val: int = 6) -> Path:
    """Images of one "person" of coloured dots each, in COCO's layout, and detections on the val part."""
    rng = np.random.default_rng(1)
    colors = rng.integers(60, 256, (NUM_KEYPOINTS, 3)).tolist()
    for part, count in (("train", train), ("val", val)):
        folder = root / "images" / part
        folder.mkdir(parents=True)
        images, annotations = [], []
        for index in range(count):
            image_id = 1000 + index
            picture = rng.integers(0, 50, (SIZE_WH[1], SIZE_WH[0], 3), dtype=np.uint8)
            x, y, width, height = 12.0, 8.0, 60.0, 62.0
            points = rng.uniform((x + 4, y + 4), (x + width - 4, y + height - 4), (NUM_KEYPOINTS, 2))
            for point, color in zip(points.round().astype(int).tolist(), colors, strict=True):
                cv2.circle(picture, point, 2, color, -1)
            cv2.imwrite(str(folder / f"{image_id}.png"), picture)
            images.append({"id": image_id, "file_name": f"{image_id}.png", "width": SIZE_WH[0], "height": SIZE_WH[1]})
            rows = np.concatenate([points, np.full((NUM_KEYPOINTS, 1), 2.0)], axis=1)
            annotations.append(
                {
                    "id": index + 1,
                    "image_id": image_id,
                    "category_id": 1,
                    "bbox": [x, y, width, height],
                    "area": 0.6 * width * height,
                    "iscrowd": 0,
                    "num_keypoints": NUM_KEYPOINTS,
                    "keypoints": rows.ravel().tolist(),
                }
            )
        content = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "person"}]}
        write_json(root / "annotations" / f"person_keypoints_{part}.json", content)
    detections = [
        {"image_id": 1000 + index, "category_id": 1, "bbox": [10.0, 9.0, 62.0, 60.0], "score": 0.9 - 0.05 * index}
        for index in range(val)
    ]
    write_json(root / "detections.json", detections)
    return root


def write_json(path: Path, content: Any) -> None:
    """`content` as a JSON file, its folder made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def tiny_experiment(folder: Path, data: Path, **sections: dict[str, Any]) -> Path:
    """An experiment file with an HRNet of one block per branch; `sections` change it."""
    stages = {
        f"STAGE{number + 1}": {
            "NUM_MODULES": 1,
            "NUM_BRANCHES": number + 1,
            "NUM_BLOCKS": [1] * (number + 1),
            "NUM_CHANNELS": [4 * 2**branch for branch in range(number + 1)],
        }
        for number in (1, 2, 3)
    }
    content: dict[str, Any] = {
        "OUTPUT_DIR": str(folder / "output"),
        "LOG_DIR": str(folder / "log"),
        "WORKERS": 0,
        "PRINT_FREQ": 2,
        "DEVICE": "cpu",
        "MODEL": {
            "NAME": "pose_hrnet",
            "CODEC": "udp",
            "NUM_JOINTS": NUM_KEYPOINTS,
            "IMAGE_SIZE": [64, 64],
            "HEATMAP_SIZE": [16, 16],
            "SIGMA": 1.5,
            "EXTRA": stages,
        },
        "DATASET": {
            "DATASET": "coco",
            "ROOT": str(data),
            "TRAIN_SET": "train",
            "TEST_SET": "val",
            "COLOR_RGB": True,
        },
        "TRAIN": {"BATCH_SIZE_PER_GPU": 4, "LR": 0.002, "LR_STEP": [2], "END_EPOCH": 2},
        "TEST": {
            "BATCH_SIZE_PER_GPU": 4,
            "USE_GT_BBOX": True,
            "FLIP_TEST": True,
            "POST_PROCESS": True,
            "IMAGE_THRE": 0.0,
            "IN_VIS_THRE": 0.2,
            "OKS_THRE": 0.9,
            "COCO_BBOX_FILE": str(data / "detections.json"),
        },
    }
    for name, values in sections.items():
        if isinstance(values, dict):
            content[name] = {**content.get(name, {}), **values}
        else:
            content[name] = values
    path = folder / "tiny.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


def run_folder(folder: Path) -> Path:
    """Where the experiment in `folder` writes."""
    return folder / "output" / "coco" / "pose_hrnet" / "tiny"


def run_tool(name: str, *arguments: object, processes: int = 0) -> subprocess.CompletedProcess[str]:
    """Run tools/NAME.py, under torchrun with `processes` processes where given."""
    launcher = [sys.executable]
    if processes:
        launcher += ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    words = [*launcher, str(REPOSITORY / "tools" / f"{name}.py"), *map(str, arguments)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        words, capture_output=True, text=True, timeout=300, cwd=REPOSITORY, env=environment, check=False
    )

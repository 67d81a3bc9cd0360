"""Small data sets on disk, in COCO's layout, with random pictures."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from helpers.tiny_coco import SIZE_WH, tiny_annotations
from yacs.config import CfgNode

from lib.config import load_config

CONFIG = Path(__file__).resolve().parents[2] / "experiments" / "_hrnet_w24_128x96.yaml"


def picture(rng: np.random.Generator, size_wh: tuple[int, int] = SIZE_WH) -> np.ndarray:
    """A smooth random picture, (H, W, 3) uint8."""
    coarse = rng.integers(0, 256, (size_wh[1] // 8, size_wh[0] // 8, 3), dtype=np.uint8)
    return cv2.resize(coarse, size_wh, interpolation=cv2.INTER_LINEAR)


def write_dataset(root: Path, rng: np.random.Generator, **sizes: int) -> dict[str, Any]:
    """Write ROOT/annotations and ROOT/images of a part called tiny; gives the annotation file's content."""
    content = tiny_annotations(rng, **sizes)
    (root / "annotations").mkdir(parents=True)
    (root / "images" / "tiny").mkdir(parents=True)
    for image in content["images"]:
        path = root / "images" / "tiny" / Path(image["file_name"]).with_suffix(".png").name
        image["file_name"] = path.name
        cv2.imwrite(str(path), picture(rng))
    rewrite_annotations(root, content)
    return content


def rewrite_annotations(root: Path, content: Any) -> Path:
    """Replace the annotation file of `write_dataset`."""
    path = root / "annotations" / "person_keypoints_tiny.json"
    path.write_text(json.dumps(content))
    return path


def tiny_config(root: Path, *overrides: str) -> CfgNode:
    """A configuration for `write_dataset`, with augmentation and without workers."""
    options = {
        "DATASET.DATASET": "coco",
        "DATASET.ROOT": str(root),
        "DATASET.TRAIN_SET": "tiny",
        "DATASET.TEST_SET": "tiny",
        "DATASET.SCALE_FACTOR": "0.35",
        "DATASET.ROT_FACTOR": "45.0",
        "DATASET.PROB_HALF_BODY": "0.3",
        "MODEL.CODEC": "udp",
        "TRAIN.BATCH_SIZE_PER_GPU": "4",
        "TEST.BATCH_SIZE_PER_GPU": "4",
        "WORKERS": "0",
        "DEVICE": "cpu",
    }
    flat = [part for pair in options.items() for part in pair]
    return load_config(CONFIG, [*flat, *overrides])

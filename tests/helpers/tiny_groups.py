"""Small data sets of pictures with several people, crowds and people without keypoints, in COCO's layout."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
import yaml
from helpers.tiny_run import tiny_experiment, write_json

SIZES_WH = ((96, 80), (70, 90), (64, 64))
DOT = 2


def rectangle(x: int, y: int, width: int, height: int) -> list[list[float]]:
    """A polygon of whole pixels: columns x to x + width - 1, rows y to y + height - 1."""
    right, bottom = x + width, y + height
    return [[float(value) for value in (x, y, right, y, right, bottom, x, bottom)]]


def counts_of(mask: np.ndarray) -> list[int]:
    """Run lengths of a mask, (H, W) bool, column by column, beginning with those of False."""
    counts, expected, run = [], False, 0
    for value in mask.T.ravel().tolist():
        if bool(value) != expected:
            counts.append(run)
            expected, run = not expected, 0
        run += 1
    return [*counts, run]


def make_group_data(root: Path, *, train: int = 8, val: int = 4, people: int = 3, num_keypoints: int = 17) -> Path:
    """People of coloured dots, up to `people` in a picture, none in every fourth; a crowd in every third.

    Left and right are told apart by colour alone, so that a mirrored picture is a picture of other people.
    """
    rng = np.random.default_rng(2)
    colors = rng.integers(60, 256, (num_keypoints, 3)).tolist()
    for part, count in (("train", train), ("val", val)):
        folder = root / "images" / part
        folder.mkdir(parents=True)
        images: list[dict[str, Any]] = []
        annotations: list[dict[str, Any]] = []
        for index in range(count):
            width, height = SIZES_WH[index % len(SIZES_WH)]
            image_id = 1000 + index
            picture = rng.integers(0, 50, (height, width, 3), dtype=np.uint8)
            for _ in range(0 if index % 4 == 3 else 1 + index % people):
                annotations.append(_person(rng, picture, colors, image_id))
            if index % 3 == 2 or index % 4 == 3:
                annotations.append(_crowd(picture, image_id))
            for number, annotation in enumerate(annotations):
                annotation["id"] = number + 1
            cv2.imwrite(str(folder / f"{image_id}.png"), picture)
            images.append({"id": image_id, "file_name": f"{image_id}.png", "width": width, "height": height})
        content = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "person"}]}
        write_json(root / "annotations" / f"person_keypoints_{part}.json", content)
    return root


def _person(rng: np.random.Generator, picture: np.ndarray, colors: list[Any], image_id: int) -> dict[str, Any]:
    """Draw a person in a box of at most half of the picture."""
    height, width = picture.shape[:2]
    size = rng.uniform(0.45, 0.6, 2) * (width, height)
    corner = rng.uniform(0, 1, 2) * ((width, height) - size)
    points = corner + rng.uniform(0.05, 0.95, (len(colors), 2)) * (size - 1)
    flags = rng.choice([1, 2], len(colors))
    for point, color in zip(points.round().astype(int).tolist(), colors, strict=True):
        cv2.circle(picture, point, DOT, color, -1)
    rows = np.concatenate([points, flags[:, None]], axis=1)
    return {
        "image_id": image_id,
        "category_id": 1,
        "bbox": [*corner.tolist(), *size.tolist()],
        "area": float(0.6 * size.prod()),
        "iscrowd": 0,
        "num_keypoints": len(colors),
        "keypoints": rows.ravel().tolist(),
    }


def _crowd(picture: np.ndarray, image_id: int) -> dict[str, Any]:
    """A crowd in the lower right quarter, in run lengths."""
    mask = np.zeros(picture.shape[:2], bool)
    mask[mask.shape[0] // 2 :, mask.shape[1] // 2 :] = True
    return {
        "image_id": image_id,
        "category_id": 1,
        "bbox": [mask.shape[1] // 2, mask.shape[0] // 2, mask.shape[1] // 2, mask.shape[0] // 2],
        "area": float(mask.sum()),
        "iscrowd": 1,
        "num_keypoints": 0,
        "keypoints": [0] * 51,
        "segmentation": {"size": list(mask.shape), "counts": counts_of(mask)},
    }


def group_experiment(folder: Path, data: Path, **sections: Any) -> Path:
    """An experiment file of a tiny bottom-up network; `sections` change it.

    MODEL.NAME is pose_higher_hrnet, MODEL.CODEC ae; as in `tiny_experiment` the network has one block per branch.
    """
    model = {"NAME": "pose_higher_hrnet", "CODEC": "ae", **sections.pop("MODEL", {})}
    path = tiny_experiment(folder, data, MODEL=model, **sections)
    content = yaml.safe_load(path.read_text())
    for key in ("COCO_BBOX_FILE", "IMAGE_THRE", "IN_VIS_THRE", "OKS_THRE", "POST_PROCESS", "USE_GT_BBOX"):
        content["TEST"].pop(key)
    if model["NAME"] == "pose_higher_hrnet":
        content["MODEL"]["EXTRA"]["DECONV"] = {"NUM_CHANNELS": 4, "NUM_BASIC_BLOCKS": 1}
    path.write_text(yaml.safe_dump(content))
    return path


def raise_heatmaps(path: Path) -> Path:
    """Change weights so that heatmaps are high everywhere and people are found."""
    content = torch.load(path, weights_only=True)
    for name, value in content["state_dict"].items():
        if name.startswith("final_layers") and name.endswith("bias"):
            value[:17] += 0.3
    torch.save(content, path)
    return path

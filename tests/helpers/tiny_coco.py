"""Small COCO-format annotation files and results, made from random numbers."""

import json
from pathlib import Path
from typing import Any

import numpy as np

SIZE_WH = (320, 240)


def tiny_annotations(
    rng: np.random.Generator, *, images: int = 6, people: int = 3, num_keypoints: int = 17
) -> dict[str, Any]:
    """People of COCO's medium and large sizes, some keypoints not labelled, one person without any."""
    annotations = []
    for index in range(images * people):
        width, height = rng.uniform(40, 140, 2)
        x, y = rng.uniform(0, SIZE_WH[0] - width), rng.uniform(0, SIZE_WH[1] - height)
        points = rng.uniform(0, 1, (num_keypoints, 2)) * (width, height) + (x, y)
        visible = rng.choice([0, 1, 2], num_keypoints, p=[0.2, 0.2, 0.6])
        visible[0] = 2
        if index == 1:
            visible[:] = 0
        rows = np.concatenate([points * (visible > 0)[:, None], visible[:, None]], axis=1)
        annotations.append(
            {
                "id": index + 1,
                "image_id": 100 + index // people,
                "category_id": 1,
                "bbox": [x, y, width, height],
                "area": 0.6 * width * height,
                "iscrowd": 0,
                "num_keypoints": int((visible > 0).sum()),
                "keypoints": rows.ravel().tolist(),
            }
        )
    return {
        "images": [
            {"id": 100 + i, "file_name": f"{100 + i:012d}.jpg", "width": SIZE_WH[0], "height": SIZE_WH[1]}
            for i in range(images)
        ],
        "annotations": annotations,
        "categories": [{"id": 1, "name": "person"}],
    }


def noisy_predictions(
    rng: np.random.Generator, annotations: dict[str, Any], noise: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Each person predicted twice with Gaussian errors of `noise` pixels: (preds, boxes, image ids)."""
    preds, boxes, ids = [], [], []
    for annotation in annotations["annotations"] * 2:
        points = np.reshape(annotation["keypoints"], (-1, 3)).astype(float)
        points[:, :2] += rng.normal(0, noise, (len(points), 2))
        points[:, 2] = rng.uniform(0, 1, len(points))
        x, y, width, height = annotation["bbox"]
        preds.append(points)
        boxes.append([x + width / 2, y + height / 2, width / 160, height / 160, width * height * 1.5, rng.uniform()])
        ids.append(annotation["image_id"])
    return np.array(preds, dtype=np.float32), np.array(boxes), np.array(ids)


def written(folder: Path, name: str, content: Any) -> Path:
    """`content` as a JSON file."""
    path = folder / name
    path.write_text(json.dumps(content))
    return path

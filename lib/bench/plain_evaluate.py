"""The plain way to evaluate: person by person and joint by joint, then pycocotools on the file.

Written after HRNet lib/dataset/coco.py (evaluate) and lib/nms/nms.py (oks_iou, oks_nms).
"""

import contextlib
import io
import json
import os
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

Person = dict[str, Any]


def rescore_and_suppress(
    preds: np.ndarray,
    boxes: np.ndarray,
    image_ids: np.ndarray,
    sigmas: np.ndarray,
    in_vis_thre: float = 0.2,
    oks_thre: float = 0.9,
) -> list[list[Person]]:
    """People kept on each image, from keypoints (N, K, 3) and boxes (N, 6), whose columns are those of `box_rows`."""
    images: dict[int, list[Person]] = defaultdict(list)
    for index in range(len(preds)):
        images[int(image_ids[index])].append(
            {
                "image": int(image_ids[index]),
                "keypoints": preds[index],
                "center": boxes[index][0:2],
                "scale": boxes[index][2:4],
                "area": boxes[index][4],
                "score": boxes[index][5],
            }
        )
    kept = []
    for people in images.values():
        for person in people:
            total, valid = 0.0, 0
            for joint in range(preds.shape[1]):
                joint_score = person["keypoints"][joint][2]
                if joint_score > in_vis_thre:
                    total, valid = total + joint_score, valid + 1
            person["score"] = (total / valid if valid else 0.0) * person["score"]
        kept.append([people[index] for index in suppress(people, sigmas, oks_thre)])
    return kept


def suppress(people: list[Person], sigmas: np.ndarray, threshold: float) -> list[int]:
    """Indices of the people of one image that stay."""
    scores = np.array([person["score"] for person in people])
    keypoints = np.array([person["keypoints"].flatten() for person in people])
    areas = np.array([person["area"] for person in people])
    order = scores.argsort()[::-1]
    keep = []
    while order.size > 0:
        best, rest = order[0], order[1:]
        keep.append(int(best))
        overlaps = overlap(keypoints[best], keypoints[rest], areas[best], areas[rest], sigmas)
        order = rest[np.where(overlaps <= threshold)[0]]
    return keep


def overlap(
    one: np.ndarray, others: np.ndarray, area: float, other_areas: np.ndarray, sigmas: np.ndarray
) -> np.ndarray:
    """OKS of one person with others, (3K,) and (M, 3K) to (M,)."""
    variances = (sigmas * 2) ** 2
    overlaps = np.zeros(len(others))
    for index in range(len(others)):
        dx = others[index, 0::3] - one[0::3]
        dy = others[index, 1::3] - one[1::3]
        exponent = (dx**2 + dy**2) / variances / ((area + other_areas[index]) / 2 + np.spacing(1)) / 2
        overlaps[index] = np.sum(np.exp(-exponent)) / len(exponent)
    return overlaps


def write_file(path: str | os.PathLike[str], kept: list[list[Person]]) -> None:
    """Append record after record, then write them all."""
    results = []
    for people in kept:
        for person in people:
            flat = np.zeros(3 * len(person["keypoints"]))
            for joint, (x, y, score) in enumerate(person["keypoints"]):
                flat[3 * joint], flat[3 * joint + 1], flat[3 * joint + 2] = x, y, score
            results.append(
                {
                    "image_id": person["image"],
                    "category_id": 1,
                    "keypoints": list(flat),
                    "score": float(person["score"]),
                    "center": [float(value) for value in person["center"]],
                    "scale": [float(value) for value in person["scale"]],
                }
            )
    with Path(path).open("w") as file:
        json.dump(results, file, sort_keys=True, indent=4)


def statistics(path: str | os.PathLike[str], truth: COCO, sigmas: np.ndarray) -> np.ndarray:
    """The ten values of a result file, (10,)."""
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = COCOeval(truth, truth.loadRes(str(path)), "keypoints")
        evaluation.params.kpt_oks_sigmas = sigmas
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation.stats

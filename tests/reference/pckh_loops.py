"""PCKh, PCK, AUC, EPE and NME, joint by joint and person by person."""

import math
from typing import Any

LEFT_OUT = (6, 7)
ROWS = {
    "Head": [9],
    "Shoulder": [13, 12],
    "Elbow": [14, 11],
    "Wrist": [15, 10],
    "Hip": [3, 2],
    "Knee": [4, 1],
    "Ankle": [5, 0],
}


def pckh_loops(preds: Any, truth: dict[str, Any]) -> dict[str, float]:
    """The published table from 1-based predictions (N, 16, 2) and the arrays of gt_valid.mat, in the order of ours."""
    missing, points, boxes = truth["jnt_missing"], truth["pos_gt_src"], truth["headboxes_src"]
    count = len(preds)
    table: dict[float, list[float]] = {}
    totals = [sum(1 for n in range(count) if not missing[j][n]) for j in range(16)]
    for threshold in (0.5, 0.11, 0.1):
        row = []
        for j in range(16):
            correct = 0
            for n in range(count):
                if missing[j][n]:
                    continue
                head = 0.6 * math.hypot(*(boxes[1][a][n] - boxes[0][a][n] for a in (0, 1)))
                error = math.hypot(*(preds[n][j][a] - points[j][a][n] for a in (0, 1)))
                correct += error / head <= threshold
            row.append(100.0 * correct / totals[j] if totals[j] else math.nan)
        table[threshold] = row
    used = [j for j in range(16) if j not in LEFT_OUT and totals[j]]
    weight = sum(totals[j] for j in used)
    names = {"Mean@0.5": 0.5, "Mean@0.11": 0.11, "Mean@0.1": 0.1}
    means = {
        name: sum(table[threshold][j] * totals[j] / weight for j in used) if weight else math.nan
        for name, threshold in names.items()
    }
    return means | {name: sum(table[0.5][j] for j in joints) / len(joints) for name, joints in ROWS.items()}


def pck_loops(points: Any, truth: Any, labelled: Any, sizes: Any, threshold: float) -> float:
    """Mean over keypoints of the share of people whose keypoint is nearer than `threshold` sizes."""
    shares = []
    for k in range(len(truth[0])):
        found = [
            math.dist(points[n][k], truth[n][k]) / sizes[n] < threshold
            for n in range(len(truth))
            if labelled[n][k] > 0 and sizes[n] > 0
        ]
        if found:
            shares.append(sum(found) / len(found))
    return sum(shares) / len(shares) if shares else math.nan


def auc_loops(points: Any, truth: Any, labelled: Any, pixels: float) -> float:
    """Mean of PCK over twenty thresholds."""
    steps = [pck_loops(points, truth, labelled, [pixels] * len(truth), step / 20) for step in range(20)]
    return sum(steps) / 20


def nme_loops(points: Any, truth: Any, labelled: Any, sizes: Any) -> float:
    """Mean of distances over sizes."""
    errors = [
        math.dist(points[n][k], truth[n][k]) / sizes[n]
        for n in range(len(truth))
        for k in range(len(truth[0]))
        if labelled[n][k] > 0 and sizes[n] > 0
    ]
    return sum(errors) / len(errors) if errors else math.nan

"""PCKh: the share of joints within a part of the head's size from the truth."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lib.core.evaluate import format_statistics
from lib.core.mpii_truth import MpiiTruth
from lib.skeletons import load_skeleton
from lib.utils.errors import PoseError

# The joints of each row of the published table; left and right are averaged.
PARTS = {
    "Head": (9,),
    "Shoulder": (12, 13),
    "Elbow": (11, 14),
    "Wrist": (10, 15),
    "Hip": (2, 3),
    "Knee": (1, 4),
    "Ankle": (0, 5),
}
# Pelvis and thorax do not count in the mean: the given centre all but tells where they are.
LEFT_OUT = (6, 7)
# HRNet, UDP-Pose and DarkPose publish the second as Mean@0.1.
MEANS = {"Mean@0.5": 0.5, "Mean@0.11": 0.11, "Mean@0.1": 0.1}
CRITERION = "Mean@0.5"
# Before the names of figures that stand in for PCKh where there are no head boxes.
SEGMENT = "segment "
FOOTNOTE = "Mean@0.11 is what HRNet, UDP-Pose and DarkPose publish as Mean@0.1; pelvis and thorax are not in the means."


def pckh(joints: ArrayLike, truth: MpiiTruth) -> dict[str, float]:
    """PCKh of predictions, in percent.

    Args:
        joints: predicted (x, y), counted from 1 like those of the truth, (N, 16, 2).
        truth: of the same people in the same order; who has no head size does not count.

    Returns:
        The means of `MEANS`, then `PARTS` at 0.5. A mean weights joints by their number of labelled people. NaN where
        nobody is labelled; such a joint does not count in the means.

    Raises:
        PoseError: another number of people or joints, or predictions that are not finite.

    Source: HRNet lib/dataset/mpii.py, evaluate.
    """
    correct, totals = _counts(joints, truth)
    in_mean = np.delete(np.arange(len(totals)), LEFT_OUT)
    means = {name: _percent(correct[name][in_mean].sum(), totals[in_mean].sum()) for name in MEANS}
    half = correct[CRITERION]
    rows = {
        name: sum(_percent(half[joint], totals[joint]) for joint in joints_of) / len(joints_of)
        for name, joints_of in PARTS.items()
    }
    return means | rows


def _counts(joints: ArrayLike, truth: MpiiTruth) -> tuple[dict[str, NDArray[np.int64]], NDArray[np.int64]]:
    """People who have each joint correct, (16,) for each of `MEANS`, and labelled, (16,); arguments as in `pckh`."""
    points = np.asarray(joints, np.float64)
    if points.shape != truth.joints.shape:
        raise PoseError(
            f"predictions of shape {points.shape} do not fit {truth.source} with {truth.joints.shape}; predict every "
            "person of the annotation file, in its order."
        )
    faulty = ~np.isfinite(points).all(axis=(1, 2))
    if faulty.any():
        raise PoseError(f"the prediction of person {int(np.argmax(faulty))} (from 0) is not finite; check the weights.")
    counted = truth.visible & np.isfinite(truth.head_sizes)[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):  # a head box without extent leaves nothing correct
        errors = np.linalg.norm(points - truth.joints, axis=2) / np.where(counted, truth.head_sizes[:, None], 1.0)
    return {name: ((errors <= part) & counted).sum(axis=0) for name, part in MEANS.items()}, counted.sum(axis=0)


def head_figures(joints: ArrayLike, truth: MpiiTruth) -> dict[str, float]:
    """`pckh`; where nobody has a head box, the like by head segments, each name with `SEGMENT` before it."""
    if truth.has_heads:
        return pckh(joints, truth)
    return {SEGMENT + name: value for name, value in pckh(joints, truth.with_head_segments()).items()}


def format_joints(joints: ArrayLike, truth: MpiiTruth) -> str:
    """The figures of each joint by itself, pelvis and thorax too, in Markdown; arguments as in `pckh`.

    Where nobody has a head box they are taken by head segments, like those of `head_figures`.
    """
    prefix = "PCKh" if truth.has_heads else f"{SEGMENT}PCKh"
    correct, totals = _counts(joints, truth if truth.has_heads else truth.with_head_segments())
    rows = [["joint", *load_skeleton("mpii").names], ["---"] * (len(totals) + 1)]
    for name in MEANS:
        shares = [_percent(right, total) for right, total in zip(correct[name], totals, strict=True)]
        texts = ["n/a" if math.isnan(share) else f"{share:.1f}" for share in shares]
        rows.append([name.replace("Mean", prefix), *texts])
    rows.append(["people", *map(str, totals.tolist())])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def describe_heads(truth: MpiiTruth) -> str:
    """How many people have head boxes; where nobody has, what the figures are then."""
    if truth.has_heads:
        return f"of {int(np.isfinite(truth.head_sizes).sum())} of {len(truth)} people in {truth.source}"
    return (
        f"absent from {truth.source}, so PCKh cannot be computed: the figures called '{SEGMENT.strip()}' take the "
        "distance from upper neck to head top for the size of a head"
    )


def format_pckh(stats: Mapping[str, float], name: str) -> str:
    """The table of the published repositories, in Markdown: body parts, then means.

    Args:
        stats: from `head_figures`.
        name: the first column, usually the model.
    """
    prefix = "" if CRITERION in stats else SEGMENT
    ordered = {key: stats[prefix + key] for key in (*PARTS, *MEANS)}
    return f"{format_statistics(ordered, ', '.join(filter(None, (name, prefix.strip()))))}\n{FOOTNOTE}"


def _percent(correct: np.integer[Any], total: np.integer[Any]) -> float:
    return 100.0 * float(correct) / float(total) if total else math.nan

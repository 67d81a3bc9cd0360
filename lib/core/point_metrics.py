"""PCK, AUC, EPE and NME: metrics of single points, for any keypoint set.

Definitions: mmpose 0.x mmpose/core/evaluation/top_down_eval.py and 1.x mmpose/evaluation/functional/keypoint_eval.py.
Only labelled keypoints count. What nobody can be measured by is NaN.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

AUC_STEPS = 20


def pck(points: ArrayLike, truth: ArrayLike, labelled: ArrayLike, sizes: ArrayLike, threshold: float = 0.2) -> float:
    """Share of keypoints nearer to the truth than a part of the person's size, meaned over the keypoints of the set.

    Args:
        points: predicted (x, y), (N, K, 2).
        truth: (x, y) in the same frame, (N, K, 2).
        labelled: (N, K).
        sizes: of the people, usually the longer sides of their boxes, same unit, (N,); those without one, 0 or NaN,
            do not count.
        threshold: that part; a distance equal to it is too far.
    """
    errors, counted = normalised_errors(points, truth, labelled, sizes)
    return _mean_share(errors < threshold, counted)


def auc(points: ArrayLike, truth: ArrayLike, labelled: ArrayLike, max_pixels: float = 30.0) -> float:
    """Mean PCK at the 20 thresholds 0, 1/20, ..., 19/20 of `max_pixels`; other arguments as in `pck`."""
    count = len(np.asarray(points))
    errors, counted = normalised_errors(points, truth, labelled, np.full(count, max_pixels))
    shares = [_mean_share(errors < step / AUC_STEPS, counted) for step in range(AUC_STEPS)]
    return float(np.mean(shares))


def epe(points: ArrayLike, truth: ArrayLike, labelled: ArrayLike) -> float:
    """End-point error: mean distance of all labelled keypoints, in the unit of the points; arguments as in `pck`."""
    return nme(points, truth, labelled, np.ones(len(np.asarray(points))))


def nme(points: ArrayLike, truth: ArrayLike, labelled: ArrayLike, sizes: ArrayLike) -> float:
    """Normalised mean error: mean of distances divided by the person's size; arguments as in `pck`."""
    errors, counted = normalised_errors(points, truth, labelled, sizes)
    return float(errors[counted].mean()) if counted.any() else float("nan")


def keypoint_distances(truth: ArrayLike, labelled: ArrayLike, pair: tuple[int, int]) -> NDArray[np.float64]:
    """Distance of two true keypoints of each person, for `nme`, (N,); NaN where one is not labelled."""
    ends, shown = np.asarray(truth, np.float64)[:, list(pair)], np.asarray(labelled)[:, list(pair)] > 0
    return np.where(shown.all(axis=1), np.linalg.norm(ends[:, 1] - ends[:, 0], axis=1), np.nan)


def normalised_errors(
    points: ArrayLike, truth: ArrayLike, labelled: ArrayLike, sizes: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Distances divided by the people's sizes, (N, K), and which of them count, (N, K); arguments as in `pck`."""
    lengths = np.asarray(sizes, np.float64)
    usable = np.isfinite(lengths) & (lengths > 0)
    counted = (np.asarray(labelled) > 0) & usable[:, None]
    distances = np.linalg.norm(np.asarray(points, np.float64) - np.asarray(truth, np.float64), axis=2)
    return distances / np.where(usable, lengths, 1.0)[:, None], counted


def _mean_share(correct: NDArray[np.bool_], counted: NDArray[np.bool_]) -> float:
    """Share per keypoint, meaned over those that somebody is labelled with."""
    totals = counted.sum(axis=0)
    if not totals.any():
        return float("nan")
    shares = (correct & counted).sum(axis=0) / np.maximum(totals, 1)
    return float(shares[totals > 0].mean())

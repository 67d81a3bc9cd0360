"""Object keypoint similarity (OKS), the overlap measure of poses, on arrays of any batch shape."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]

# Keeps the division finite for a person of area zero; COCO and the published NMS add the same.
AREA_EPSILON = float(np.spacing(1.0))
# Widens `oks_reach` beyond any rounding of its own and of `oks`.
REACH_SLACK = 1.0 + 1e-6
# More than the rounding of t·K: where that is a whole number, one probe fewer would tell nothing.
COUNT_SLACK = 1e-9


def oks(
    squared_distances: FloatArray,
    areas: FloatArray,
    sigmas: ArrayLike,
    labelled: NDArray[np.bool_] | None = None,
) -> FloatArray:
    """Turn distances between keypoints into a similarity in 0..1.

    Args:
        squared_distances: image_ distances squared, (..., K), pixels².
        areas: area of the person, (...), pixels².
        sigmas: per-keypoint constants, (K,), in units of sqrt(area).
        labelled: which keypoints count, (..., K); all when None.

    Returns:
        mean of exp(-d² / (2 · area · (2·sigma)²)) over the keypoints that count, (...); 0 where none counts.

    Source: COCO keypoint evaluation, pycocotools COCOeval.computeOks.
    """
    variances = (2.0 * np.asarray(sigmas, dtype=np.float64)) ** 2
    similarity = np.exp(squared_distances * (-0.5 / variances) / (areas + AREA_EPSILON)[..., None])
    if labelled is None:
        return similarity.mean(axis=-1)
    counts = labelled.sum(axis=-1)
    return (similarity * labelled).sum(axis=-1) / np.maximum(counts, 1)


def oks_between(
    first: FloatArray, second: FloatArray, first_areas: FloatArray, second_areas: FloatArray, sigmas: ArrayLike
) -> FloatArray:
    """Similarity of two predictions, symmetric: all keypoints count and the area is the mean of both.

    Args:
        first: image_ (x, y), (..., K, 2) or (..., K, 3) with a score that is not used.
        second: the same; the leading axes of both broadcast.
        first_areas: (...), pixels².
        second_areas: (...), pixels².
        sigmas: (K,).

    Source: HRNet lib/nms/nms.py, oks_iou.
    """
    return oks(_squared_distances(first, second), (first_areas + second_areas) / 2.0, sigmas)


def oks_reach(sigmas: ArrayLike, threshold: float) -> tuple[NDArray[np.intp], FloatArray]:
    """A few keypoints that tell without an exponential that two predictions are not alike.

    The keypoints that are not looked at add at most 1 each to the sum that `oks_between` averages. If its mean is to be
    above t, m probes must add more than t·K - (K - m), so one of them adds more than the m-th part of that. Probes are
    as many as make this positive, and the strictest ones.

    Args:
        sigmas: (K,).
        threshold: t.

    Returns:
        Indices of m keypoints, and for each a factor, (m,): if the squared distance of every probe, in pixels², is
        greater than its factor times (the sum of both areas + 2 AREA_EPSILON), the similarity is not above the
        threshold.
    """
    constants = np.asarray(sigmas, dtype=np.float64)
    total = len(constants)
    count = min(total, int(total * (1.0 - min(threshold, 1.0)) + COUNT_SLACK) + 1)
    share = (threshold * total - (total - count)) / count
    probes = np.argsort(constants, kind="stable")[:count]
    farthest = np.inf if share <= 0 else max(-np.log(share), 0.0) + (REACH_SLACK - 1.0)
    return probes, REACH_SLACK * farthest * (2.0 * constants[probes]) ** 2


def oks_to_ground_truth(
    keypoints: ArrayLike, truth_keypoints: ArrayLike, truth_areas: ArrayLike, sigmas: ArrayLike
) -> FloatArray:
    """Similarity of every prediction with every annotated person of one image.

    Args:
        keypoints: image_ (x, y) and optionally a score, (P, K, 2 or 3).
        truth_keypoints: image_ (x, y, visibility), (G, K, 3); only keypoints with visibility above 0 count.
        truth_areas: annotated areas, (G,), pixels².
        sigmas: (K,).

    Returns:
        (P, G). A person without a labelled keypoint gets 0; COCO ignores such people.

    Source: pycocotools COCOeval.computeOks.
    """
    predicted = np.asarray(keypoints, dtype=np.float64)[:, None]
    truth = np.asarray(truth_keypoints, dtype=np.float64)[None]
    areas = np.broadcast_to(np.asarray(truth_areas, dtype=np.float64), (predicted.shape[0], truth.shape[1]))
    return oks(_squared_distances(predicted, truth), areas, sigmas, np.asarray(truth[..., 2] > 0))


def _squared_distances(first: FloatArray, second: FloatArray) -> FloatArray:
    delta_x = first[..., 0] - second[..., 0]
    delta_y = first[..., 1] - second[..., 1]
    return delta_x * delta_x + delta_y * delta_y

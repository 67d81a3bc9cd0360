"""Suppression of repeated poses by their similarity (OKS), for all images of a set at once.

Images with the same number of poses are stacked, so that every step works on (images, poses, keypoints) arrays and no
padding is needed. Among equal scores the later record goes first, as a stable arg-sort read backwards gives it.
"""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lib.utils.oks import oks_between

FloatArray = NDArray[np.float64]
IndexArray = NDArray[np.intp]

# COCO counts at most 20 people per image; published soft NMS stops there too (HRNet lib/nms/nms.py, max_dets).
SOFT_NMS_LIMIT = 20
# Keypoints worked on together: their float64 arrays stay inside a core's cache.
BLOCK_KEYPOINTS = 65536


def oks_nms(
    keypoints: ArrayLike,
    areas: ArrayLike,
    scores: ArrayLike,
    image_ids: ArrayLike,
    sigmas: ArrayLike,
    threshold: float,
) -> IndexArray:
    """Keep the best pose of each image, drop what is more similar to it than `threshold`, go on with the rest.

    Args:
        keypoints: image_ (x, y[, score]), (N, K, 2 or 3).
        areas: (N,), pixels²; published systems give the area of the padded crop.
        scores: (N,), finite.
        image_ids: (N,), integers, in any order.
        sigmas: (K,).
        threshold: an OKS above it suppresses.

    Returns:
        indices of the kept records: images in order of first appearance, the best record of each image first.
        The best record is always kept, so an image with records never ends without any.

    Source: HRNet lib/nms/nms.py, oks_nms.
    """
    constants = np.asarray(sigmas, dtype=np.float64)

    def suppress(points: FloatArray, area: FloatArray, _: FloatArray) -> IndexArray:
        kept = np.ones(area.shape, dtype=bool)
        for rank in range(area.shape[1] - 1):
            rest = slice(rank + 1, None)
            overlap = oks_between(points[:, rank, None], points[:, rest], area[:, rank, None], area[:, rest], constants)
            kept[:, rest] &= ~(kept[:, rank, None] & (overlap > threshold))
        return np.where(kept, np.arange(area.shape[1]), -1)

    return _select(keypoints, areas, scores, image_ids, suppress)


def soft_oks_nms(
    keypoints: ArrayLike,
    areas: ArrayLike,
    scores: ArrayLike,
    image_ids: ArrayLike,
    sigmas: ArrayLike,
    threshold: float,
    limit: int = SOFT_NMS_LIMIT,
) -> IndexArray:
    """Take the best pose of each image, lower the rest by score · exp(-OKS² / threshold), repeat up to `limit`.

    Arguments as in `oks_nms`; the lowered scores only decide what is taken next and are not returned.

    Returns:
        indices of the kept records: images in order of first appearance, in the order of choice within an image.

    Source: HRNet lib/nms/nms.py, soft_oks_nms.
    """
    constants = np.asarray(sigmas, dtype=np.float64)

    def choose(points: FloatArray, area: FloatArray, score: FloatArray) -> IndexArray:
        images = np.arange(len(area))
        lowered, taken = score.copy(), np.zeros(area.shape, dtype=bool)
        chosen = np.empty((len(area), min(limit, area.shape[1])), dtype=np.intp)
        for rank in range(chosen.shape[1]):
            best = np.where(taken, -np.inf, lowered).argmax(axis=1)
            chosen[:, rank] = best
            taken[images, best] = True
            overlap = oks_between(points[images, best][:, None], points, area[images, best][:, None], area, constants)
            lowered *= np.exp(-(overlap**2) / threshold)
        return chosen

    return _select(keypoints, areas, scores, image_ids, choose)


def _select(
    keypoints: ArrayLike,
    areas: ArrayLike,
    scores: ArrayLike,
    image_ids: ArrayLike,
    choose: Callable[[FloatArray, FloatArray, FloatArray], IndexArray],
) -> IndexArray:
    """Apply `choose` to stacks of images; it returns chosen positions (images, any), -1 for none."""
    points = np.asarray(keypoints, dtype=np.float64)
    area, score = np.asarray(areas, dtype=np.float64), np.asarray(scores, dtype=np.float64)
    images, records = [np.empty(0, dtype=np.intp)], [np.empty(0, dtype=np.intp)]
    for ranks, block in _blocks(np.asarray(image_ids), score, points.shape[1]):
        chosen = choose(points[block], area[block], score[block])
        rows, columns = np.nonzero(chosen >= 0)
        images.append(ranks[rows])
        records.append(block[rows, chosen[rows, columns]])
    order = np.argsort(np.concatenate(images), kind="stable")
    return np.concatenate(records)[order]


def _blocks(
    image_ids: NDArray[np.int64], scores: FloatArray, num_keypoints: int
) -> Iterator[tuple[IndexArray, IndexArray]]:
    """Stack images with equally many records.

    Yields:
        rank of each image by first appearance (I,), and its record indices (I, M), the best record first.
    """
    _, first, inverse = np.unique(image_ids, return_index=True, return_inverse=True)
    rank_of_image = np.empty(len(first), dtype=np.intp)
    rank_of_image[np.argsort(first)] = np.arange(len(first))
    ranks = rank_of_image[inverse.ravel()]
    order = np.lexsort((-np.arange(len(scores)), -scores, ranks))
    counts = np.bincount(ranks, minlength=len(first))
    starts = np.cumsum(counts) - counts
    for count in np.unique(counts):
        images = np.flatnonzero(counts == count)
        step = max(1, BLOCK_KEYPOINTS // (int(count) * num_keypoints))
        for begin in range(0, len(images), step):
            part = images[begin : begin + step]
            yield part, order[starts[part][:, None] + np.arange(count)]

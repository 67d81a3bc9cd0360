"""Suppression of repeated poses by their similarity (OKS), for all images of a set at once.

Poses are ranked first: images in order of first appearance, the best pose of each image first. Among equal scores the
later record goes first, as a stable arg-sort read backwards gives it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lib.utils.oks import AREA_EPSILON, oks_between, oks_reach

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
        areas: (N,), pixels², not negative; published systems give the area of the padded crop.
        scores: (N,), finite.
        image_ids: (N,), integers, in any order.
        sigmas: (K,).
        threshold: an OKS above it suppresses.

    Returns:
        indices of the kept records: images in order of first appearance, the best record of each image first.
        The best record is always kept, so an image with records never ends without any.

    Source: HRNet lib/nms/nms.py, oks_nms.
    """
    ranking, constants = _rank(image_ids, scores), np.asarray(sigmas, dtype=np.float64)
    # In the order of ranks, and float64 only where it is worked on: most poses are never looked at closely.
    points, area = np.asarray(keypoints)[ranking.order], np.asarray(areas, dtype=np.float64)[ranking.order]
    maybe_similar = _screen(points, area, constants, threshold)
    kept = np.ones(len(area), dtype=bool)
    for place in range(int(ranking.counts.max(initial=1)) - 1):
        better, worse = _pairs_of_place(place, ranking, kept)
        near = maybe_similar(better, worse)
        better, worse = better[near], worse[near]
        first, second = points[better].astype(np.float64), points[worse].astype(np.float64)
        overlap = oks_between(first, second, area[better], area[worse], constants)
        kept[worse[overlap > threshold]] = False
    return ranking.order[kept]


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
    points, area = np.asarray(keypoints, dtype=np.float64), np.asarray(areas, dtype=np.float64)
    score, constants = np.asarray(scores, dtype=np.float64), np.asarray(sigmas, dtype=np.float64)
    images, chosen = [np.empty(0, dtype=np.intp)], [np.empty(0, dtype=np.intp)]
    for numbers, block in _blocks(_rank(image_ids, scores), points.shape[1]):
        taken = _choose_softly(points[block], area[block], score[block], constants, threshold, limit)
        images.append(np.repeat(numbers, taken.shape[1]))
        chosen.append(np.take_along_axis(block, taken, axis=1).ravel())
    return np.concatenate(chosen)[np.argsort(np.concatenate(images), kind="stable")]


@dataclass(frozen=True)
class _Ranking:
    """Records ordered by image and score.

    Attributes:
        order: record index of each rank, (N,).
        starts: rank of the best record of each image, (I,).
        counts: records of each image, (I,).
    """

    order: IndexArray
    starts: IndexArray
    counts: IndexArray


def _rank(image_ids: ArrayLike, scores: ArrayLike) -> _Ranking:
    ids, score = np.asarray(image_ids), np.asarray(scores, dtype=np.float64)
    _, first, inverse = np.unique(ids, return_index=True, return_inverse=True)
    image_of = np.empty(len(first), dtype=np.intp)
    image_of[np.argsort(first)] = np.arange(len(first))
    images = image_of[inverse.ravel()]
    counts = np.bincount(images, minlength=len(first))
    return _Ranking(np.lexsort((-np.arange(len(score)), -score, images)), np.cumsum(counts) - counts, counts)


def _pairs_of_place(place: int, ranking: _Ranking, kept: NDArray[np.bool_]) -> tuple[IndexArray, IndexArray]:
    """Ranks of the kept poses at one place of their images, each with every kept one that follows it: two of (P,)."""
    deep = ranking.counts > place + 1
    best, lengths = ranking.starts[deep] + place, ranking.counts[deep] - place - 1
    best, lengths = best[kept[best]], lengths[kept[best]]
    better = np.repeat(best, lengths)
    worse = better + 1 + np.arange(len(better)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    left = kept[worse]
    return better[left], worse[left]


def _screen(
    points: NDArray[Any], areas: FloatArray, sigmas: FloatArray, threshold: float
) -> Callable[[IndexArray, IndexArray], NDArray[np.bool_]]:
    """A test of pairs that is cheap and never wrong about poses whose OKS is above the threshold.

    Most pairs are far apart, and the few keypoints of `oks_reach` show it without an exponential.
    """
    probes, reach = oks_reach(sigmas, threshold)
    probe_xy = np.ascontiguousarray(points[:, probes, :2].transpose(1, 2, 0), dtype=np.float64)

    def maybe_similar(first: IndexArray, second: IndexArray) -> NDArray[np.bool_]:
        size = areas[first] + areas[second] + 2.0 * AREA_EPSILON
        near = np.zeros(len(first), dtype=bool)
        for (x, y), factor in zip(probe_xy, reach, strict=True):
            near |= (x[first] - x[second]) ** 2 + (y[first] - y[second]) ** 2 <= factor * size
        return near

    return maybe_similar


def _choose_softly(
    points: FloatArray, areas: FloatArray, scores: FloatArray, sigmas: FloatArray, threshold: float, limit: int
) -> IndexArray:
    """Positions in the order of choice, (I, up to limit), for images with equally many records: (I, M, ...)."""
    images = np.arange(len(areas))
    lowered, taken = scores.copy(), np.zeros(areas.shape, dtype=bool)
    chosen = np.empty((len(areas), min(limit, areas.shape[1])), dtype=np.intp)
    for turn in range(chosen.shape[1]):
        best = np.where(taken, -np.inf, lowered).argmax(axis=1)
        chosen[:, turn] = best
        taken[images, best] = True
        overlap = oks_between(points[images, best][:, None], points, areas[images, best][:, None], areas, sigmas)
        lowered *= np.exp(-(overlap**2) / threshold)
    return chosen


def _blocks(ranking: _Ranking, num_keypoints: int) -> Iterator[tuple[IndexArray, IndexArray]]:
    """Stack images with equally many records, so that no padding is needed.

    Yields:
        numbers of the images (I,), and their record indices (I, M), the best record first.
    """
    for count in np.unique(ranking.counts):
        images = np.flatnonzero(ranking.counts == count)
        step = max(1, BLOCK_KEYPOINTS // (int(count) * num_keypoints))
        for begin in range(0, len(images), step):
            part = images[begin : begin + step]
            yield part, ranking.order[ranking.starts[part][:, None] + np.arange(count)]

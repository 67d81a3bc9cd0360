"""How likely two poses of different frames are the same person, and the best pairs."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from lib.tracking.boxes import box_overlap, widened
from lib.tracking.poses import Poses
from lib.utils.oks import oks
from lib.utils.people import FloatArray

IndexArray = NDArray[np.intp]

# Of the similarity, OKS makes up this share where both poses show many keypoints; the boxes' overlap is the rest.
OKS_SHARE = 0.85


def pose_similarity(first: Poses, second: Poses, sigmas: FloatArray, drift: FloatArray) -> FloatArray:
    """Similarity of every pose with every other, from OKS and the overlap of their boxes.

    Args:
        first: T poses, already moved to where they are expected.
        second: P poses.
        sigmas: OKS constants, (K,).
        drift: how uncertain the places of the first are, in units of a person's size, (T,).

    Returns:
        (T, P), 0..1: s·OKS + (1 - s)·IoU with s = OKS_SHARE · c / (c + 1) for c keypoints seen by both, so that one
        keypoint decides less than seventeen. For OKS the drift is added to every keypoint's deviation: (2σ)² + drift².
        For IoU half of it widens both boxes on every side. Where these boxes do not touch, the similarity is 0.
    """
    areas = (first.boxes[:, None, 2:].prod(axis=-1) + second.boxes[None, :, 2:].prod(axis=-1)) / 2.0
    around = np.sqrt(areas) * (drift / 2.0)[:, None]
    overlap = box_overlap(widened(first.boxes[:, None], around), widened(second.boxes[None], around))
    rows, columns = np.nonzero(overlap)
    # Only near pairs are compared point by point: most people of a crowd are far from each other.
    delta = first.points[rows] - second.points[columns]
    both = first.seen[rows] & second.seen[columns]
    deviations = np.sqrt(sigmas**2 + (drift[rows, None] / 2.0) ** 2)
    alike = oks(delta[..., 0] ** 2 + delta[..., 1] ** 2, areas[rows, columns], deviations, both)
    count = both.sum(axis=1)
    share = OKS_SHARE * count / (count + 1.0)
    similarity = np.zeros_like(overlap)
    similarity[rows, columns] = share * alike + (1.0 - share) * overlap[rows, columns]
    return similarity


def appearance_similarity(first: FloatArray, second: FloatArray) -> FloatArray:
    """Bhattacharyya coefficients of histograms (T, D) and (P, D) that sum to 1: (T, P), NaN where one is unknown."""
    known = first.any(axis=1, keepdims=True) & second.any(axis=1, keepdims=True).T
    return np.where(known, np.sqrt(first) @ np.sqrt(second).T, np.nan)


def best_pairs(worth: FloatArray, rows: IndexArray, columns: IndexArray) -> tuple[IndexArray, IndexArray]:
    """The pairs, each row and column in one at most, whose worth adds up to most.

    Args:
        worth: (T, P), not negative; 0 forbids the pair.
        rows, columns: which of them take part.

    Returns:
        Rows and columns of the pairs, both (M,).
    """
    first, second = linear_sum_assignment(worth[np.ix_(rows, columns)], maximize=True)
    row, column = rows[first], columns[second]
    allowed = worth[row, column] > 0
    return row[allowed], column[allowed]

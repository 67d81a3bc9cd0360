"""Candidates to people by their tags: keypoint after keypoint, each with the best assignment to the people so far."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from lib.codecs.group.options import GroupOptions

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# Weight of a whole step of distance against a score, so that distances decide first (HigherHRNet lib/core/group.py).
DISTANCE_WEIGHT = 100.0
NOBODY = -1


def group(scores: Sequence[FloatArray], tags: Sequence[FloatArray], options: GroupOptions) -> IntArray:
    """Group the candidates of one picture.

    Args:
        scores: of each keypoint's candidates, K arrays (n_k,).
        tags: of the same, K arrays (n_k, T).
        options: thresholds, order of keypoints and most people.

    Returns:
        For each of P people the number of each keypoint's candidate, (P, K), -1 where there is none.

    The candidates of the first keypoint that has any start a person each. Those of every further keypoint are assigned
    to people, as many as there are, so that the sum of 100 round(distance) - score is least, where the distance is that
    of a candidate's tag from the mean of the person's tags so far. A candidate without a person, or whose distance is
    not below the threshold, starts a person.

    Limits of the published systems are kept. A person is known by its first tag: a candidate that would start a person
    of exactly the same first number takes that person's keypoint and replaces its mean. Of more than `max_people`
    people HigherHRNet offers the first ones alone to further candidates; with `ignore_too_much` it passes over every
    keypoint that finds so many people. mmpose offers all; with `ignore_too_much` the first ones, and returns no others.
    Which of several equally good assignments is taken is SciPy's choice here and that of the munkres package there,
    whose versions differ in it.

    Source: HigherHRNet lib/core/group.py, match_by_tag; mmpose 0.29 group.py, _match_by_tag.
    """
    people = _People(sum(map(len, scores)), len(scores), max((one.shape[1] for one in tags), default=1))
    for keypoint in options.joint_order:
        own_scores, own_tags = scores[keypoint], tags[keypoint]
        assigned = np.full(len(own_scores), NOBODY)
        offered = people.count
        if options.ignore_too_much or not options.mmpose:
            offered = min(offered, options.max_people)
        if len(assigned) == 0 or (options.ignore_too_much and not options.mmpose and offered == options.max_people):
            continue
        if offered:
            distances = _distances(own_tags, people.means(offered))
            costs = np.round(distances) * DISTANCE_WEIGHT - own_scores[:, None] if options.use_scores else distances
            rows, columns = linear_sum_assignment(costs)
            near = distances[rows, columns] < options.tag_threshold
            assigned[rows[near]] = columns[near]
        people.take(keypoint, assigned, own_tags)
    kept = min(people.count, options.max_people) if options.mmpose and options.ignore_too_much else people.count
    return people.members[:kept]


class _People:
    """People so far: their candidates, and sums of their tags.

    Args:
        most: how many there can be.
        num_keypoints: K.
        num_tags: T.
    """

    def __init__(self, most: int, num_keypoints: int, num_tags: int) -> None:
        self.count = 0
        self.members = np.full((most, num_keypoints), -1)
        self._sums = np.zeros((most, num_tags))
        self._sizes = np.zeros((most, 1))
        self._number_of: dict[float, int] = {}

    def means(self, count: int) -> FloatArray:
        """Mean tags of the first people, (count, T)."""
        return self._sums[:count] / self._sizes[:count]

    def take(self, keypoint: int, assigned: IntArray, tags: FloatArray) -> None:
        """Take the candidates of a keypoint, with the effect of taking one after the other.

        Args:
            keypoint: which.
            assigned: the person that each joins, all different, or NOBODY for those who start one, (n,).
            tags: (n, T).
        """
        new = np.flatnonzero(assigned == NOBODY)
        if any(tag in self._number_of for tag in tags[new, 0].tolist()):
            # A person who is started anew may be joined by a candidate as well, so that their order counts.
            for candidate in range(len(assigned)):
                self._take_some(keypoint, np.array([candidate]), assigned, tags)
            return
        self._take_some(keypoint, np.arange(len(assigned)), assigned, tags)

    def _take_some(self, keypoint: int, candidates: IntArray, assigned: IntArray, tags: FloatArray) -> None:
        joining = candidates[assigned[candidates] != NOBODY]
        numbers = assigned[joining]
        self.members[numbers, keypoint] = joining
        self._sums[numbers] += tags[joining]
        self._sizes[numbers] += 1
        for candidate in candidates[assigned[candidates] == NOBODY].tolist():
            self._start(keypoint, candidate, tags[candidate])

    def _start(self, keypoint: int, candidate: int, tag: FloatArray) -> None:
        """Start a person with a candidate, or start one of the same first tag anew."""
        number = self._number_of.setdefault(float(tag[0]), self.count)
        self.count = max(self.count, number + 1)
        self.members[number, keypoint] = candidate
        self._sums[number] = tag
        self._sizes[number] = 1


def _distances(tags: FloatArray, means: FloatArray) -> FloatArray:
    """Euclidean, (n, T) and (P, T) to (n, P)."""
    if tags.shape[1] == 1:
        return np.abs(tags - means.T)
    return np.sqrt(np.square(tags[:, None] - means).sum(axis=-1))

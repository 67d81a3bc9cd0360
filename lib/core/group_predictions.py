"""The people found in the pictures of a data set, as columns."""

from dataclasses import dataclass

import numpy as np

from lib.codecs.group.people import GroupedPeople
from lib.utils import distributed

COLUMNS = ("index", "image_keypoints", "scores", "raw_scores", "refined", "person_scores")


@dataclass
class Times:
    """Where the time of a test goes.

    Attributes:
        network: seconds in the network, preparing its inputs and joining its outputs included.
        grouping: seconds in which people were read from its maps.
        pictures: how many there were.
    """

    network: float = 0.0
    grouping: float = 0.0
    pictures: int = 0

    def __str__(self) -> str:
        network, grouping = (1000 * part / max(self.pictures, 1) for part in (self.network, self.grouping))
        return f"{network:.1f} ms network, {grouping:.1f} ms grouping"


@dataclass(frozen=True)
class GroupPredictions:
    """P people in the pictures of a data set, in ascending order of their picture.

    Attributes:
        index: position of each person's picture in the data set, (P,), int64.
        image_keypoints: image_ (x, y), (P, K, 2), float32.
        scores: of the keypoints; 0 for those not found, whose place means nothing, (P, K), float32.
        raw_scores: the scores before missing keypoints were looked for by their tags, (P, K), float32.
        refined: which keypoints were found so, (P, K), bool.
        person_scores: (P,), float32.
        times: of all pictures of all processes.
    """

    index: np.ndarray
    image_keypoints: np.ndarray
    scores: np.ndarray
    raw_scores: np.ndarray
    refined: np.ndarray
    person_scores: np.ndarray
    times: Times

    def with_scores(self) -> np.ndarray:
        """(x, y, score) as the evaluation takes them, (P, K, 3), float32."""
        return np.concatenate([self.image_keypoints, self.scores[..., None]], axis=2)


def columns_of(index: int, image_keypoints: np.ndarray, people: GroupedPeople) -> dict[str, np.ndarray]:
    """The people of one picture, (P, K, 2) in it, as the fields of `GroupPredictions`."""
    return {
        "index": np.full(len(people), index, np.int64),
        "image_keypoints": image_keypoints,
        "scores": people.scores,
        "raw_scores": people.raw_scores,
        "refined": people.refined,
        "person_scores": people.score,
    }


def no_people(num_keypoints: int) -> dict[str, np.ndarray]:
    """A process may have had no picture, and a picture nobody."""
    scores = np.zeros((0, num_keypoints), np.float32)
    return {
        "index": np.zeros(0, np.int64),
        "image_keypoints": np.zeros((0, num_keypoints, 2), np.float32),
        "scores": scores,
        "raw_scores": scores,
        "refined": scores.astype(bool),
        "person_scores": np.zeros(0, np.float32),
    }


def gathered(parts: list[dict[str, np.ndarray]], times: Times) -> GroupPredictions:
    """Join the pictures of all processes."""
    own = {name: np.concatenate([part[name] for part in parts]) for name in COLUMNS}
    spent = np.array([[times.network, times.grouping, times.pictures]])
    joined = distributed.gather_arrays(own | {"times": spent})
    network, grouping, pictures = joined.pop("times").sum(axis=0).tolist()
    order = np.argsort(joined["index"], kind="stable")
    return GroupPredictions(
        **{name: joined[name][order] for name in COLUMNS}, times=Times(network, grouping, int(pictures))
    )

"""The pictures of a data set with all their people, as arrays."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from lib.dataset.coco import Annotations


@dataclass(frozen=True)
class GroupRecords:
    """N pictures and the P people in them.

    Plain arrays hold no Python objects, so that worker processes made by fork share their memory for good.

    Attributes:
        image_id: (N,) int64.
        image_index: position in the annotation file's images, (N,) int64.
        size_wh: of the pictures, (N, 2) int64.
        first: the first person of each picture, and the end, (N + 1,) int64.
        keypoints: image_ (x, y), (P, K, 2) float32.
        visible: the flag of the annotation, 0 not labelled, 1 occluded, 2 visible, (P, K) float32; every person has
            one above 0.
    """

    image_id: np.ndarray
    image_index: np.ndarray
    size_wh: np.ndarray
    first: np.ndarray
    keypoints: np.ndarray
    visible: np.ndarray

    def __len__(self) -> int:
        return len(self.image_id)


class Roles(NamedTuple):
    """What a training takes each annotation for, at most one of three; each field is (A,) bool.

    Attributes:
        people: taught.
        beyond: could be taught, but their picture has too many.
        unlabelled: crowds, and people without labelled keypoints.
    """

    people: np.ndarray
    beyond: np.ndarray
    unlabelled: np.ndarray


def training_roles(annotations: Annotations, max_people: int) -> Roles:
    """Who is taught, and whose region is to be ignored.

    Args:
        annotations: the file's content.
        max_people: taught of a picture.
    """
    labelled = labelled_people(annotations)
    people = within_limit(annotations, labelled, max_people)
    is_person = annotations.category == annotations.person_category
    return Roles(people, labelled & ~people, is_person & ~labelled)


def labelled_people(annotations: Annotations) -> np.ndarray:
    """Whose keypoints can be taught: people who are no crowd and have a labelled keypoint, (A,) bool."""
    is_person = (annotations.category == annotations.person_category) & ~annotations.is_crowd
    return is_person & (annotations.keypoints[..., 2] > 0).any(axis=1)


def within_limit(annotations: Annotations, people: np.ndarray, max_people: int) -> np.ndarray:
    """Of the people (A,) bool, at most `max_people` of each picture: those with most labelled keypoints, (A,) bool.

    The published code fails for a picture with more.
    """
    chosen = np.flatnonzero(people)
    labelled = (annotations.keypoints[chosen, :, 2] > 0).sum(axis=1)
    pictures = annotations.image_index[chosen]
    order = np.lexsort((-labelled, pictures))  # stable: among equals the earlier annotation
    sorted_pictures = pictures[order]
    place = np.arange(len(order)) - np.searchsorted(sorted_pictures, sorted_pictures)
    kept = np.zeros_like(people)
    kept[chosen[order[place < max_people]]] = True
    return kept


def picture_records(annotations: Annotations, people: np.ndarray, pictures: np.ndarray) -> GroupRecords:
    """Some pictures in the order of their file, each with its people in the order of theirs.

    Args:
        annotations: the file's content.
        people: which annotations are people of the records, (A,) bool.
        pictures: positions in the file's images, ascending, (N,) int64; those of all people are among them.
    """
    chosen = np.flatnonzero(people)
    chosen = chosen[np.argsort(annotations.image_index[chosen], kind="stable")]
    owners = np.searchsorted(pictures, annotations.image_index[chosen])
    keypoints = annotations.keypoints[chosen]
    return GroupRecords(
        image_id=annotations.images.id[pictures],
        image_index=pictures,
        size_wh=annotations.images.size_wh[pictures],
        first=np.searchsorted(owners, np.arange(len(pictures) + 1)),
        keypoints=keypoints[..., :2].astype(np.float32),
        visible=keypoints[..., 2].astype(np.float32),
    )


def annotated_pictures(annotations: Annotations) -> np.ndarray:
    """Pictures with any annotation of a person, crowds and people without keypoints included, (N,) int64, ascending.

    Source: HigherHRNet lib/dataset/COCOKeypoints.py and mmpose 0.x bottom-up data sets, which train on all of them.
    """
    return np.unique(annotations.image_index[annotations.category == annotations.person_category])

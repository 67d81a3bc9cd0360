"""Which people of a result file are shown on which picture: all of an image, or the best and worst by OKS."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath

import numpy as np
from numpy.typing import ArrayLike

from lib.utils.coco_files import Record
from lib.utils.geometry import PIXELS_PER_SCALE
from lib.utils.oks import oks_to_ground_truth
from lib.utils.people import pose_extents


@dataclass(frozen=True)
class Person:
    """What is drawn of one person.

    Attributes:
        keypoints: image_ (x, y, score or visibility), (K, 3).
        box: image_ x, y, width, height, or None.
    """

    keypoints: np.ndarray
    box: tuple[float, ...] | None

    def frame(self, threshold: float) -> tuple[float, ...]:
        """The box or, without one, the extent of the keypoints above a score; zeros where there is none."""
        if self.box is not None:
            return self.box
        rows = self.keypoints[None]
        return tuple(pose_extents(rows[..., :2], rows[..., 2] > threshold)[0].tolist())


@dataclass(frozen=True)
class Picture:
    """One file to be written.

    Attributes:
        name: its name without folder and suffix.
        file_name: the image in the image folder.
        predicted: people of the result file.
        annotated: people of the annotation file.
        caption: what is known about the prediction, may be empty.
    """

    name: str
    file_name: str
    predicted: tuple[Person, ...]
    annotated: tuple[Person, ...]
    caption: str = ""


def pictures_by_image(results: Sequence[Record], annotations: Record, score_threshold: float) -> list[Picture]:
    """One picture per image with at least one prediction of that score, in the order of the annotation file.

    The best predictions come last, so that they are drawn on top.
    """
    predicted, annotated = _predicted_by_image(results, score_threshold), _annotated_by_image(annotations)
    pictures = []
    for image in annotations["images"]:
        people = predicted.get(image["id"], [])
        if people:
            file_name = _file_name(image)
            shown = tuple(_person(record) for record in reversed(people))
            truth = tuple(_person(annotation) for annotation in annotated.get(image["id"], []))
            pictures.append(Picture(PurePath(file_name).stem, file_name, shown, truth))
    return pictures


def pictures_by_oks(
    results: Sequence[Record],
    annotations: Record,
    score_threshold: float,
    sigmas: ArrayLike,
    *,
    best: int = 0,
    worst: int = 0,
) -> list[Picture]:
    """One picture for each of the annotated people whose nearest prediction is best and worst.

    Args:
        results: COCO result records.
        annotations: COCO annotation file whose annotations are those of `annotated_people`.
        score_threshold: predictions with a lower score do not take part.
        sigmas: (K,).
        best: how many of the highest OKS.
        worst: how many of the lowest. A person in an image without predictions has OKS 0.

    Returns:
        pictures with one annotated person and at most one predicted one, named by rank and OKS.
    """
    predicted = _predicted_by_image(results, score_threshold)
    images = {image["id"]: image for image in annotations["images"]}
    ranked: list[tuple[float, Record, Record | None]] = []
    for image_id, people in _annotated_by_image(annotations).items():
        ranked += _nearest(people, predicted.get(image_id, []), sigmas)
    ranked.sort(key=lambda entry: -entry[0])
    chosen = {"best": ranked[:best], "worst": ranked[::-1][:worst]}
    return [
        _ranked_picture(f"{kind}_{rank:03d}", *entry, images[entry[1]["image_id"]], score_threshold)
        for kind, entries in chosen.items()
        for rank, entry in enumerate(entries, start=1)
    ]


def _nearest(
    people: Sequence[Record], records: Sequence[Record], sigmas: ArrayLike
) -> list[tuple[float, Record, Record | None]]:
    """OKS and prediction nearest to each annotated person of one image."""
    if not records:
        return [(0.0, person, None) for person in people]
    similarity = oks_to_ground_truth(
        [_rows(record) for record in records],
        [_rows(person) for person in people],
        [person["area"] for person in people],
        sigmas,
    )
    best = similarity.argmax(axis=0)
    return [
        (float(similarity[b, i]), person, records[b]) for i, (person, b) in enumerate(zip(people, best, strict=True))
    ]


def _ranked_picture(
    prefix: str, oks: float, person: Record, record: Record | None, image: Record, score_threshold: float
) -> Picture:
    file_name = _file_name(image)
    name = f"{prefix}_oks_{oks:.3f}_{PurePath(file_name).stem}_{person.get('id', 'person')}"
    caption = f"OKS {oks:.3f}" if record else f"no prediction of score {score_threshold:g} or more"
    predicted = (_person(record),) if record else ()
    return Picture(name, file_name, predicted, (_person(person),), caption)


def _predicted_by_image(results: Sequence[Record], score_threshold: float) -> dict[int, list[Record]]:
    """Records of at least that score by image, the best first."""
    groups = defaultdict(list)
    for record in sorted(results, key=lambda record: -record["score"]):
        if record["score"] >= score_threshold:
            groups[record["image_id"]].append(record)
    return groups


def _annotated_by_image(annotations: Record) -> dict[int, list[Record]]:
    """Annotated people with a labelled keypoint by image, without crowds."""
    known = {image["id"] for image in annotations["images"]}
    groups = defaultdict(list)
    for person in annotations["annotations"]:
        if not person["iscrowd"] and person["num_keypoints"] and person["image_id"] in known:
            groups[person["image_id"]].append(person)
    return groups


def _file_name(image: Record) -> str:
    """Name inside the image folder; COCO's own names follow from the id."""
    return image.get("file_name") or f"{image['id']:012d}.jpg"


def _person(record: Record) -> Person:
    return Person(_rows(record), _box(record))


def _rows(record: Record) -> np.ndarray:
    return np.reshape(np.asarray(record["keypoints"], dtype=np.float64), (-1, 3))


def _box(record: Record) -> tuple[float, ...] | None:
    """The record's box, or the crop that the published result files describe by center and scale."""
    if len(record.get("bbox") or ()) == 4:
        return tuple(float(value) for value in record["bbox"])
    if len(record.get("center") or ()) == 2 and len(record.get("scale") or ()) == 2:
        (x, y), (width, height) = record["center"], np.multiply(record["scale"], PIXELS_PER_SCALE)
        return (x - width / 2, y - height / 2, float(width), float(height))
    return None

"""Small annotations and results of keypoint sets that are not written like COCO's."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from helpers.tiny_coco import tiny_annotations
from helpers.tiny_dataset import picture
from helpers.tiny_run import tiny_experiment, write_json

from lib.skeletons import Skeleton

Record = dict[str, Any]
CROWD_INDEXES = (0.0, 0.1, 0.19999, 0.2, 0.5, 0.79999, 0.8, 1.0)


def annotations_of(rng: np.random.Generator, skeleton: Skeleton, *, images: int = 8, people: int = 3) -> Record:
    """Annotations as the data set's own files have them: keypoints in several fields, crowd indexes, no areas."""
    content = tiny_annotations(rng, images=images, people=people, num_keypoints=skeleton.num_keypoints)
    for index, person in enumerate(content["annotations"]):
        if skeleton.box_area:
            del person["area"]
        if skeleton.fields:
            split(person, skeleton)
            person["num_keypoints"] = sum(flag > 0 for flag in person["keypoints"][2::3])
            for number, (name, _) in enumerate(skeleton.fields[1:]):
                person[name.replace("kpts", "valid")] = (index + number) % 4 > 0
                if not person[name.replace("kpts", "valid")]:
                    person[name] = [0.0] * len(person[name])
    if skeleton.name == "crowdpose":
        for image, crowd_index in zip(content["images"], CROWD_INDEXES * images, strict=False):
            image["crowdIndex"] = crowd_index
    return content


def split(record: Record, skeleton: Skeleton) -> Record:
    """Move the keypoints of an annotation or a result to the fields of the keypoint set."""
    rest = list(record["keypoints"])
    for name, count in skeleton.fields:
        record[name], rest = rest[: 3 * count], rest[3 * count :]
    return record


def joined(record: Record, skeleton: Skeleton) -> list[float]:
    """All keypoints of an annotation or a result."""
    names = [name for name, _ in skeleton.fields] or ["keypoints"]
    return [value for name in names for value in record[name]]


def results_of(
    rng: np.random.Generator, content: Record, skeleton: Skeleton, noise: float, *, per_person: int = 2
) -> list[Record]:
    """Result records with all keypoints in one field: near each person, and somewhere else in each image."""
    results = []
    for person in content["annotations"] * per_person:
        rows = np.reshape(joined(person, skeleton), (-1, 3)).astype(float)
        rows[:, :2] += rng.normal(0, noise, (len(rows), 2))
        rows[:, 2] = rng.uniform(0.1, 1, len(rows))
        results.append(_result(person["image_id"], rows, rng))
    if noise:
        for image in content["images"]:
            results.append(_result(image["id"], rng.uniform(1, 200, (skeleton.num_keypoints, 3)), rng))
        rng.shuffle(results)  # type: ignore[arg-type]
    return results


def _result(image_id: int, rows: np.ndarray, rng: np.random.Generator) -> Record:
    return {"image_id": image_id, "category_id": 1, "keypoints": rows.ravel().tolist(), "score": rng.uniform()}


def make_set_data(root: Path, skeleton: Skeleton) -> Path:
    """A training and a test part of a keypoint set in COCO's layout: annotations, and smooth random pictures."""
    rng = np.random.default_rng(len(skeleton.names))
    for part in ("train", "val"):
        content = annotations_of(rng, skeleton, images=3, people=2)
        for image in content["images"]:
            image["file_name"] = f"{image['id']}.png"
            path = root / "images" / part / image["file_name"]
            path.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(path), picture(rng))
        write_json(root / "annotations" / f"person_keypoints_{part}.json", content)
    return root


def set_experiment(folder: Path, data: Path, skeleton: Skeleton, **sections: dict[str, Any]) -> Path:
    """The tiny experiment for `make_set_data`; its data set has the name of the keypoint set."""
    dataset = {"DATASET": skeleton.name, "SCALE_FACTOR": 0.2, "ROT_FACTOR": 20.0, "PROB_HALF_BODY": 0.3}
    own: dict[str, dict[str, Any]] = {
        "MODEL": {"NUM_JOINTS": skeleton.num_keypoints},
        "DATASET": dataset,
        "TRAIN": {"END_EPOCH": 1},
    }
    for name, values in sections.items():
        own[name] = {**own.get(name, {}), **values}
    return tiny_experiment(folder, data, **own)

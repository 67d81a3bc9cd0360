"""Colours of people's clothes."""

import json
from pathlib import Path

import numpy as np

from lib.tracking.appearance import BINS, appearance
from lib.tracking.returns import LEAST_ALIKE
from lib.tracking.similarity import appearance_similarity
from lib.utils.image import read_image
from lib.utils.people import Boxes, People


def _people(xywh: object) -> People:
    boxes = Boxes.of(xywh)
    return People(boxes, np.zeros((len(boxes), 17, 3)), np.ones(len(boxes)))


def test_sums_to_one_and_tells_colours_apart(rng: np.random.Generator) -> None:
    image = np.zeros((100, 400, 3), np.uint8)
    image[:] = np.repeat([[200, 30, 30], [30, 30, 200], [128, 128, 128], [250, 250, 250]], 100, axis=0)
    noisy = np.clip(image + rng.normal(0, 6, image.shape) - 10, 0, 255).astype(np.uint8)
    people = _people([[100 * number, 0, 100, 100] for number in range(4)])
    looks = appearance(image, people)
    assert looks.shape == (4, BINS)
    np.testing.assert_allclose(looks.sum(axis=1), 1.0)
    alike = appearance_similarity(looks, appearance(noisy, people))
    assert np.diag(alike).min() > 0.8
    assert (alike - np.eye(4) * alike).max() < 0.5


def test_only_the_upper_body_counts(rng: np.random.Generator) -> None:
    image = rng.integers(0, 256, (200, 100, 3), dtype=np.uint8)
    image[40:110, 30:70] = (20, 160, 40)
    other = image.copy()
    other[:38], other[112:], other[:, :28], other[:, 73:] = 0, 0, 0, 0
    people = _people([[0, 0, 100, 200]])
    np.testing.assert_array_equal(appearance(image, people), appearance(other, people))


def test_outside_tiny_and_nobody(rng: np.random.Generator) -> None:
    image = rng.integers(0, 256, (50, 60, 3), dtype=np.uint8)
    looks = appearance(image, _people([[500, 500, 20, 40], [-30, -30, 60, 60], [10, 10, 0.5, 0.5], [0, 0, 60, 50]]))
    assert not looks[0].any()
    np.testing.assert_allclose(looks[1:].sum(axis=1), 1.0)
    assert appearance(image, People.none(17)).shape == (0, BINS)
    assert appearance(image[:1, :1], _people([[0, 0, 1, 1]])).sum() == 1
    broken = People(Boxes(np.full((1, 4), np.nan), np.ones(1)), np.zeros((1, 17, 3)), np.ones(1))
    assert not appearance(image, broken).any()


def test_each_person_alone_equals_all_together(rng: np.random.Generator) -> None:
    image = rng.integers(0, 256, (120, 160, 3), dtype=np.uint8)
    boxes = np.concatenate([rng.uniform(-20, 100, (7, 2)), rng.uniform(10, 80, (7, 2))], axis=1)
    alone = np.concatenate([appearance(image, _people(box[None])) for box in boxes])
    np.testing.assert_array_equal(appearance(image, _people(boxes)), alone)


def test_real_people_under_other_light(shared: Path, rng: np.random.Generator) -> None:
    content = json.loads((shared / "coco-mini" / "annotations" / "person_keypoints_val2017.json").read_text())
    before, after = [], []
    for image in content["images"][:40]:
        boxes = [p["bbox"] for p in content["annotations"] if p["image_id"] == image["id"] and p["num_keypoints"] > 7]
        if boxes:
            picture = read_image(shared / "coco-mini" / "images" / "val2017" / image["file_name"])
            light = picture * rng.uniform(0.8, 1.2) + rng.normal(0, 6, picture.shape)
            before.append(appearance(picture, _people(boxes)))
            after.append(appearance(np.clip(light, 0, 255).astype(np.uint8), _people(boxes)))
    alike = appearance_similarity(np.concatenate(before), np.concatenate(after))
    same = np.eye(len(alike), dtype=bool)
    assert len(alike) > 15
    assert (alike[same] >= LEAST_ALIKE).mean() > 0.9
    assert (alike[~same] >= LEAST_ALIKE).mean() < 0.25

"""A made annotation file as large as that of COCO train2017."""

import json
import os

import numpy as np

from lib.utils.files import atomic_path

IMAGES, PEOPLE = 118_000, 150_000
# Different people; each is repeated, because making random numbers for all of them would take longer than the rest.
PATTERNS = 997
KEYPOINTS, SIZE_WH = 17, (640, 480)
# Polygons of COCO's people have 20 to 150 corners; these make the file 230 MB large.
CORNERS = 40, 84


def write_annotations(path: str | os.PathLike[str], images: int = IMAGES, people: int = PEOPLE) -> None:
    """Write a file with every key that COCO's has, polygons included.

    Args:
        path: to write.
        images: their number.
        people: annotated people, each with keypoints, on random images.
    """
    rng = np.random.default_rng(0)
    patterns = [_person(rng) for _ in range(PATTERNS)]
    numbers = rng.integers(1, images + 1, people).tolist()
    with atomic_path(path) as temporary, temporary.open("w") as file:
        file.write('{"info": {"year": 2017}, "licenses": [], "images": [')
        file.write(", ".join(map(_image, range(1, images + 1))))
        file.write('], "annotations": [')
        file.write(", ".join(_annotation(patterns[i % PATTERNS], i + 1, number) for i, number in enumerate(numbers)))
        file.write('], "categories": [{"supercategory": "person", "id": 1, "name": "person"}]}')


def _person(rng: np.random.Generator) -> str:
    """An annotation without its numbers, without its last brace."""
    width, height = rng.uniform(40, 200, 2)
    x, y = rng.uniform(0, SIZE_WH[0] - width), rng.uniform(0, SIZE_WH[1] - height)
    polygon = rng.uniform(0, 1, (int(rng.integers(*CORNERS)), 2)) * (width, height) + (x, y)
    flags = rng.choice([0, 1, 2], KEYPOINTS, p=[0.4, 0.1, 0.5])
    flags[0] = 2
    points = (rng.uniform(0, 1, (KEYPOINTS, 2)) * (width, height) + (x, y)).astype(int)
    content = {
        "segmentation": [polygon.round(2).ravel().tolist()],
        "num_keypoints": int((flags > 0).sum()),
        "area": round(float(0.6 * width * height), 4),
        "iscrowd": 0,
        "keypoints": np.column_stack([points * (flags > 0)[:, None], flags]).ravel().tolist(),
        "bbox": [round(value, 2) for value in (x, y, width, height)],
        "category_id": 1,
    }
    return json.dumps(content).removesuffix("}")


def _annotation(pattern: str, number: int, image: int) -> str:
    return f'{pattern}, "image_id": {image}, "id": {number}}}'


def _image(number: int) -> str:
    name = f"{number:012d}.jpg"
    return (
        f'{{"license": 4, "file_name": "{name}", "coco_url": "http://images.cocodataset.org/train2017/{name}", '
        f'"height": {SIZE_WH[1]}, "width": {SIZE_WH[0]}, "date_captured": "2013-11-14 11:18:45", '
        f'"flickr_url": "http://farm9.staticflickr.com/8186/{name}", "id": {number}}}'
    )

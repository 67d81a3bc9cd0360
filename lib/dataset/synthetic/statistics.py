"""How hard a set of synthetic pictures is: the figures to print beside every result on it."""

from collections import Counter
from typing import Any

import numpy as np

from lib.dataset.synthetic.pose import VIEWS

Annotation = dict[str, Any]
_MEDIUM, _LARGE = 32**2, 96**2
"""COCO's size classes, areas in square pixels."""


def measure(images: list[dict[str, Any]], annotations: list[Annotation]) -> dict[str, Any]:
    """Statistics of a split.

    Args:
        images, annotations: entries of a COCO file as `make_dataset` writes them.

    Returns:
        `images`, `people`, `people_per_image` (number of images with 1, 2, ... people), and shares of 1: `occluded`
        (joints with v = 1 among those in the picture), `outside` (joints with v = 0 among all), `truncated` (people who
        reach beyond the border), `views` (people by the side that the camera sees), `medium` and `large` (people by
        COCO's size classes), `poses` (people by family).
    """
    visible = np.array([one["keypoints"][2::3] for one in annotations], int).reshape(-1, 17)
    areas = np.array([one["area"] for one in annotations])
    per_image = Counter(Counter(one["image_id"] for one in annotations).values())
    return {
        "images": len(images),
        "people": len(annotations),
        "people_per_image": {str(count): per_image[count] for count in sorted(per_image)},
        "occluded": _share(visible == 1, visible > 0),
        "outside": _share(visible == 0),
        "truncated": _share(np.array([one["truncated"] for one in annotations], bool)),
        "views": {view: _share(np.array([one["view"] == view for one in annotations], bool)) for view in VIEWS},
        "medium": _share((areas >= _MEDIUM) & (areas < _LARGE)),
        "large": _share(areas >= _LARGE),
        "poses": {
            pose: _share(np.array([one["pose"] == pose for one in annotations], bool))
            for pose in sorted({one["pose"] for one in annotations})
        },
    }


def describe(split: str, statistics: dict[str, Any]) -> str:
    """One line for people."""
    views = ", ".join(f"{share:.0%} {view}" for view, share in statistics["views"].items())
    counts = ", ".join(f"{count} in {images}" for count, images in statistics["people_per_image"].items())
    return (
        f"{split}: {statistics['images']} images, {statistics['people']} people ({counts}); "
        f"{statistics['occluded']:.1%} of the joints occluded, {statistics['truncated']:.1%} of the people truncated; "
        f"seen from {views}; {statistics['medium']:.0%} medium, {statistics['large']:.0%} large"
    )


def _share(what: np.ndarray, among: np.ndarray | None = None) -> float:
    total = what.size if among is None else int(among.sum())
    return round(float(what.sum()) / total, 4) if total else 0.0

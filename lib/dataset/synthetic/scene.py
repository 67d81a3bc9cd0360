"""Whole pictures: people and things at different distances before a background, with exact annotations."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np

from lib.dataset.synthetic.draws import pick
from lib.dataset.synthetic.figure import Camera, Person, person_parts, sample_person
from lib.dataset.synthetic.render import Board, Canvas, Capsule, Ellipsoid, Light, Part, draw_parts
from lib.dataset.synthetic.texture import Material, sample_background, sample_color, sample_material

_LAYER_DEPTH = 1e4
"""Distance in depth between two people or things, pixels: more than any person is deep."""

_NOISE_OFFSETS = 100


@dataclass(frozen=True)
class SceneSpec:
    """What a picture may hold.

    Attributes:
        split: "train" or "val"; their patterns share no family.
        size_wh: image size, pixels.
        people: fewest and most people.
        stature: range of a person's standing height, pixels; the taller ones stand nearer to the camera.
        objects: most things that may stand between or before the people.
        truncated: share of people who may reach beyond the border.
        noise: range of the noise's standard deviation, grey levels.
    """

    split: str = "train"
    size_wh: tuple[int, int] = (320, 256)
    people: tuple[int, int] = (1, 4)
    stature: tuple[float, float] = (105.0, 255.0)
    objects: int = 4
    truncated: float = 0.2
    noise: tuple[float, float] = (0.0, 7.0)


@dataclass(frozen=True)
class _Placed:
    """A person with their place in the picture; `box` is (x0, y0, x1, y1) of the joints with a margin."""

    person: Person
    camera: Camera
    box: np.ndarray


def render_scene(rng: np.random.Generator, spec: SceneSpec) -> tuple[np.ndarray, list[dict[str, Any]]]:
    """Draw a picture.

    Args:
        rng: all randomness comes from it: the same state gives the same picture.
        spec: what the picture may hold.

    Returns:
        RGB (H, W, 3), uint8, and one dictionary per person: `keypoints` (51 numbers: x, y, v of the COCO joints; v 2
        visible, 1 hidden by something nearer to the camera, 0 with x = y = 0 outside the picture), `num_keypoints`,
        `bbox` (x, y, w, h between the centres of the outermost pixels of the figure), `area` (pixels of the figure in
        the picture, what hides it included), `iscrowd`, `category_id`, and of no meaning to COCO `view`, `pose` and
        `truncated`. Pixel centres are at integers. People of whom nothing is in the picture are left out.
    """
    canvas = Canvas(_backdrop(rng, spec))
    light = _sample_light(rng)
    placed = _place_people(rng, spec)
    gaps = rng.integers(0, len(placed) + 1, rng.integers(0, spec.objects + 1))
    figures = []
    for layer in range(len(placed) + 1):
        depth = -2 * layer * _LAYER_DEPTH
        if layer:
            # Depths of a layer lie around a value of their own, so that no thing cuts through a person.
            camera = placed[layer - 1].camera
            camera = Camera(camera.center, camera.scale, camera.distance, depth + _LAYER_DEPTH)
            canvas.start_figure()
            draw_parts(canvas, person_parts(placed[layer - 1].person, camera), light)
            figures.append((placed[layer - 1].person, camera, canvas.figure))
        canvas.start_figure()  # what covers the things must not count for the person just drawn
        things = [_sample_thing(rng, spec, placed, depth) for _ in range(int((gaps == layer).sum()))]
        draw_parts(canvas, things, light)
    annotations = [_annotate(*figure, canvas.depth) for figure in figures if (figure[2] > 0.5).any()]
    return _develop(rng, canvas.image, spec), annotations


def _sample_light(rng: np.random.Generator) -> Light:
    direction = np.array([rng.normal(0, 0.7), rng.normal(-0.5, 0.4), 1.0])
    ambient = rng.uniform(0.45, 0.75)
    right, down, toward = (0.5 * (1 - ambient) * direction / np.linalg.norm(direction)).tolist()
    return Light((right, down, toward), 0.5 * (1 + float(ambient)))


def _backdrop(rng: np.random.Generator, spec: SceneSpec) -> np.ndarray:
    """A background with distant things on it, some of them like limbs; nothing there hides a joint."""
    canvas = Canvas(sample_background(rng, spec.split, spec.size_wh))
    light = _sample_light(rng)
    for _ in range(int(rng.integers(0, 4))):
        _random_thing(rng, spec.split, rng.uniform(0, spec.size_wh, 2), 0.0, rng.uniform(6, 26)).draw(canvas, light)
    return canvas.image


def _place_people(rng: np.random.Generator, spec: SceneSpec) -> list[_Placed]:
    """People from the farthest to the nearest."""
    fewest, most = spec.people
    count = fewest + pick(rng, [0.75**more for more in range(most - fewest + 1)])
    low, high = spec.stature
    statures = np.sort(rng.triangular(low, low + 0.3 * (high - low), high + 1e-6, count))
    placed: list[_Placed] = []
    for stature in statures:
        candidate = _place_person(rng, spec, placed, float(stature))
        if candidate is not None:
            placed.append(candidate)
    return placed


def _place_person(rng: np.random.Generator, spec: SceneSpec, others: list[_Placed], stature: float) -> _Placed | None:
    """Find a place where the person hides little enough of the others; None when there is none."""
    person = sample_person(rng, spec.split)
    scale, distance = stature / person.shape.stature, float(rng.uniform(4, 12))
    at_origin = Camera(np.zeros(2), scale, distance)
    points = at_origin.project(person.joints())[:, :2]
    margin = 0.07 * scale
    low, high = points.min(0) - margin, points.max(0) + margin
    limit = 0.15 if rng.random() < 0.4 else 0.55
    truncated = rng.random() < spec.truncated
    for _ in range(10):
        shift = _sample_shift(rng, low, high, np.array(spec.size_wh, float), truncated)
        box = np.concatenate([low + shift, high + shift])
        if all(_covered(other.box, box) < limit for other in others):
            return _Placed(person, Camera(shift, scale, distance), box)
    return None


def _sample_shift(
    rng: np.random.Generator, low: np.ndarray, high: np.ndarray, size_wh: np.ndarray, truncated: bool
) -> np.ndarray:
    """Where to put the pelvis: inside as far as the person fits, or with a part of the box beyond one border."""
    first, last = -low, size_wh - 1 - high
    shift = rng.uniform(np.minimum(first, last), np.maximum(first, last))
    if truncated:
        axis, side = int(rng.random() < 0.4), rng.random() < 0.5
        beyond = rng.uniform(0.1, 0.5) * (high - low)[axis]
        shift[axis] = first[axis] - beyond if side else last[axis] + beyond
    return shift


def _covered(box: np.ndarray, by: np.ndarray) -> float:
    """Share of a box that another covers."""
    overlap = np.maximum(np.minimum(box[2:], by[2:]) - np.maximum(box[:2], by[:2]), 0).prod()
    return float(overlap / (box[2:] - box[:2]).prod())


def _sample_thing(rng: np.random.Generator, spec: SceneSpec, placed: list[_Placed], depth: float) -> Part:
    """A thing at a depth, mostly near a person's box, where it hides something."""
    if placed:
        target = placed[rng.integers(len(placed))].box
        center, size = rng.uniform(target[:2], target[2:]), 0.14 * float((target[2:] - target[:2]).mean())
    else:
        center, size = rng.uniform(0, spec.size_wh, 2), 20.0
    return _random_thing(rng, spec.split, center, depth, size * float(rng.uniform(0.7, 1.6)))


def _random_thing(rng: np.random.Generator, split: str, center: np.ndarray, depth: float, size: float) -> Part:
    """A board, a pole, a limb-like stick or a ball of about the given half size."""
    kind = rng.random()
    place = np.array([*center, depth])
    material = Material(sample_color(rng)) if kind < 0.15 else sample_material(rng, split, (0.1, 0.8), (0.4, 2.0))
    if kind < 0.4:
        half = size * float(rng.uniform(0.6, 1.4)), size * float(rng.uniform(0.6, 1.4))
        return Board(place, half, float(rng.uniform(-0.6, 0.6)), material)
    if kind < 0.75:
        angle, length = rng.uniform(0, np.pi), size * rng.uniform(1, 2)
        reach = np.array([np.cos(angle), np.sin(angle), 0]) * length
        radius = size * float(rng.uniform(0.2, 0.5))
        return Capsule(place - reach, place + reach, (radius, radius), material)
    return Ellipsoid(place, np.eye(3), size * rng.uniform(0.6, 1.2, 3), material)


def _annotate(person: Person, camera: Camera, figure: np.ndarray, depth: np.ndarray) -> dict[str, Any]:
    """The annotation of one person in the finished picture.

    Args:
        figure: coverage of the whole figure, nothing before it, (H, W).
        depth: depth of the nearest surface, (H, W).
    """
    height, width = figure.shape
    joints = camera.project(person.joints())
    x, y, _ = joints.T
    inside = (x >= 0) & (y >= 0) & (x <= width - 1) & (y <= height - 1)
    column, row = np.rint(x).astype(int).clip(0, width - 1), np.rint(y).astype(int).clip(0, height - 1)
    hidden = depth[row, column] < joints[:, 2] - person.flesh() * camera.scale
    visible = np.where(inside, np.where(hidden, 1, 2), 0)
    keypoints = np.column_stack([np.where(inside[:, None], joints[:, :2], 0).round(4), visible])
    left, top, columns, rows = cv2.boundingRect((figure > np.float32(0.5)).view(np.uint8))
    return {
        "keypoints": keypoints.ravel().tolist(),
        "num_keypoints": int((visible > 0).sum()),
        "bbox": [left, top, columns - 1, rows - 1],
        "area": round(cv2.sumElems(figure)[0], 2),
        "iscrowd": 0,
        "category_id": 1,
        "view": person.pose.view,
        "pose": person.pose.family,
        "truncated": not bool(inside.all()),
    }


def _develop(rng: np.random.Generator, image: np.ndarray, spec: SceneSpec) -> np.ndarray:
    """Exposure, noise and now and then a little blur: planes (3, H, W) to RGB (H, W, 3), uint8."""
    height, width = image.shape[1:]
    gain, offset = rng.uniform(0.8, 1.2), rng.uniform(-15, 15)
    top, left = rng.integers(0, _NOISE_OFFSETS, 2)
    noise = _noise(height + _NOISE_OFFSETS, width + _NOISE_OFFSETS)[top : top + height, left : left + width]
    sigma = rng.uniform(*spec.noise)
    pixels = cv2.merge([cv2.addWeighted(plane, gain, noise, sigma, offset, dtype=cv2.CV_8U) for plane in image])
    return cv2.GaussianBlur(pixels, (3, 3), float(rng.uniform(0.3, 0.8))) if rng.random() < 0.3 else pixels


@lru_cache
def _noise(height: int, width: int) -> np.ndarray:
    """Noise of standard deviation 1; pictures use it from different offsets, as drawing it anew costs more."""
    return np.random.default_rng(0).standard_normal((height, width), np.float32)

"""The definition of a keypoint set and its checks."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from lib.utils.annotation_form import KEYPOINTS, AnnotationForm
from lib.utils.errors import PoseError

BUILT_IN = Path(__file__).parent
FIELDS = ("name", "names", "flip_pairs", "sigmas", "weights", "upper_body", "limbs", "fields", "box_area")
OTHER_SIDE = {"left": "right", "right": "left", "l": "r", "r": "l"}
SIDES = {"l": "left", "r": "right"}


@dataclass(frozen=True)
class Skeleton:
    """A keypoint set.

    Attributes:
        name: how checkpoints and messages call it.
        names: keypoint names in the order of the network's channels, K of them.
        flip_pairs: index pairs that change places when an image is mirrored.
        sigmas: OKS per-keypoint constants, K values, in units of sqrt(object area).
        weights: loss weight per keypoint, K values, used with LOSS.USE_DIFFERENT_JOINTS_WEIGHT.
        upper_body: indices that half-body augmentation counts as the upper body.
        limbs: index pairs joined by a line when drawn.
        fields: the entries of an annotation that hold its keypoints and how many each, in order; empty where all lie in
            `keypoints`.
        box_area: OKS takes this part of the box for a person's area; 0 where annotations state the area.
    """

    name: str
    names: tuple[str, ...]
    flip_pairs: tuple[tuple[int, int], ...]
    sigmas: tuple[float, ...]
    weights: tuple[float, ...]
    upper_body: tuple[int, ...]
    limbs: tuple[tuple[int, int], ...]
    fields: tuple[tuple[str, int], ...] = ()
    box_area: float = 0.0
    flip_permutation: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        order = list(range(len(self.names)))
        for left, right in self.flip_pairs:
            order[left], order[right] = right, left
        object.__setattr__(self, "flip_permutation", tuple(order))

    @property
    def num_keypoints(self) -> int:
        """K."""
        return len(self.names)

    @property
    def sigmas_array(self) -> np.ndarray:
        """The sigmas, (K,), float64."""
        return np.asarray(self.sigmas, dtype=np.float64)

    @property
    def form(self) -> AnnotationForm:
        """How annotations of this set are written."""
        return AnnotationForm(self.fields, self.box_area)


def load_skeleton(name_or_path: str) -> Skeleton:
    """Load a keypoint set by built-in name ("coco") or from a YAML file.

    Raises:
        PoseError: no such name or file, or a definition with faults; every fault is named.
    """
    path = BUILT_IN / f"{name_or_path}.yaml"
    if not path.is_file():
        path = Path(name_or_path)
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in BUILT_IN.glob("*.yaml")))
        raise PoseError(f"keypoint set {name_or_path!r} is neither a built-in one ({known}) nor a YAML file.")
    try:
        definition = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise PoseError(f"keypoint set {path} is not valid YAML ({' '.join(str(error).split())}).") from error
    if not isinstance(definition, dict):
        raise PoseError(f"keypoint set {path} is not a mapping; it needs {', '.join(FIELDS)}.")
    return skeleton_from_dict(definition, str(path))


def skeleton_from_dict(definition: dict[str, Any], source: str) -> Skeleton:
    """Check a definition and make the keypoint set.

    Args:
        definition: the fields of `Skeleton`; only `names` is required. Without sigmas each is 0.05, without weights
            each is 1, and without upper_body half-body augmentation never applies. `fields` is a mapping of names to
            numbers, or a list of such pairs.
        source: file or key that the definition comes from, named in errors.

    Raises:
        PoseError: any fault; all of them are listed.
    """
    unknown = sorted(set(definition) - set(FIELDS))
    if unknown:
        raise PoseError(f"keypoint set {source} has unknown fields {unknown}; known are {', '.join(FIELDS)}.")
    names = definition.get("names")
    if not isinstance(names, (list, tuple)) or not names:
        raise PoseError(f"keypoint set {source} has no keypoint names; list them under 'names'.")
    count = len(names)
    values: dict[str, list[Any]] = {
        "sigmas": [0.05] * count,
        "weights": [1.0] * count,
        "flip_pairs": [],
        "upper_body": [],
        "limbs": [],
    }
    values.update({key: value for key, value in definition.items() if key in values and value is not None})
    values["fields"] = _field_pairs(definition.get("fields"))
    no_lists = [key for key, value in values.items() if not isinstance(value, (list, tuple))]
    if no_lists:
        raise PoseError(f"keypoint set {source}: {' and '.join(no_lists)} must be lists.")
    box_area = definition.get("box_area") or 0.0
    faults = [*_faults(tuple(map(str, names)), values), *_form_faults(values["fields"], box_area, count)]
    if faults:
        raise PoseError(f"keypoint set {source}: {'; '.join(faults)}.")
    return Skeleton(
        name=str(definition.get("name") or Path(source).stem),
        names=tuple(map(str, names)),
        flip_pairs=tuple((int(a), int(b)) for a, b in values["flip_pairs"]),
        sigmas=tuple(float(value) for value in values["sigmas"]),
        weights=tuple(float(value) for value in values["weights"]),
        upper_body=tuple(int(index) for index in values["upper_body"]),
        limbs=tuple((int(a), int(b)) for a, b in values["limbs"]),
        fields=tuple((str(field), int(number)) for field, number in values["fields"]),
        box_area=float(box_area),
    )


def _faults(names: tuple[str, ...], values: dict[str, list[Any]]) -> list[str]:
    """Every fault of a definition, as phrases."""
    count = len(names)
    faults = []
    if len(set(names)) != count:
        faults.append("a keypoint name occurs twice")
    for key in ("sigmas", "weights"):
        if len(values[key]) != count:
            faults.append(f"{key} has {len(values[key])} values for {count} keypoints")
        elif not all(_is_number(value) and value > 0 for value in values[key]):
            faults.append(f"{key} must be positive numbers")
    pairs_ok = True
    for key in ("flip_pairs", "limbs"):
        if not all(_is_pair(pair, count) for pair in values[key]):
            faults.append(f"{key} must be pairs of different indices in 0..{count - 1}")
            pairs_ok = False
    if not all(isinstance(index, int) and 0 <= index < count for index in values["upper_body"]):
        faults.append(f"upper_body must be indices in 0..{count - 1}")
    if pairs_ok:
        faults += _flip_faults(names, values["flip_pairs"])
    return faults


def _field_pairs(fields: Any) -> Any:
    """A mapping as pairs; anything else as it is, for the checks to judge."""
    return list(fields.items()) if isinstance(fields, dict) else fields or []


def _form_faults(fields: list[Any], box_area: Any, count: int) -> Iterator[str]:
    """Faults of what says how annotations are written."""
    if not _is_number(box_area) or box_area < 0:
        yield "box_area must be 0 or a positive number"
    if not all(isinstance(pair, (list, tuple)) and len(pair) == 2 and _is_count(pair[1]) for pair in fields):
        yield "fields must map names to numbers of keypoints"
    elif fields and sum(number for _, number in fields) != count:
        yield f"fields hold {sum(number for _, number in fields)} keypoints for {count} names"
    elif fields and fields[0][0] != KEYPOINTS:
        yield f"the first of the fields must be {KEYPOINTS}"
    elif len({name for name, _ in fields}) != len(fields):
        yield "a field occurs twice"


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _is_pair(pair: Any, count: int) -> bool:
    return (
        isinstance(pair, (list, tuple))
        and len(pair) == 2
        and all(isinstance(index, int) and 0 <= index < count for index in pair)
        and pair[0] != pair[1]
    )


def _flip_faults(names: tuple[str, ...], pairs: list[list[int]]) -> list[str]:
    """Flip pairs must use each keypoint once and swap left with right where the names say so."""
    flat = [index for pair in pairs for index in pair]
    repeated = sorted({names[index] for index in flat if flat.count(index) > 1})
    if repeated:
        return [f"flip_pairs use {', '.join(repeated)} more than once, so they are no involution"]
    partner = {pair[side]: pair[1 - side] for pair in pairs for side in (0, 1)}
    spelled = {name.lower(): name for name in names}  # Left_Eye and Right_Eye belong together as well
    faults = []
    for index, name in enumerate(names):
        actual, mirrored = names[partner.get(index, index)], _mirrored_name(name.lower())
        expected = spelled.get(mirrored)
        if mirrored == name.lower():
            continue
        if expected is not None and actual != expected:
            faults.append(f"flip_pairs map {name} to {actual} where its name asks for {expected}")
        elif actual != name and _side(actual) == _side(name):
            faults.append(f"flip_pairs map {name} to {actual}, both on the {_side(name)}")
    return faults


def _side(name: str) -> str:
    """left or right, as the name says; '' where it says neither."""
    side = _split(name.lower())[1]
    return SIDES.get(side, side)


def _mirrored_name(name: str) -> str:
    """The name, in lower case, with left and right exchanged; names without a side come back unchanged."""
    before, side, after = _split(name)
    return f"{before}{OTHER_SIDE.get(side, '')}{after}"


def _split(name: str) -> tuple[str, str, str]:
    """What precedes, says and follows the side: left, right, or a letter by itself like that of l_eye and eye.l."""
    found = re.search(r"left|right|(?<![^\W_])[lr](?![^\W_])", name)
    return (name, "", "") if found is None else (name[: found.start()], found.group(), name[found.end() :])

"""Faults of annotation and detection files that make them unusable, found on the parsed JSON."""

import math
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from lib.utils.annotation_form import COCO_FORM, AnnotationForm

INTEGER_LIMIT = 1 << 63  # of int64


class Fault(NamedTuple):
    """One fault of a data set.

    Attributes:
        kind: short name shared by all faults of the same sort.
        detail: a phrase that names the record and what is wrong with it.
        remedy: what to do, as an imperative phrase.
        matters: whether the data set should not be used before it is repaired.
        entry: position in the file's list of annotations, -1 for anything else.
    """

    kind: str
    detail: str
    remedy: str
    matters: bool = True
    entry: int = -1


def file_faults(content: Any) -> Iterator[Fault]:
    """Faults of a COCO annotation file's form, its images and its categories; without any, the rest can be read.

    Args:
        content: the parsed JSON.
    """
    form = list(_top_level_faults(content))
    yield from form
    if not form:
        yield from _image_faults(content["images"])
        yield from _category_faults(content.get("categories", []))


def form_faults(content: Any) -> Iterator[Fault]:
    """The `file_faults` that take no look at each image."""
    form = list(_top_level_faults(content))
    yield from form
    if not form:
        yield from _category_faults(content.get("categories", []))


def annotation_faults(
    content: dict[str, Any], person: int, num_keypoints: int, form: AnnotationForm = COCO_FORM
) -> Iterator[Fault]:
    """Every fault of the annotations that makes them unusable, in file order.

    Args:
        content: the parsed JSON of a file without `file_faults`.
        person: the category that carries keypoints.
        num_keypoints: K of the skeleton that will be used.
        form: how its annotations are written.
    """
    image_ids = {image["id"] for image in content["images"]}
    categories = {category["id"] for category in content.get("categories", [])} | {person}
    seen: set[int] = set()
    for entry, annotation in enumerate(content.get("annotations", ())):
        if not isinstance(annotation, dict) or not _is_integer(annotation.get("id")):
            yield Fault(
                "no id", f"annotation at position {entry} has no integer id", "number the annotations", True, entry
            )
            continue
        name = f"annotation {annotation['id']}"
        if annotation["id"] in seen:
            yield Fault(
                "duplicate annotation id", f"{name} occurs twice", "give each annotation its own id", True, entry
            )
        seen.add(annotation["id"])
        if not _is_integer(annotation.get("image_id")) or annotation["image_id"] not in image_ids:
            detail = f"{name} has image id {annotation.get('image_id')!r}, which no image has"
            yield Fault("unknown image id", detail, "correct image_id or add the image", True, entry)
        if not _is_integer(annotation.get("category_id")) or annotation["category_id"] not in categories:
            detail = f"{name} has category {annotation.get('category_id')!r}, which is not among the categories"
            yield Fault("unknown category", detail, "correct category_id or add the category", True, entry)
        elif annotation["category_id"] == person:
            yield from _person_faults(annotation, name, entry, num_keypoints, form)


def detection_faults(content: Any, image_ids: Iterable[int]) -> Iterator[Fault]:
    """Every structural fault of a detection file: a list of {image_id, category_id, bbox, score}.

    Args:
        content: the parsed JSON.
        image_ids: those of the annotation file.
    """
    if not isinstance(content, list):
        yield Fault("not a list", "it is not a list of detections", "give a file in COCO's result format")
        return
    known = set(image_ids)
    for entry, detection in enumerate(content):
        name = f"detection at position {entry}"
        if not isinstance(detection, dict):
            yield Fault(
                "not a detection", f"{name} is not an object", "give a file in COCO's result format", True, entry
            )
            continue
        missing = [key for key in ("image_id", "category_id", "bbox", "score") if key not in detection]
        if missing:
            yield Fault("missing key", f"{name} has no {', '.join(missing)}", "add what is missing", True, entry)
            continue
        if not _is_integer(detection["image_id"]) or detection["image_id"] not in known:
            detail = f"{name} has image id {detection['image_id']!r}, which the annotation file does not have"
            yield Fault("unknown image id", detail, "use the detection file of the same set", True, entry)
        if not _finite(detection["bbox"], 4):
            yield Fault("bad box", f"{name} has the box {detection['bbox']!r}", "give x, y, width, height", True, entry)
        if not _is_integer(detection["category_id"]):
            detail = f"{name} has category {detection['category_id']!r}"
            yield Fault("bad category", detail, "give the number of the category", True, entry)
        if not _finite([detection["score"]], 1):
            yield Fault("bad score", f"{name} has the score {detection['score']!r}", "give a number", True, entry)


def _top_level_faults(content: Any) -> Iterator[Fault]:
    remedy = "give a COCO annotation file with images, annotations and categories"
    if not isinstance(content, dict):
        yield Fault("not COCO", f"it holds a {type(content).__name__} where COCO has an object", remedy)
        return
    if not content.get("images"):
        yield Fault("missing key", "it has no images", remedy)
    for key in ("images", "annotations", "categories"):
        if not isinstance(content.get(key, []), list):
            yield Fault("not COCO", f"its {key} are not a list", remedy)


def _image_faults(images: list[Any]) -> Iterator[Fault]:
    seen: set[int] = set()
    for entry, image in enumerate(images):
        if not isinstance(image, dict) or not _is_integer(image.get("id")):
            yield Fault("no id", f"image at position {entry} has no integer id", "number the images")
            continue
        name = f"image {image['id']}"
        if image["id"] in seen:
            yield Fault("duplicate image id", f"{name} occurs twice", "give each image its own id")
        seen.add(image["id"])
        if not isinstance(image.get("file_name"), str) or not image["file_name"]:
            yield Fault("missing key", f"{name} has no file_name", "add it, relative to the images' folder")
        elif not _is_unicode(image["file_name"]):
            yield Fault("bad file name", f"{name} has a file_name that is no valid text", "write it in UTF-8")
        if not all(_is_integer(image.get(key)) and image[key] > 0 for key in ("width", "height")):
            detail = f"{name} has width {image.get('width')!r} and height {image.get('height')!r}"
            yield Fault("bad image size", detail, "write the stored picture's size in pixels")


def _category_faults(categories: list[Any]) -> Iterator[Fault]:
    for entry, category in enumerate(categories):
        if not isinstance(category, dict) or not _is_integer(category.get("id")):
            yield Fault("no id", f"category at position {entry} has no integer id", "number the categories")


def _person_faults(
    annotation: dict[str, Any], name: str, entry: int, num_keypoints: int, form: AnnotationForm
) -> Iterator[Fault]:
    """Faults in the values of one annotated person; crowds need no keypoints."""
    if not _finite(annotation.get("bbox"), 4):
        detail = f"{name} has the box {annotation.get('bbox')!r}"
        yield Fault("bad box", detail, "give x, y, width, height in pixels", True, entry)
    if annotation.get("iscrowd", 0):
        return
    if not form.box_area and not _finite([annotation.get("area")], 1):
        detail = f"{name} has the area {annotation.get('area')!r}"
        remedy = "give the object's area in square pixels, or set box_area of the keypoint set where there are none"
        yield Fault("bad area", detail, remedy, True, entry)
    missing = form.missing_field(annotation, num_keypoints)
    if missing:
        remedy = "correct it or choose the skeleton it was made for"
        yield Fault("wrong keypoint length", f"{name} {missing}", remedy, True, entry)
        return
    keypoints = form.keypoints(annotation, num_keypoints)
    if keypoints is None:
        remedy = "give the keypoint annotation file, with zeros where a person has none"
        yield Fault("no keypoints key", f"{name} has no keypoints", remedy, True, entry)
    elif not isinstance(keypoints, list) or len(keypoints) != 3 * num_keypoints:
        length = len(keypoints) if isinstance(keypoints, list) else repr(keypoints)
        detail = f"{name} has {length} keypoint numbers where {num_keypoints} keypoints need {3 * num_keypoints}"
        yield Fault("wrong keypoint length", detail, "correct it or choose the skeleton it was made for", True, entry)
    elif not _finite(keypoints, 3 * num_keypoints):
        detail = f"{name} has a keypoint value that is not a finite number"
        yield Fault("bad keypoint value", detail, "write 0 0 0 for keypoints without a position", True, entry)


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and -INTEGER_LIMIT <= value < INTEGER_LIMIT


def _is_unicode(text: str) -> bool:
    """Whether it has no half of a surrogate pair, which JSON can write and UTF-8 cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _finite(values: Any, count: int) -> bool:
    """Whether `values` is a list of `count` finite numbers."""
    if not isinstance(values, list) or len(values) != count:
        return False
    try:
        return all(map(math.isfinite, values))
    except (TypeError, OverflowError):
        return False

"""COCO-format annotation and result files: reading them, and naming their faults."""

import math
import os
from collections.abc import Collection, Iterator, Sequence
from itertools import chain, islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lib.utils.annotation_form import COCO_FORM, KEYPOINTS, AnnotationForm
from lib.utils.errors import PoseError
from lib.utils.files import read_json

Record = dict[str, Any]
SHOWN_FAULTS = 3
RESULT_FIELDS = ("image_id", "category_id", "keypoints", "score")


def read_annotations(path: str | os.PathLike[str]) -> Record:
    """Read a COCO annotation file, or an image_info file that has no annotations.

    Returns:
        the file's mapping; `images` is a list of mappings with an id, `annotations` and `categories` are lists,
        empty where the file has none.

    Raises:
        PoseError: the file is absent, not JSON or not of that form.
    """
    content = read_json(path, "annotation file")
    if not isinstance(content, dict) or not _is_record_list(content.get("images"), "id"):
        raise PoseError(
            f"annotation file {path} is not in COCO format; it needs a list 'images' whose entries have 'id'."
        )
    content = {"annotations": [], "categories": [], **content}
    if not _is_record_list(content["annotations"], "image_id") or not _is_record_list(content["categories"], "id"):
        raise PoseError(
            f"annotation file {path} is not in COCO format; 'annotations' must be a list of mappings with 'image_id' "
            "and 'categories' one of mappings with 'id'."
        )
    return content


def read_results(path: str | os.PathLike[str]) -> list[Record]:
    """Read a COCO keypoint result file: a list of mappings.

    Raises:
        PoseError: the file is absent, not JSON or not a list of mappings.
    """
    content = read_json(path, "result file")
    if not isinstance(content, list) or not all(isinstance(record, dict) for record in content):
        raise PoseError(
            f"result file {path} is not in COCO format; it must be a list of mappings with image_id, category_id, "
            "keypoints and score."
        )
    return content


def person_category(annotations: Record, source: str | os.PathLike[str]) -> int:
    """The category that keypoint results belong to: id 1 as in COCO, or the only one that the file defines.

    Raises:
        PoseError: several categories, none of them with id 1 or the name "person"; or its id is not an integer.
    """
    categories = annotations["categories"]
    ids = [category["id"] for category in categories]
    if not ids or 1 in ids:
        return 1
    named = [category["id"] for category in categories if category.get("name") == "person"]
    if len(ids) == 1 or len(named) == 1:
        return checked_id((named or ids)[0], f"the keypoint category of {source}")
    raise PoseError(
        f"annotation file {source} has categories {ids}, none with id 1; name the keypoint category 'person'."
    )


def checked_id(value: Any, name: str, key: str = "id") -> int:
    """An integer of an annotation file that fits into 64 bits; otherwise PoseError with the name of what has it."""
    if not _is_integer(value) or not -(2**63) <= value < 2**63:
        raise PoseError(f"{name} has {key} {value!r}, which is not an integer of 64 bits; correct it.")
    return int(value)


def annotated_people(
    annotations: Record, num_keypoints: int, source: str | os.PathLike[str], form: AnnotationForm = COCO_FORM
) -> list[Record]:
    """The annotations of the person category, with what OKS needs.

    Args:
        annotations: an annotation file.
        num_keypoints: K.
        source: the file, named in errors.
        form: how annotations are written.

    Returns:
        new mappings with all keypoints in `keypoints` (of crowds without any, zeros as in COCO's own files) and the
        area of OKS in `area`, whatever the form; `iscrowd` (0) and `num_keypoints` (those with visibility above 0) are
        filled in where absent, the latter also where the file counts a part of the keypoints alone.

    Raises:
        PoseError: an annotation whose id or image id is not an integer, without area or box, with another number of
            keypoints, or with values among them that are not numbers.
    """
    category = person_category(annotations, source)
    people = []
    for index, annotation in enumerate(annotations["annotations"]):
        if annotation.get("category_id", category) != category:
            continue
        for key in ("id", "image_id"):
            checked_id(annotation.get(key), f"annotation {index} (counted from 0) of {source}", key)
        name = f"annotation {annotation.get('id')} of {source}"
        if annotation.get("iscrowd") and annotation.get(KEYPOINTS) is None:
            annotation = _unposed(annotation, num_keypoints)
        missing = form.missing_field(annotation, num_keypoints) if form.fields else ""
        if missing:
            raise PoseError(f"{name} {missing}; use the keypoint set of these annotations.")
        keypoints = form.keypoints(annotation, num_keypoints)
        if not isinstance(keypoints, list) or len(keypoints) != 3 * num_keypoints:
            found = len(keypoints) if isinstance(keypoints, list) else "no"
            raise PoseError(
                f"{name} has {found} keypoint numbers instead of {3 * num_keypoints}; use the keypoint set of these "
                "annotations."
            )
        area = form.area(annotation) if _is_box(annotation.get("bbox")) else None
        if not is_finite_number(area):
            raise PoseError(
                f"{name} lacks a numeric area or bbox, which OKS needs; add them, or set box_area of the keypoint set "
                "where there are no areas."
            )
        if not _are_finite(keypoints):
            raise PoseError(f"{name} has a keypoint value that is not a finite number; correct it.")
        person = {"iscrowd": 0, **annotation, "category_id": category, KEYPOINTS: keypoints, "area": area}
        if not _is_integer(person.get("num_keypoints")) or keypoints is not annotation[KEYPOINTS]:
            person["num_keypoints"] = sum(visibility > 0 for visibility in keypoints[2::3])
        people.append(person)
    return people


def _unposed(crowd: Record, num_keypoints: int) -> Record:
    """A crowd as COCO's own files have it: with keypoints that are all not labelled."""
    return {**crowd, KEYPOINTS: [0] * (3 * num_keypoints), "num_keypoints": 0}


def joined_results(
    results: Sequence[Record], num_keypoints: int, form: AnnotationForm, source: str | os.PathLike[str]
) -> Sequence[Record]:
    """Results with all their keypoints in `keypoints`; they are not modified.

    Raises:
        PoseError: a record lacks a field of the form; named with the file.
    """
    if not form.fields:
        return results
    joined = []
    for index, record in enumerate(results):
        missing = form.missing_field(record, num_keypoints)
        if missing:
            raise PoseError(f"{source}: record {index} {missing}; use the keypoint set of these results.")
        joined.append({**record, "keypoints": form.keypoints(record, num_keypoints)})
    return joined


def result_faults(
    results: Sequence[Record], image_ids: Collection[int], category: int, num_keypoints: int
) -> Iterator[str]:
    """Name every fault of keypoint results, one phrase per faulty record, lazily.

    Args:
        results: the records.
        image_ids: the images of the set; a set or mapping makes this fast.
        category: the category id that every record must have.
        num_keypoints: K; a record has 3·K numbers.
    """
    for index, record in enumerate(results):
        fault = _record_fault(record, image_ids, category, num_keypoints)
        if fault:
            yield f"record {index} {fault}"


def check_results(
    results: Sequence[Record],
    image_ids: Collection[int],
    category: int,
    num_keypoints: int,
    source: str | os.PathLike[str],
) -> None:
    """Raise PoseError that names the first faults of keypoint results and their file, if there are any."""
    if _all_sound(results, image_ids, category, num_keypoints):
        return
    faults = list(islice(result_faults(results, image_ids, category, num_keypoints), SHOWN_FAULTS + 1))
    if faults:
        more = "; and more" if len(faults) > SHOWN_FAULTS else ""
        raise PoseError(f"{source} does not fit the annotations: {'; '.join(faults[:SHOWN_FAULTS])}{more}.")


def result_boxes(results: Sequence[Record], source: str | os.PathLike[str]) -> NDArray[np.float64] | None:
    """The boxes (x, y, width, height) of results that bring them, (M, 4); None where the first record has none.

    Raises:
        PoseError: the first record has a box, and a later one has no usable one.

    Source: pycocotools COCO.loadRes, where the first record decides.
    """
    if not results or not results[0].get("bbox"):
        return None
    boxes = [record.get("bbox") for record in results]
    for index, box in enumerate(boxes):
        if not _is_box(box):
            raise PoseError(
                f"{source}: record {index} has bbox {box!r} instead of 4 finite numbers, while the first record has a "
                "bbox; give it to all records or to none."
            )
    return np.array(boxes, dtype=np.float64)


def _all_sound(results: Sequence[Record], image_ids: Collection[int], category: int, num_keypoints: int) -> bool:
    """Whether a look at whole columns finds no fault; where it does, the records are looked at one by one."""
    try:
        ids, categories, keypoints, scores = ([record[key] for record in results] for key in RESULT_FIELDS)
        return (
            set(map(type, ids)) <= {int}
            and set(ids) <= set(image_ids)
            and set(categories) <= {category}
            and set(map(type, keypoints)) <= {list}
            and set(map(len, keypoints)) <= {3 * num_keypoints}
            and _are_finite(list(chain(scores, *keypoints)))
        )
    except (KeyError, TypeError):
        return False


def _record_fault(record: Record, image_ids: Collection[int], category: int, num_keypoints: int) -> str:
    """The first fault of one record as a phrase, or nothing."""
    missing = [key for key in RESULT_FIELDS if key not in record]
    if missing:
        return f"lacks {', '.join(missing)}"
    if not _is_integer(record["image_id"]):
        return f"has image_id {record['image_id']!r}, which is not an integer"
    if record["image_id"] not in image_ids:
        return f"has image_id {record['image_id']}, which is not in the image set"
    if record["category_id"] != category:
        return f"has category_id {record['category_id']!r} instead of {category}"
    keypoints = record["keypoints"]
    if not isinstance(keypoints, list) or len(keypoints) != 3 * num_keypoints:
        found = len(keypoints) if isinstance(keypoints, list) else "no list of"
        return f"has {found} keypoint numbers instead of {3 * num_keypoints} (x, y, score of {num_keypoints} keypoints)"
    if not _are_finite(keypoints):
        return "has a keypoint number that is not finite"
    if not is_finite_number(record["score"]):
        return f"has score {record['score']!r}, which is not a finite number"
    return ""


def _is_record_list(value: Any, key: str) -> bool:
    return isinstance(value, list) and all(isinstance(entry, dict) and key in entry for entry in value)


def _is_box(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 4 and all(map(is_finite_number, value))


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    """True and False are none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def is_finite_number(value: Any) -> bool:
    """True and False are none, nor are NaN and infinity."""
    try:
        return _is_number(value) and math.isfinite(value)
    except OverflowError:  # an integer beyond all floats
        return False


def _are_finite(values: list[Any]) -> bool:
    """`is_finite_number` of all, for many."""
    if not set(map(type, values)) <= {int, float}:
        return all(map(is_finite_number, values))
    try:
        return bool(np.isfinite(np.fromiter(values, np.float64, len(values))).all())
    except OverflowError:
        return False

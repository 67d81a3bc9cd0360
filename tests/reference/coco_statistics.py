"""COCO's, CrowdPose's and COCO-WholeBody's keypoint statistics, one number at a time, in float64."""

import math
from collections.abc import Callable, Sequence
from typing import Any

Record = dict[str, Any]

MAX_POSES = 20
THRESHOLDS = [0.5 + 0.05 * step for step in range(10)]
EVERY_SIZE, MEDIUM, LARGE = (0.0, 1e10), (32.0**2, 96.0**2), (96.0**2, 1e10)


def oks(
    pose: Sequence[float], truth: Sequence[float], box: Sequence[float], area: float, sigmas: Sequence[float]
) -> float:
    """Similarity of a pose (x, y, score, ...) with a person (x, y, flag, ...)."""
    labelled = [flag > 0 for flag in truth[2::3]]
    x, y, width, height = box
    terms = []
    for index, sigma in enumerate(sigmas):
        px, py, tx, ty = pose[3 * index], pose[3 * index + 1], truth[3 * index], truth[3 * index + 1]
        if any(labelled):
            if not labelled[index]:
                continue
            dx, dy = px - tx, py - ty
        else:  # how far outside of three times the box
            dx = max(0.0, x - width - px) + max(0.0, px - (x + 2 * width))
            dy = max(0.0, y - height - py) + max(0.0, py - (y + 2 * height))
        terms.append(math.exp(-(dx * dx + dy * dy) / (2 * sigma) ** 2 / (area + math.ulp(1.0)) / 2))
    return sum(terms) / len(terms)


def average(
    people: Sequence[Record], poses: Sequence[Record], image_ids: Sequence[int], sigmas: Sequence[float],
    size: tuple[float, float] = EVERY_SIZE, thresholds: Sequence[float] = THRESHOLDS,
) -> tuple[float, float]:  # fmt: skip
    """Mean AP and AR over thresholds of OKS; -1 where nobody counts.

    Args:
        people: image_id, keypoints, box, area, ignored and crowd of each.
        poses: image_id, keypoints, score and area of each.
        image_ids: those that take part.
        sigmas: per keypoint.
        size: smallest and largest area that counts.
        thresholds: of OKS.
    """
    precisions, recalls = [], []
    for threshold in thresholds:
        found: list[tuple[float, bool, bool]] = []  # score, matched, left out
        total = 0
        for image_id in sorted(set(image_ids)):
            own_people = [person for person in people if person["image_id"] == image_id]
            own_poses = [pose for pose in poses if pose["image_id"] == image_id]
            own_poses = sorted(own_poses, key=lambda pose: -pose["score"])[:MAX_POSES]
            skipped = [person["ignored"] or not size[0] <= person["area"] <= size[1] for person in own_people]
            total += skipped.count(False)
            taken: set[int] = set()
            for pose in own_poses:
                match = _match(pose, own_people, skipped, taken, sigmas, threshold)
                if match is None:
                    found.append((pose["score"], False, not size[0] <= pose["area"] <= size[1]))
                else:
                    taken.add(match)
                    found.append((pose["score"], True, skipped[match]))
        if not total:
            return -1.0, -1.0
        precision, recall = _curve(found, total)
        precisions.append(precision)
        recalls.append(recall)
    return sum(precisions) / len(precisions), sum(recalls) / len(recalls)


def _match(
    pose: Record,
    people: Sequence[Record],
    skipped: Sequence[bool],
    taken: set[int],
    sigmas: Sequence[float],
    threshold: float,
) -> int | None:
    """The most similar person that is free; people who count come before those who do not."""
    for kind in (False, True):
        best, chosen = min(threshold, 1 - 1e-10), None
        for index, person in enumerate(people):
            if skipped[index] is not kind or (index in taken and not person["crowd"]):
                continue
            similarity = oks(pose["keypoints"], person["keypoints"], person["box"], person["area"], sigmas)
            if similarity >= best:
                best, chosen = similarity, index
        if chosen is not None:
            return chosen
    return None


def _curve(found: list[tuple[float, bool, bool]], total: int) -> tuple[float, float]:
    """Mean of the precision at 101 recalls, and the last recall."""
    hits = misses = 0
    points = []
    for _, matched, left_out in sorted(found, key=lambda entry: -entry[0]):
        hits += matched and not left_out
        misses += not matched and not left_out
        points.append((hits / total, hits / (hits + misses + math.ulp(1.0))))
    levels = [step * 0.01 for step in range(101)]  # 0.7 is 0.7000000000000001, as in pycocotools
    best = [max((precision for recall, precision in points if recall >= level), default=0.0) for level in levels]
    return sum(best) / len(best), points[-1][0] if points else 0.0


def people_of(
    annotations: Record, part: Callable[[Record], list[float]], area: Callable[[Record], float]
) -> list[Record]:
    """Annotations as `average` takes them; those without a labelled keypoint of the part are ignored."""
    return [
        {
            "image_id": entry["image_id"],
            "keypoints": part(entry),
            "box": entry["bbox"],
            "area": area(entry),
            "crowd": bool(entry["iscrowd"]),
            "ignored": bool(entry["iscrowd"]) or not any(flag > 0 for flag in part(entry)[2::3]),
        }
        for entry in annotations["annotations"]
    ]


def crowd_statistics(annotations: Record, poses: Sequence[Record], sigmas: Sequence[float]) -> list[float]:
    """CrowdPose's nine statistics."""
    people = people_of(annotations, lambda entry: entry["keypoints"], lambda e: e["bbox"][2] * e["bbox"][3] * 0.53)
    poses = [{**pose, "area": _extent(pose["keypoints"])} for pose in poses]

    def of(image_ids: list[int], thresholds: Sequence[float] = THRESHOLDS) -> tuple[float, float]:
        return average(people, poses, image_ids, sigmas, thresholds=thresholds)

    kinds: dict[str, list[int]] = {"easy": [], "medium": [], "hard": []}
    for image in annotations["images"]:
        index = image["crowdIndex"]
        kinds["easy" if index < 0.2 else "medium" if index < 0.8 else "hard"].append(image["id"])
    everything = [image["id"] for image in annotations["images"]]
    three = [of(everything), of(everything, [0.5]), of(everything, [0.75])]
    return [*(ap for ap, _ in three), *(ar for _, ar in three), *(round(of(ids)[0], 4) for ids in kinds.values())]


def wholebody_statistics(
    annotations: Record, poses: Sequence[Record], sigmas: Sequence[float], fields: Sequence[tuple[str, int]]
) -> dict[str, float]:
    """AP and AR by part, and with sizes for all keypoints, of annotations and poses with a field for each part."""
    image_ids = [image["id"] for image in annotations["images"]]
    body = fields[0][0]
    statistics: dict[str, float] = {}
    start = 0
    for name, count in [*fields, ("all", 0)]:
        names = [name] if count else [each for each, _ in fields]

        def part(entry: Record, names: list[str] = names) -> list[float]:
            return [value for each in names for value in entry[each]]

        own = [
            {**pose, "keypoints": part(pose), "area": _extent(pose[body])}
            for pose in poses
            if any(score > 0 for score in part(pose)[2::3])
        ]
        people = people_of(annotations, part, lambda entry: entry["area"])
        constants = sigmas[start : start + count] if count else sigmas
        for suffix, size in (("", EVERY_SIZE), (" (M)", MEDIUM), (" (L)", LARGE)):
            ap, ar = average(people, own, image_ids, constants, size)
            statistics |= {f"{name} AP{suffix}": ap, f"{name} AR{suffix}": ar}
        start += count
    return statistics


def _extent(keypoints: Sequence[float]) -> float:
    return (max(keypoints[0::3]) - min(keypoints[0::3])) * (max(keypoints[1::3]) - min(keypoints[1::3]))

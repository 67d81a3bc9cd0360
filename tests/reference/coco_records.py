"""How the published code turns annotations into records, one number after the other (HRNet lib/dataset/coco.py)."""

import math
from typing import Any

Record = dict[str, Any]


def records(content: dict[str, Any], input_size_wh: tuple[int, int]) -> list[Record]:
    """The records of annotated people in the published order."""
    result = []
    for image in content["images"]:
        for annotation in content["annotations"]:
            if annotation["image_id"] != image["id"] or annotation["iscrowd"] != 0:
                continue
            x, y, w, h = annotation["bbox"]
            x1, y1 = max(0.0, x), max(0.0, y)
            x2 = min(image["width"] - 1, x1 + max(0.0, w - 1))
            y2 = min(image["height"] - 1, y1 + max(0.0, h - 1))
            if not (annotation["area"] > 0 and x2 >= x1 and y2 >= y1):
                continue
            if annotation["category_id"] != 1 or max(annotation["keypoints"]) == 0:
                continue
            center, scale = box_to_center_scale((x1, y1, x2 - x1, y2 - y1), input_size_wh)
            result.append({"id": annotation["id"], "center": center, "scale": scale})
    return result


def box_to_center_scale(
    box: tuple[float, float, float, float], input_size_wh: tuple[int, int]
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Extend the short side to the aspect ratio, enlarge by a quarter, divide by 200."""
    x, y, w, h = box
    aspect = input_size_wh[0] / input_size_wh[1]
    center = (x + w * 0.5, y + h * 0.5)
    if w > aspect * h:
        h = w / aspect
    elif w < aspect * h:
        w = h * aspect
    return center, (w / 200 * 1.25, h / 200 * 1.25)


def is_well_filled(
    points: list[tuple[float, float]], visible: list[float], center: tuple[float, float], scale: tuple[float, float]
) -> bool:
    """DATASET.SELECT_DATA for one person (JointsDataset.py, select_data)."""
    shown = [point for point, flag in zip(points, visible, strict=True) if flag > 0]
    if not shown:
        return False
    mean_x = sum(point[0] for point in shown) / len(shown)
    mean_y = sum(point[1] for point in shown) / len(shown)
    area = scale[0] * scale[1] * 200**2
    distance = math.hypot(mean_x - center[0], mean_y - center[1])
    similarity = math.exp(-(distance**2) / (0.2**2 * 2 * area))
    return similarity > (0.2 / 16) * len(shown) + 0.45 - 0.2 / 16


def half_body(
    points: list[tuple[float, float]], visible: list[float], upper_body: list[int], prefer_upper: bool, aspect: float
) -> tuple[tuple[float, float], tuple[float, float]] | None:
    """Centre and scale of half a body (JointsDataset.py, half_body_transform)."""
    upper = [points[k] for k in range(len(points)) if visible[k] > 0 and k in upper_body]
    lower = [points[k] for k in range(len(points)) if visible[k] > 0 and k not in upper_body]
    chosen = upper if (prefer_upper and len(upper) > 2) or len(lower) <= 2 else lower
    if len(chosen) < 2:
        return None
    xs, ys = [point[0] for point in chosen], [point[1] for point in chosen]
    w, h = max(xs) - min(xs), max(ys) - min(ys)
    if w > aspect * h:
        h = w / aspect
    elif w < aspect * h:
        w = h * aspect
    return (sum(xs) / len(xs), sum(ys) / len(ys)), (w / 200 * 1.5, h / 200 * 1.5)


def bilinear(image: list[list[float]], x: float, y: float) -> float:
    """A value between the pixels of a one-channel image that is 0 outside."""
    left, top = math.floor(x), math.floor(y)
    total = 0.0
    for row, weight_y in ((top, 1 - (y - top)), (top + 1, y - top)):
        for column, weight_x in ((left, 1 - (x - left)), (left + 1, x - left)):
            if 0 <= row < len(image) and 0 <= column < len(image[0]):
                total += weight_x * weight_y * image[row][column]
    return total

"""The plain way to read people from heatmaps and tags: person by person and joint by joint.

Written after mmpose 0.29 mmpose/core/post_processing/group.py (HeatmapParser), for one picture. Assignments come from
SciPy rather than from the munkres package, which is pure Python and takes milliseconds where SciPy takes microseconds.
"""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from scipy.optimize import linear_sum_assignment

MOST, DETECTION_THRESHOLD, TAG_THRESHOLD = 30, 0.1, 1.0
NMS_KERNEL, NMS_PADDING = 5, 2


def group_plainly(
    heatmaps: torch.Tensor, tags: torch.Tensor, joint_order: Sequence[int]
) -> tuple[np.ndarray, np.ndarray]:
    """People of one picture with their positions adjusted and missing joints filled in.

    Args:
        heatmaps: (1, K, h, w), float32.
        tags: (1, K, h, w, T), float32, contiguous as the published systems join them; T is 2 with a flip test.
        joint_order: the order in which joints are assigned, K indices.

    Returns:
        rows (x, y, score, tags) (P, K, 3 + T) and a score per person (P,).
    """
    people = _match(*_top_k(heatmaps, tags), joint_order)
    if not len(people):
        return people, np.empty(0)
    _adjust(people, heatmaps)
    scores = people[:, :, 2].mean(axis=1)
    for person in people:
        _refine(heatmaps[0].cpu().numpy(), tags[0].cpu().numpy(), person)
    return people, scores


def _top_k(heatmaps: torch.Tensor, tags: torch.Tensor) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Tags (K, M, T), points (K, M, 2) and scores (K, M) of the highest local maxima."""
    highest = F.max_pool2d(heatmaps, NMS_KERNEL, 1, NMS_PADDING)
    peaks = heatmaps * torch.eq(highest, heatmaps).float()
    _, num_joints, _, width = peaks.shape
    values, index = peaks.view(1, num_joints, -1).topk(MOST, dim=2)
    flat = tags.reshape(1, num_joints, -1, tags.shape[-1])
    chosen = torch.stack([torch.gather(flat[..., one], 2, index) for one in range(flat.shape[-1])], dim=3)
    points = torch.stack([index % width, index // width], dim=3)
    return chosen[0].cpu().numpy(), points[0].cpu().numpy(), values[0].cpu().numpy()


def _match(tags: np.ndarray, points: np.ndarray, values: np.ndarray, joint_order: Sequence[int]) -> np.ndarray:
    """Rows (P, K, 3 + T)."""
    empty = np.zeros((len(joint_order), 3 + tags.shape[2]), np.float32)
    people: dict[float, np.ndarray] = {}
    people_tags: dict[float, list[np.ndarray]] = {}
    for joint in joint_order:
        rows = np.concatenate([points[joint], values[joint][:, None], tags[joint]], axis=1)
        kept = rows[:, 2] > DETECTION_THRESHOLD
        rows, own_tags = rows[kept], tags[joint][kept]
        if not len(rows):
            continue
        if not people:
            for tag, row in zip(own_tags, rows, strict=True):
                people.setdefault(tag[0], empty.copy())[joint] = row
                people_tags[tag[0]] = [tag]
            continue
        keys = list(people)
        means = np.array([np.mean(people_tags[key], axis=0) for key in keys])
        distances = np.linalg.norm(rows[:, None, 3:] - means[None], ord=2, axis=2)
        costs = np.round(distances) * 100 - rows[:, 2:3]
        missing = len(rows) - len(keys)
        if missing > 0:
            costs = np.concatenate([costs, np.full((len(rows), missing), 1e10)], axis=1)
        for number, column in zip(*linear_sum_assignment(costs), strict=True):
            if column < len(keys) and distances[number, column] < TAG_THRESHOLD:
                people[keys[column]][joint] = rows[number]
                people_tags[keys[column]].append(own_tags[number])
            else:
                key = own_tags[number][0]
                people.setdefault(key, empty.copy())[joint] = rows[number]
                people_tags[key] = [own_tags[number]]
    return np.array(list(people.values()), np.float32).reshape(-1, *empty.shape)


def _adjust(people: np.ndarray, heatmaps: torch.Tensor) -> None:
    height, width = heatmaps.shape[2:]
    for person in people:
        for joint, row in enumerate(person):
            if row[2] > 0:
                one, (x, y) = heatmaps[0][joint], row[:2]
                column, line = int(x), int(y)
                down = one[min(height - 1, line + 1), column] > one[max(0, line - 1), column]
                right = one[line, min(width - 1, column + 1)] > one[line, max(0, column - 1)]
                row[:2] = x + (0.25 if right else -0.25) + 0.5, y + (0.25 if down else -0.25) + 0.5


def _refine(heatmaps: np.ndarray, tags: np.ndarray, person: np.ndarray) -> None:
    """Fill in the missing joints of a person's rows (K, 3 + T)."""
    _, height, width = heatmaps.shape
    own = []
    for joint, row in enumerate(person):
        if row[2] > 0:
            x, y = row[:2].astype(int)
            own.append(tags[joint, np.clip(y, 0, height - 1), np.clip(x, 0, width - 1)])
    mean = np.mean(own, axis=0)
    found = []
    for one, own_tags in zip(heatmaps, tags, strict=True):
        distances = ((own_tags - mean[None, None]) ** 2).sum(axis=2) ** 0.5
        y, x = np.unravel_index(np.argmax(one - np.round(distances)), one.shape)
        right = one[y, min(width - 1, x + 1)] > one[y, max(0, x - 1)]
        down = one[min(height - 1, y + 1), x] > one[max(0, y - 1), x]
        found.append((x + 0.5 + (0.25 if right else -0.25), y + 0.5 + (0.25 if down else -0.25), one[y, x]))
    for joint, row in enumerate(found):
        if row[2] > 0 and person[joint, 2] == 0:
            person[joint, :3] = row

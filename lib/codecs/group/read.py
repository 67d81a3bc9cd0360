"""People from heatmaps and tags: candidates, groups, positions between pixels and missing keypoints."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lib.codecs.group.adjust import HALF, dark_steps, quarter_steps
from lib.codecs.group.candidates import Candidates, find_candidates
from lib.codecs.group.fill import best_pixels
from lib.codecs.group.grouping import group
from lib.codecs.group.maps import GroupMaps
from lib.codecs.group.options import GroupOptions
from lib.codecs.group.people import GroupedPeople


@dataclass
class _Reading:
    """N people of all pictures of a batch, while they are worked on.

    Attributes:
        number: map of each keypoint, (N, K), int64.
        found: which keypoints there are, (N, K), bool.
        points: heatmap_ (x, y), (N, K, 2), float32.
        scores: (N, K), float32.
    """

    number: Tensor
    found: Tensor
    points: Tensor
    scores: Tensor


def read_people(heatmaps: Tensor, tags: Tensor, options: GroupOptions, *, unbiased: bool) -> list[GroupedPeople]:
    """The people of each picture.

    Args:
        heatmaps: (B, K, h, w).
        tags: (B, K, h, w, T).
        options: how.
        unbiased: UDP's positions: DARK steps for candidates and no half pixel.

    Returns:
        B groups. All but the assignment of candidates to people is done at once for all pictures, keypoints and people,
        on the device of the maps.
    """
    if len(heatmaps) == 0:
        return []
    maps = GroupMaps.of(heatmaps, tags)
    candidates = find_candidates(maps, options.nms_kernel, options.detection_threshold, options.max_people)
    members = [_group_picture(candidates, picture, options) for picture in range(len(heatmaps))]
    counts = [len(one) for one in members]
    chosen = np.concatenate(members)
    picture = np.repeat(np.arange(len(heatmaps)), counts)
    own_tags = _taken(candidates.tags, chosen)
    reading = _start_reading(maps, candidates, chosen, picture)
    if options.adjust:
        _adjust(maps, reading, unbiased=unbiased)
    raw_scores = reading.scores.clone()
    filled = _fill(maps, reading, unbiased=unbiased) if options.refine else torch.zeros_like(reading.found)
    columns = [one.cpu().numpy() for one in (reading.points, reading.scores, raw_scores)]
    everything = [*columns, own_tags, filled.cpu().numpy(), columns[2].mean(axis=1)]
    ends = np.cumsum(counts)[:-1]
    return [GroupedPeople(*parts) for parts in zip(*(np.split(one, ends) for one in everything), strict=True)]


def _group_picture(candidates: Candidates, picture: int, options: GroupOptions) -> NDArray[np.int64]:
    """Members of each person of a picture as numbers among all candidates, (P, K), -1 for none."""
    num_keypoints = len(options.joint_order)
    starts = candidates.starts[picture * num_keypoints : (picture + 1) * num_keypoints + 1]
    own = slice(starts[0], starts[-1])
    inner = starts[1:-1] - starts[0]
    scores = np.split(candidates.scores[own].astype(np.float64), inner)
    tags = np.split(candidates.tags[own].astype(np.float64), inner)
    members = group(scores, tags, options)
    return np.where(members < 0, -1, members + starts[:-1])


def _taken(values: NDArray[np.float32], chosen: NDArray[np.int64]) -> NDArray[np.float32]:
    """Values (n, ...) of candidates chosen (N, K), 0 where none was."""
    padded = np.concatenate([values, np.zeros_like(values, shape=(1, *values.shape[1:]))])
    return padded[chosen]


def _start_reading(
    maps: GroupMaps, candidates: Candidates, chosen: NDArray[np.int64], picture: NDArray[np.int64]
) -> _Reading:
    number = picture[:, None] * maps.num_keypoints + np.arange(maps.num_keypoints)
    pixels = np.stack([candidates.x, candidates.y], axis=-1).astype(np.float32)
    device = maps.heatmaps.device
    return _Reading(
        *(
            torch.from_numpy(one).to(device)
            for one in (number, chosen >= 0, _taken(pixels, chosen), _taken(candidates.scores, chosen))
        )
    )


def _adjust(maps: GroupMaps, reading: _Reading, *, unbiased: bool) -> None:
    """Move the points that there are between pixels."""
    x, y = reading.points.to(torch.int64).unbind(-1)
    steps = dark_steps(maps, reading.number, x, y) if unbiased else quarter_steps(maps, reading.number, x, y) + HALF
    reading.points = torch.where(reading.found[..., None], reading.points + steps, 0.0)


def _fill(maps: GroupMaps, reading: _Reading, *, unbiased: bool) -> Tensor:
    """Fill in the points that there are not; which were filled, (N, K), bool.

    A person's tags are read at the points as they were adjusted, cut towards zero, as published.
    """
    cells = reading.points.to(torch.int64)
    tags = maps.tags_at(reading.number, cells[..., 0], cells[..., 1]).to(torch.float64)
    mean = torch.where(reading.found[..., None], tags, 0.0).sum(dim=1) / reading.found.sum(dim=1, keepdim=True)
    person, keypoint = (~reading.found).nonzero(as_tuple=True)
    number = reading.number[person, keypoint]
    best = best_pixels(maps, number, mean.to(torch.float32)[person])
    steps = quarter_steps(maps, number, best.x, best.y) + (0.0 if unbiased else HALF)
    usable = best.values > 0
    person, keypoint = person[usable], keypoint[usable]
    reading.points[person, keypoint] = (torch.stack([best.x, best.y], dim=-1) + steps)[usable]
    reading.scores[person, keypoint] = best.values[usable]
    filled = torch.zeros_like(reading.found)
    filled[person, keypoint] = True
    return filled

"""From whole pictures to all their people, for validation, testing and people's own programs."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from lib.codecs.group.codec import GroupCodec
from lib.codecs.group.people import GroupedPeople
from lib.core.group_predictions import GroupPredictions, Times, columns_of, gathered, no_people
from lib.core.inference import Preparation
from lib.core.outputs import all_heatmaps
from lib.core.precision import Precision
from lib.utils.errors import PoseError


class Pictures(Protocol):
    """B pictures as a test shows them; lib/dataset makes them."""

    @property
    def images(self) -> Sequence[Sequence[Tensor]]:
        """Of each picture its inputs, (3, H, W), uint8, one per scale, the largest first."""

    @property
    def base_wh(self) -> Tensor:
        """Size of the input at scale 1, (B, 2), int64."""

    @property
    def to_image(self) -> Tensor:
        """Affine maps from input_ points at scale 1 to image_ points, (B, 2, 3), float64."""

    @property
    def index(self) -> Tensor:
        """Positions of the records in the data set, (B,), int64."""


@dataclass(frozen=True)
class GroupTest:
    """How pictures are looked at.

    Attributes:
        scales: of the inputs, the largest first (TEST.SCALE_FACTOR); 1 is among them.
        flip_test: average with the mirrored pictures' heatmaps, and take their tags as well.
        project: enlarge maps to the input at scale 1 before people are read (TEST.PROJECT2IMAGE).
    """

    scales: tuple[float, ...] = (1.0,)
    flip_test: bool = True
    project: bool = True


@torch.no_grad()
def predict_groups(
    model: nn.Module,
    codec: GroupCodec,
    loader: Iterable[Pictures],
    prepare: Preparation,
    options: GroupTest,
    precision: Precision | None = None,
) -> GroupPredictions:
    """Find the people of every picture that the loaders of all processes yield.

    Args:
        model: the network; it is left in evaluation mode.
        codec: of the model.
        loader: batches; each picture on one process only. Those of equal size go through the network together.
        prepare: stored pixels to network input.
        options: how pictures are looked at.
        precision: of the network's arithmetic; float32 when None.

    Returns:
        On every process: the people of all processes.

    Raises:
        PoseError: the network's output is not a number; the pictures are named.
    """
    model.eval()
    precision = precision or Precision(prepare.device)
    times, parts = Times(), [no_people(codec.num_keypoints)]
    for batch in loader:
        for members in _of_equal_size(batch):
            started = time.perf_counter()
            inputs = [
                torch.stack([batch.images[place][scale] for place in members]) for scale in range(len(options.scales))
            ]
            base_wh = (int(batch.base_wh[members[0], 0]), int(batch.base_wh[members[0], 1]))
            heatmaps, tags = look(model, codec, inputs, base_wh, prepare, options, precision)
            refuse_not_finite(heatmaps, tags, partial(_name_pictures, batch.index[members]))
            seen = _now(prepare.device)
            people = people_in_pictures(codec, heatmaps, tags, base_wh, batch.to_image[members].numpy())
            times.grouping += time.perf_counter() - seen
            times.network += seen - started
            times.pictures += len(members)
            for place, (points, one) in zip(members, people, strict=True):
                parts.append(columns_of(int(batch.index[place]), points, one))
    return gathered(parts, times)


def look(
    model: nn.Module,
    codec: GroupCodec,
    inputs: Sequence[Tensor],
    base_wh: tuple[int, int],
    prepare: Preparation,
    options: GroupTest,
    precision: Precision,
) -> tuple[Tensor, Tensor]:
    """What the network says of pictures of one size: the mean of heatmaps over scales, and tags at scale 1.

    Args:
        model: the network, in evaluation mode.
        codec: joins outputs.
        inputs: for each scale, the largest first, (B, 3, H_i, W_i), uint8.
        base_wh: size of the input at scale 1.
        prepare, options, precision: as in `predict_groups`.

    Returns:
        heatmaps (B, K, h, w) and tags (B, K, h, w, T), float32.
    """
    size_hw = (base_wh[1], base_wh[0]) if options.project else None
    found, tags = [], None
    for scale, pixels in zip(options.scales, inputs, strict=True):
        images = prepare(pixels)
        mirrored = None
        with precision.autocast():
            outputs = all_heatmaps(model(torch.cat([images, images.flip(-1)]) if options.flip_test else images))
        if options.flip_test:
            halves = [output.chunk(2) for output in outputs]
            outputs, mirrored = [half[0] for half in halves], [half[1] for half in halves]
        found.append(codec.combiner.heatmaps(outputs, mirrored, size_hw))
        if scale == 1 or len(options.scales) == 1:
            tags = codec.combiner.tags(outputs, mirrored, (found[0].shape[2], found[0].shape[3]))
    if tags is None:
        raise PoseError(f"TEST.SCALE_FACTOR {list(options.scales)} lacks 1, whose tags are read; add it.")
    return found[0] if len(found) == 1 else codec.combiner.mean_of_scales(found), tags


def people_in_pictures(
    codec: GroupCodec, heatmaps: Tensor, tags: Tensor, base_wh: tuple[int, int], to_pictures: np.ndarray
) -> list[tuple[np.ndarray, GroupedPeople]]:
    """Read people from maps and bring their keypoints back to the pictures.

    Args:
        codec: of the network.
        heatmaps, tags: from `look`.
        base_wh: size of the input at scale 1.
        to_pictures: affine maps from input_ to image_ points, (B, 2, 3).

    Returns:
        For each picture the image_ (x, y) of its people, (P, K, 2), float32, and the people as they were read.
    """
    map_wh = (heatmaps.shape[-1], heatmaps.shape[-2])
    return [
        (points_to_image(one.keypoints, map_wh, base_wh, to_picture, unbiased=codec.unbiased), one)
        for one, to_picture in zip(codec.decode(heatmaps, tags), to_pictures, strict=True)
    ]


def points_to_image(
    points: np.ndarray, map_wh: tuple[int, int], base_wh: tuple[int, int], to_picture: np.ndarray, *, unbiased: bool
) -> np.ndarray:
    """Bring points of maps back to the picture.

    Args:
        points: (x, y) in pixels of the maps, (P, K, 2).
        map_wh: size of the maps.
        base_wh: size of the input at scale 1.
        to_picture: affine map from input_ to image_ points, (2, 3).
        unbiased: lengths are counted between pixel centres (UDP), else in pixels.

    Returns:
        image_ (x, y), (P, K, 2), float32.
    """
    border = 1 if unbiased else 0
    stride = (np.array(base_wh, np.float64) - border) / (np.array(map_wh) - border)
    input_points = points.astype(np.float64) * stride
    return (input_points @ to_picture[:, :2].T + to_picture[:, 2]).astype(np.float32)


def _of_equal_size(batch: Pictures) -> list[list[int]]:
    """Places in the batch whose inputs are equally large, in the order of their first."""
    groups: dict[tuple[int, ...], list[int]] = {}
    for place, size in enumerate(batch.base_wh.tolist()):
        groups.setdefault(tuple(size), []).append(place)
    return list(groups.values())


def _now(device: torch.device) -> float:
    """The time when the device has done all that it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def refuse_not_finite(heatmaps: Tensor, tags: Tensor, name: Callable[[Tensor], str]) -> None:
    """Refuse outputs that are not numbers.

    Args:
        heatmaps, tags: from `look`.
        name: what the pictures at these places of the batch are called.

    Raises:
        PoseError: some are not.
    """
    # A sum is a number where all parts are, and much faster than a look at each.
    total = heatmaps.flatten(1).sum(dim=1) + tags.flatten(1).sum(dim=1)
    bad = (~torch.isfinite(total)).nonzero().flatten().cpu()
    if len(bad):
        raise PoseError(
            f"the network's output for {name(bad)} is NaN or infinite; the weights are damaged or belong to another "
            "network, or AMP fp16 overflows (use --amp bf16 or none)."
        )


def _name_pictures(index: Tensor, places: Tensor) -> str:
    return f"pictures {index[places].tolist()[:8]} (counted from 0)"

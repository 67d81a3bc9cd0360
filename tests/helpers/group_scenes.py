"""Made scenes for bottom-up networks: people, their heatmaps and tags, and codecs without a configuration."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from lib.codecs.group.codec import GroupCodec
from lib.codecs.group.options import GroupOptions, published_order
from lib.codecs.group.people import GroupedPeople

TAG_STEP = 2.0


def make_group_codec(
    num_keypoints: int = 17,
    *,
    unbiased: bool = False,
    variant: str = "original",
    input_size_wh: tuple[int, int] = (256, 256),
    output_sizes_wh: Sequence[tuple[int, int]] = ((64, 64),),
    flip_permutation: Sequence[int] | None = None,
    **options: float,
) -> GroupCodec:
    """A codec with sigma 2, the published order and the given options of reading."""
    mmpose = variant == "mmpose"
    made = GroupOptions(published_order(num_keypoints, mmpose=mmpose), mmpose=mmpose)
    return GroupCodec(
        input_size_wh,
        output_sizes_wh,
        flip_permutation or range(num_keypoints),
        unbiased=unbiased,
        variant=variant,
        sigma=2.0,
        options=replace(made, **options),
    )


def noisy_scene(
    rng: np.random.Generator,
    *,
    num_keypoints: int = 17,
    people: int = 3,
    size_wh: tuple[int, int] = (48, 40),
    seen: float = 0.8,
    num_tags: int = 1,
    tag_noise: float = 0.15,
    noise: float = 0.02,
) -> tuple[np.ndarray, np.ndarray]:
    """Heatmaps (K, h, w) and tags (K, h, w, T), float32: blobs of any height, each with its person's tags and noise."""
    width, height = size_wh
    heatmaps = rng.normal(0, noise, (num_keypoints, height, width))
    tags = rng.normal(0, tag_noise, (num_keypoints, height, width, num_tags))
    y, x = np.mgrid[:height, :width]
    for person in range(people):
        for joint in range(num_keypoints):
            if rng.uniform() < seen:
                middle = rng.uniform(0, 1, 2) * (width - 1, height - 1)
                square = (x - middle[0]) ** 2 + (y - middle[1]) ** 2
                heatmaps[joint] = np.maximum(heatmaps[joint], rng.uniform(0.15, 1) * np.exp(-square / 8))
                tags[joint][square <= 16] += TAG_STEP * (person + 1) - tags[joint][square <= 16].round()
    return heatmaps.astype(np.float32), tags.astype(np.float32)


def rows(people: GroupedPeople) -> np.ndarray:
    """(x, y, score, score before refinement, refined, tags...), (P, K, 5 + T)."""
    columns = [people.scores, people.raw_scores, people.refined]
    return np.concatenate([people.keypoints, np.stack(columns, axis=-1), people.tags], axis=-1)


def perfect_maps(
    codec: GroupCodec, input_keypoints: np.ndarray, visible: np.ndarray, heights: np.ndarray | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Targets of the first output as heatmaps, and as tags 2, 4, 6, ... around the keypoints of each person.

    Args:
        codec: with one output.
        input_keypoints: (B, M, K, 2).
        visible: (B, M, K).
        heights: of each person's peaks, (M,); None for 1.
    """
    number = input_keypoints.shape[1]
    alone = [
        codec.encode(input_keypoints[:, m : m + 1], visible[:, m : m + 1]).heatmaps[0]
        * (1.0 if heights is None else float(heights[m]))
        for m in range(number)
    ]
    stacked = torch.stack([torch.zeros_like(alone[0]), *alone]) if number else None
    if stacked is None:
        empty = codec.encode(input_keypoints, visible).heatmaps[0]
        return empty, empty[..., None]
    highest, owner = stacked.max(dim=0)
    return highest, (TAG_STEP * owner.float())[..., None]

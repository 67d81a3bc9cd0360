"""Rows on grouping: heatmaps and tags of a 512x512 picture to people, without the network."""

from collections.abc import Sequence

import torch
from torch import Tensor

from lib.bench.contest import Contest, Way, hold
from lib.bench.plain_grouping import group_plainly
from lib.bench.rows import Row
from lib.bench.settings import BenchSettings
from lib.codecs.group.codec import GroupCodec
from lib.codecs.group.options import GroupOptions, published_order
from lib.skeletons import load_skeleton

SIDE = 512
OUTPUT_SIZES = ((128, 128), (256, 256))
PEOPLE = (5, 30)
TAGS = (1, 2)  # per pixel: without flip test and with it, as published figures are measured
TARGET = 10.0
SEEN = 0.8  # part of the keypoints that is seen; the others are filled in
TAG_STEP = 2.0  # between the tags of two people
NOISE, TAG_NOISE = 0.01, 0.1


def grouping_rows(settings: BenchSettings) -> list[Row]:
    """Pictures per second with few people and with many, with one tag per pixel and with two."""
    rows = []
    for people in PEOPLE:
        for num_tags in TAGS:
            rows += hold(grouping_contest(people, num_tags, settings.device), settings.repeats)
    return rows


def grouping_contest(people: int, num_tags: int, device: str) -> Contest:
    """One picture both ways, from maps of the picture's size, with adjusting and refining.

    Each way gets its own layout of tags in memory: the published systems join them pixel by pixel, ours map by map.
    """
    codec = make_codec()
    heatmaps, tags = (one.to(device) for one in made_maps(codec, people, num_tags))
    joined = tags.contiguous()
    order = codec.options.joint_order
    return Contest(
        name=f"grouping {people} people at {SIDE}x{SIDE}, tags {num_tags}, one core",
        unit="pictures/s",
        plain=Way("plain", lambda: group_plainly(heatmaps, joined, order), 1),
        ways=[Way("batched", lambda: codec.decode(heatmaps, tags), 1)],
        target=TARGET,
        one_core=True,
    )


def make_codec() -> GroupCodec:
    """HigherHRNet's at 512x512 for COCO's keypoints, in mmpose's variant."""
    permutation = load_skeleton("coco").flip_permutation
    options = GroupOptions(published_order(len(permutation), mmpose=True), mmpose=True)
    return GroupCodec(
        (SIDE, SIDE), OUTPUT_SIZES, permutation, unbiased=False, variant="mmpose", sigma=2.0, options=options
    )


def made_maps(codec: GroupCodec, people: int, num_tags: int) -> tuple[Tensor, Tensor]:
    """Heatmaps (1, K, 512, 512) and tags (1, K, 512, 512, T) as a network gives them and the test enlarges them.

    Targets with a little noise; around each keypoint lies its person's tag, elsewhere noise around 0. With two tags
    the outputs for the mirrored picture are another draw of the noise.
    """
    generator = torch.Generator().manual_seed(0)
    shape = (1, people, codec.num_keypoints)
    points = torch.rand(*shape, 2, generator=generator, dtype=torch.float64) * (SIDE - 1)
    visible = torch.rand(shape, generator=generator) < SEEN
    heatmaps = codec.encode(points, visible).heatmaps
    tags = torch.zeros_like(heatmaps[0])
    for person in range(people):
        alone = codec.encode(points[:, person : person + 1], visible[:, person : person + 1]).heatmaps[0]
        tags += torch.where((alone > 0) & (alone >= heatmaps[0]), TAG_STEP * (person + 1), 0.0)
    outputs = _noisy_outputs(heatmaps, tags, generator)
    mirrored = None
    if num_tags == 2:
        mirrored = [_mirrored(codec, one) for one in _noisy_outputs(heatmaps, tags, generator)]
    return codec.combine(outputs, mirrored, size_hw=(SIDE, SIDE))


def _noisy_outputs(heatmaps: Sequence[Tensor], tags: Tensor, generator: torch.Generator) -> list[Tensor]:
    """A network's outputs, (1, 2K, h, w) and (1, K, 2h, 2w)."""
    noisy = [one + NOISE * torch.randn(one.shape, generator=generator) for one in heatmaps]
    tags = tags + TAG_NOISE * torch.randn(tags.shape, generator=generator)
    return [torch.cat([noisy[0], tags], dim=1), *noisy[1:]]


def _mirrored(codec: GroupCodec, output: Tensor) -> Tensor:
    """The output that stands for the same people in the mirrored picture."""
    parts = output.split(codec.num_keypoints, dim=1)
    return torch.cat([part[:, list(codec.flip_permutation)] for part in parts], dim=1).flip(-1)

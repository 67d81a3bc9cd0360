"""Rows on grouping: heatmaps and tags of a 512x512 picture to people, without the network."""

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
TARGET = 10.0
SEEN = 0.8  # part of the keypoints that is seen; the others are filled in
TAG_STEP = 2.0  # between the tags of two people
NOISE, TAG_NOISE = 0.01, 0.1


def grouping_rows(settings: BenchSettings) -> list[Row]:
    """Pictures per second with few people and with many."""
    rows = []
    for people in PEOPLE:
        rows += hold(grouping_contest(people, settings.device), settings.repeats)
    return rows


def grouping_contest(people: int, device: str) -> Contest:
    """One picture both ways, from maps of the picture's size, with adjusting and refining."""
    codec = make_codec()
    heatmaps, tags = (one.to(device) for one in made_maps(codec, people))
    order = codec.options.joint_order
    return Contest(
        name=f"grouping {people} people at {SIDE}x{SIDE}, one core",
        unit="pictures/s",
        plain=Way("plain", lambda: group_plainly(heatmaps, tags, order), 1),
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


def made_maps(codec: GroupCodec, people: int) -> tuple[Tensor, Tensor]:
    """Heatmaps (1, K, 512, 512) and tags (1, K, 512, 512, 1) as a network gives them and the test enlarges them.

    Targets with a little noise; around each keypoint lies its person's tag, elsewhere noise around 0.
    """
    generator = torch.Generator().manual_seed(0)
    shape = (1, people, codec.num_keypoints)
    points = torch.rand(*shape, 2, generator=generator, dtype=torch.float64) * (SIDE - 1)
    visible = torch.rand(shape, generator=generator) < SEEN
    targets = codec.encode(points, visible)
    outputs = [one + NOISE * torch.randn(one.shape, generator=generator) for one in targets.heatmaps]
    tags = TAG_NOISE * torch.randn(outputs[0].shape, generator=generator)
    for person in range(people):
        alone = codec.encode(points[:, person : person + 1], visible[:, person : person + 1]).heatmaps[0]
        tags += torch.where((alone > 0) & (alone >= targets.heatmaps[0]), TAG_STEP * (person + 1), 0.0)
    return codec.combine([torch.cat([outputs[0], tags], dim=1), *outputs[1:]], size_hw=(SIDE, SIDE))

"""Rows on the network's part of a test: W32 at 256x192 with the flip test, in every runtime."""

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from lib.bench.contest import Contest, Way, hold
from lib.bench.devices import amx_target, make_network, published_config, runs_of, synchronised
from lib.bench.plain_forward import plain_forward
from lib.bench.rows import Row
from lib.bench.settings import BenchSettings
from lib.codecs import build_codec
from lib.codecs.base import Codec
from lib.config import resolve_skeleton
from lib.core.inference import forward_with_flip
from lib.core.precision import Precision
from lib.core.runtimes import RUNTIMES, make_runtime
from lib.utils.errors import PoseError

PEOPLE = 8
TARGETS = {"compile": "8x", "openvino": "11x"}
NOT_MEASURED = (float("nan"),) * 3


@dataclass(frozen=True)
class Case:
    """The work of the row.

    Attributes:
        model: the network in evaluation mode, NCHW.
        codec: of the network.
        images: (B, 3, H, W), normalised, NCHW, on the model's device.
        pairs: keypoints that change places in a mirrored image.
    """

    model: nn.Module
    codec: Codec
    images: Tensor
    pairs: Sequence[tuple[int, int]]


def forward_rows(settings: BenchSettings) -> list[Row]:
    """People per second of a test, from normalised images to averaged heatmaps."""
    cfg = published_config()
    width, height = cfg.MODEL.IMAGE_SIZE
    case = Case(
        make_network(cfg, settings.device).eval(),
        build_codec(cfg),
        torch.randn(PEOPLE, 3, height, width, generator=torch.Generator().manual_seed(0)).to(settings.device),
        resolve_skeleton(cfg).flip_pairs,
    )
    return measure_forward(f"W32 256x192 test forward with flip, batch {PEOPLE}", case, settings)


def measure_forward(name: str, case: Case, settings: BenchSettings) -> list[Row]:
    """One row per runtime and precision, and one without figures for each that cannot run here."""
    ways, skipped = [], []
    for runtime, precision in runs_of(RUNTIMES, settings.device):
        way = f"{runtime}, {precision.label}"
        try:
            ways.append(Way(way, ours(case, runtime, precision), len(case.images)))
        except PoseError as error:
            skipped.append(Row(name, f"{way}: {error}", "people/s", *NOT_MEASURED, repeats=0))
    plain = synchronised(
        lambda: plain_forward(case.model, case.images, case.pairs, shift=case.codec.shift_flipped), settings.device
    )
    rows = hold(Contest(name, "people/s", Way("plain", plain, len(case.images)), ways), settings.repeats)
    return [replace(row, target=amx_target(TARGETS, row.way, settings.device)) for row in [*rows, *skipped]]


def ours(case: Case, runtime: str, precision: Precision) -> Callable[[], object]:
    """The same work in one pass and channels last, in a runtime that is ready."""
    model = deepcopy(case.model).to(memory_format=torch.channels_last)
    images = case.images.contiguous(memory_format=torch.channels_last)
    network = make_runtime(runtime, model, torch.cat([images, images]), precision)

    @torch.no_grad()
    def run() -> Tensor:
        return forward_with_flip(network, case.codec, images, precision)

    return synchronised(run, str(precision.device))

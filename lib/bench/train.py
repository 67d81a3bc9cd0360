"""Rows on a training step: W32 at 256x192, from normalised images and keypoints to changed weights."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from lib.bench.contest import Contest, Way, hold
from lib.bench.devices import amx_target, make_network, published_config, synchronised, worthwhile
from lib.bench.plain_train import plain_step
from lib.bench.rows import Row
from lib.bench.settings import BenchSettings
from lib.codecs import build_codec
from lib.codecs.base import Codec
from lib.core.build import build_loss
from lib.core.function import LossFunction
from lib.core.optim import build_optimizer
from lib.core.precision import Precision

PEOPLE, STRIDE, SIGMA = 16, 4, 2
TARGETS = {"compile": "3.5x"}


@dataclass(frozen=True)
class Case:
    """The work of the row.

    Attributes:
        model: the network, NCHW.
        codec: an MSRA codec of stride 4 and sigma 2.
        loss: of heatmaps.
        images: (B, 3, H, W), normalised, NCHW, on the model's device.
        keypoints: input_ (x, y), (B, K, 2), float32.
        visible: (B, K), float32.
    """

    model: nn.Module
    codec: Codec
    loss: LossFunction
    images: Tensor
    keypoints: np.ndarray
    visible: np.ndarray


def train_rows(settings: BenchSettings) -> list[Row]:
    """People per second of training steps."""
    cfg = published_config()
    width, height = cfg.MODEL.IMAGE_SIZE
    rng = np.random.default_rng(0)
    case = Case(
        make_network(cfg, settings.device),
        build_codec(cfg),
        build_loss(cfg),
        torch.from_numpy(rng.standard_normal((PEOPLE, 3, height, width), dtype=np.float32)).to(settings.device),
        rng.uniform(0, (width, height), (PEOPLE, cfg.MODEL.NUM_JOINTS, 2)).astype(np.float32),
        (rng.random((PEOPLE, cfg.MODEL.NUM_JOINTS)) < 0.8).astype(np.float32),
    )
    return measure_training(f"W32 256x192 training step, batch {PEOPLE}", case, settings)


def measure_training(name: str, case: Case, settings: BenchSettings) -> list[Row]:
    """One row per way; bf16 where the hardware is faster in it."""
    ways = []
    for precision in worthwhile(settings.device):
        for compiled in (False, True):
            way = f"{'compile' if compiled else 'eager'}, {precision.label}"
            own = replace(case, model=deepcopy(case.model))
            step = synchronised(our_step(own, precision, compiled=compiled), settings.device)
            ways.append(Way(way, step, len(case.images)))
    plain = plain_step(deepcopy(case.model).train(), case.images, case.keypoints, case.visible, STRIDE, SIGMA)
    plain_way = Way("plain", synchronised(plain, settings.device), len(case.images))
    rows = hold(Contest(name, "people/s", plain_way, ways), settings.repeats)
    return [replace(row, target=amx_target(TARGETS, row.way, settings.device)) for row in rows]


def our_step(case: Case, precision: Precision, *, compiled: bool) -> Callable[[], None]:
    """A function that trains the case's model a step: channels last, targets in one batch, fused Adam."""
    model = case.model.to(memory_format=torch.channels_last).train()
    images = case.images.contiguous(memory_format=torch.channels_last)
    keypoints, visible = torch.from_numpy(case.keypoints), torch.from_numpy(case.visible)
    adam = {"weight_decay": 0.0, "adam_weight_decay": 0.0, "momentum": 0.0, "nesterov": False}
    optimizer = build_optimizer("adam", model.named_parameters(), 1e-3, **adam)  # type: ignore[arg-type]
    network = torch.compile(model, dynamic=False) if compiled else model

    def step() -> None:
        targets, weights = case.codec.encode(keypoints.to(images.device), visible.to(images.device))
        with precision.autocast():
            outputs = network(images)
        loss = torch.stack(list(case.loss(outputs, targets, weights).values())).sum()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    return step

"""Rows on the network alone, without reading, cropping or decoding: speed per batch size, size and work."""

from collections.abc import Sequence
from copy import deepcopy

import torch
from torch import nn
from yacs.config import CfgNode

from lib.bench.contest import Contest, Way, hold
from lib.bench.devices import data_sheet_peak, make_network, measured_peak, synchronised
from lib.bench.rows import Row
from lib.bench.settings import BenchSettings
from lib.core.precision import Precision, choose_precision
from lib.core.runtimes import make_runtime
from lib.utils.complexity import count_work

BATCH_SIZES = (1, 8, 32)


def network_rows(settings: BenchSettings, cfg: CfgNode, batch_sizes: Sequence[int] = BATCH_SIZES) -> list[Row]:
    """Images per second of a network as `tools/test.py` would run it, one pass, without its weights.

    Args:
        settings: device and repeats.
        cfg: any configuration; MODEL, TEST.RUNTIME, AMP and CHANNELS_LAST count.
        batch_sizes: images per pass.

    Returns:
        Parameters, multiply-adds per image, and per batch size the plain network (float32, NCHW, eager) and ours, with
        the share that its multiply-adds have of the device's peak.

    Raises:
        PoseError: the runtime is not there.
    """
    width, height = cfg.MODEL.IMAGE_SIZE
    name = f"{cfg.MODEL.NAME} {height}x{width}"
    model = make_network(cfg, settings.device).eval()
    place = torch.device(settings.device)
    precision = choose_precision(cfg.AMP, place, for_training=False, runtime=cfg.TEST.RUNTIME)
    work = count_work(model, (width, height))[0]
    macs = work.giga_multiply_adds
    rows = [
        Row.of(name, "parameters", "million", [work.parameters / 1e6]),
        Row.of(name, "multiply-adds per image", "G", [macs]),
    ]
    peak_name, peak = _peak(precision)
    for batch in batch_sizes:
        measured = hold(_contest(f"{name}, batch {batch}", cfg, model, batch, precision), settings.repeats)
        ours = measured[-1]
        middle, low, high = (100 * 2 * macs * rate / peak for rate in (ours.median, ours.low, ours.high))
        share = Row(ours.name, f"{ours.way}, of {peak_name}", "%", middle, low, high, repeats=settings.repeats)
        rows += [*measured, share]
    return rows


def _contest(name: str, cfg: CfgNode, model: nn.Module, batch: int, precision: Precision) -> Contest:
    width, height = cfg.MODEL.IMAGE_SIZE
    plain_images = torch.randn(batch, 3, height, width, device=precision.device)
    memory = torch.channels_last if cfg.CHANNELS_LAST else torch.contiguous_format
    images = plain_images.contiguous(memory_format=memory)
    network = make_runtime(cfg.TEST.RUNTIME, deepcopy(model).to(memory_format=memory), images, precision)
    device = str(precision.device)

    @torch.no_grad()
    def plain() -> object:
        return model(plain_images)

    @torch.no_grad()
    def ours() -> object:
        with precision.autocast():
            return network(images)

    way = f"{cfg.TEST.RUNTIME}, {precision.label}"
    ways = [Way(way, synchronised(ours, device), batch)]
    return Contest(name, "images/s", Way("plain", synchronised(plain, device), batch), ways)


def _peak(precision: Precision) -> tuple[str, float]:
    """What 100 % are, and as Gflop/s: the data sheet's where the GPU is known, else that of large products."""
    is_bf16 = precision.name == "bf16"
    if precision.device.type == "cuda":
        gpu = torch.cuda.get_device_name(precision.device)
        known = data_sheet_peak(gpu, bf16=is_bf16)
        if known is not None:
            return f"the {gpu}'s {known / 1000:g} Tflop/s", known
    found = measured_peak(str(precision.device), bf16=is_bf16)
    return f"{found:.0f} Gflop/s in large products", found

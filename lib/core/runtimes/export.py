"""A network as a graph that other engines read."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

IMAGES, HEATMAPS = "images", "heatmaps"


@torch.no_grad()
def export_network(model: nn.Module, example: Tensor) -> Any:
    """The graph of a network for any batch size (a torch.export.ExportedProgram).

    Args:
        model: in evaluation mode.
        example: (B, 3, H, W); H and W are fixed by it.
    """
    # An example of one image would make the batch a constant.
    example = torch.zeros((2, *example.shape[1:]), device=example.device)
    with quiet():
        return torch.export.export(model, (example,), dynamic_shapes=({0: torch.export.Dim("batch")},))


@contextmanager
def quiet() -> Iterator[None]:
    """Keep exporters from telling users of this project how they might be programmed better."""
    loggers = [logging.getLogger(name) for name in ("torch.export", "torch.onnx", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)

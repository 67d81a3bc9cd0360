"""A network as a graph that other engines read."""

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from lib.utils.errors import PoseError

IMAGES, HEATMAPS = "images", "heatmaps"


@torch.no_grad()
def export_network(model: nn.Module, example: Tensor, batch: int | None = None) -> Any:
    """The graph of a network (a torch.export.ExportedProgram).

    Args:
        model: in evaluation mode.
        example: (B, ...), of the type of the inputs to come; all but B is fixed by it.
        batch: the only batch size; None for any.
    """
    # An example of one image would make the batch a constant.
    example = example.new_zeros((batch or 2, *example.shape[1:]))
    sizes = None if batch else ({0: torch.export.Dim("batch")},)
    with quiet():
        return torch.export.export(model, (example,), dynamic_shapes=sizes)


def onnx_model(
    model: nn.Module,
    example: Tensor,
    outputs: Sequence[str] = (HEATMAPS,),
    *,
    batch: int | None = None,
    opset: int | None = None,
) -> Any:
    """A network in ONNX (an onnx.ModelProto): input "images" (batch, ...) and the named outputs.

    Args:
        model, example, batch: as for `export_network`.
        outputs: their names.
        opset: version of ONNX's operations; None for the exporter's own.

    Raises:
        PoseError: the exporter gave nothing.
    """
    # Attention in plain operations: PyTorch's fused kernel with a bias leaves its result in a memory order that ONNX's
    # graph has not, and the export fails.
    with quiet(), sdpa_kernel(SDPBackend.MATH):
        program = torch.onnx.export(
            export_network(model, example, batch),
            (),
            input_names=[IMAGES],
            output_names=list(outputs),
            opset_version=opset,
            verbose=False,
        )
    if program is None:
        raise PoseError("PyTorch did not export the network to ONNX; update the packages onnx and onnxscript.")
    return program.model_proto


def openvino_model(model: nn.Module, example: Tensor, batch: int | None = None) -> Any:
    """A network in OpenVINO (an openvino.Model); arguments as for `export_network`."""
    import openvino

    with quiet():
        graph = openvino.convert_model(export_network(model, example, batch))
    graph.reshape([batch or -1, *example.shape[1:]])
    return graph


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

"""PyTorch's own compiler."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lib.core.precision import Precision
from lib.utils.errors import PoseError

# The weights become constants, so that BatchNorm is folded into the convolutions before it and weights are stored as
# the CPU's convolutions like them.
CPU_OPTIONS: dict[str, Any] = {"options": {"freezing": True}}
# Kernel launches are recorded once and replayed together: an HRNet has a thousand small ones.
CUDA_OPTIONS: dict[str, Any] = {"mode": "reduce-overhead"}


@contextmanager
def naming_compiler_errors(remedy: str) -> Iterator[None]:
    """Turn the compiler's errors into one sentence that ends with a remedy.

    Raises:
        PoseError: the compiler fails.
    """
    try:
        yield
    except torch._dynamo.exc.TorchDynamoException as error:
        raise PoseError(
            f"torch.compile fails on this machine ({' '.join(str(error).split())[:300]}); {remedy}."
        ) from error


class CompiledNetwork(nn.Module):
    """A network compiled by torch.compile for one batch size; batches are cut and filled up to it.

    Another size would be compiled anew, for minutes, while the empty part of a last batch costs less than a batch.

    Args:
        model: the network, in evaluation mode.
        example: (B, 3, H, W); B is the batch size.
        precision: of the arithmetic. Calls happen in its autocast context, too.

    Raises:
        PoseError: the compiler fails.
    """

    def __init__(self, model: nn.Module, example: Tensor, precision: Precision) -> None:
        super().__init__()
        self._size = len(example)
        self._is_recorded = example.device.type == "cuda"
        options = CUDA_OPTIONS if self._is_recorded else CPU_OPTIONS
        self._network = torch.compile(model, dynamic=False, **options)
        with naming_compiler_errors("leave TEST.RUNTIME at eager"), precision.autocast():
            self(torch.zeros_like(example))

    @torch.no_grad()
    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) to heatmaps (B, C, h, w)."""
        parts = [self._run(part) for part in images.split(self._size)]
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def _run(self, images: Tensor) -> Tensor:
        count = len(images)
        if count < self._size:
            images = F.pad(images, (0, 0) * 3 + (0, self._size - count))
        if not self._is_recorded:
            return self._network(images)[:count]
        # A replay writes its result where the last one's was.
        torch.compiler.cudagraph_mark_step_begin()
        return self._network(images)[:count].clone()

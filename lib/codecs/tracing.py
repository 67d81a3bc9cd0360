"""Forms of a few operations that torch.export can put in a graph and that every engine computes alike."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

_forced: list[bool] = []


def is_traced() -> bool:
    """Whether torch.export or torch.compile is making a graph of the code that runs."""
    return bool(_forced) or torch.compiler.is_compiling()


@contextmanager
def graph_forms() -> Iterator[None]:
    """Compute as in a graph: fills the caches of constants that a trace will read, and lets tests compare the forms.

    A constant that comes into being within a trace is no number and must not be kept.
    """
    _forced.append(True)
    try:
        yield
    finally:
        _forced.pop()


def first_true(mask: Tensor) -> Tensor:
    """The first true entry along the last dimension, 0 where there is none, (..., N) bool to (...) int64."""
    if not is_traced():
        return mask.to(torch.uint8).argmax(dim=-1)
    # Which of several equal values an engine's arg-max names is its own choice; and some cannot compare bytes.
    length = mask.shape[-1]
    places = torch.arange(length, device=mask.device)
    return torch.where(mask, places, length).amin(dim=-1) % length


def solve_positive(matrices: Tensor, right_sides: Tensor) -> Tensor:
    """The x of A x = b for small symmetric positive definite matrices.

    Args:
        matrices: A, (..., N, N), float64.
        right_sides: b, (..., N), float64.

    Returns:
        (..., N); NaN where A or b have NaN.
    """
    if not is_traced():
        return torch.linalg.solve_ex(matrices, right_sides).result
    # Elimination step by step: ONNX has no operation for it. Such matrices need no exchange of rows.
    count = matrices.shape[-1]
    rows = list(torch.cat([matrices, right_sides[..., None]], dim=-1).unbind(dim=-2))
    for step in range(count):
        rows[step] = rows[step] / rows[step][..., step : step + 1]
        for other in range(count):
            if other != step:
                rows[other] = rows[other] - rows[step] * rows[other][..., step : step + 1]
    return torch.stack([row[..., -1] for row in rows], dim=-1)

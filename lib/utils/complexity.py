"""Parameters and multiply-adds of a network and of its modules."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

# PyTorch counts a multiplication and an addition as two operations.
OPERATIONS_PER_MULTIPLY_ADD = 2
# What the tables of the HRNet and Simple Baselines papers call a billion.
PUBLISHED_BILLION = 2**30


@dataclass(frozen=True)
class ModuleWork:
    """What one image costs in a module.

    Attributes:
        name: dotted name; '' for the whole network.
        parameters: trained numbers in it; BatchNorm's statistics are not among them.
        multiply_adds: of convolutions, linear layers and attention; a transposed convolution visits each input pixel.
        published_multiply_adds: the same by the counter of the published tables, which charges a transposed
            convolution as if it visited each output pixel.
    """

    name: str
    parameters: int
    multiply_adds: int
    published_multiply_adds: int

    @property
    def giga_multiply_adds(self) -> float:
        """Multiply-adds in units of 1e9."""
        return self.multiply_adds / 1e9

    @property
    def published_gflops(self) -> float:
        """The figure that the published tables would give: their counter, in units of 2^30.

        Source: HRNet lib/utils/utils.py, get_model_summary; the tables of the HRNet and Simple Baselines papers.
        """
        return self.published_multiply_adds / PUBLISHED_BILLION


@torch.no_grad()
def count_work(model: nn.Module, size_wh: tuple[int, int]) -> list[ModuleWork]:
    """Count what one image costs, module by module.

    Args:
        model: the network on any device; on "meta" nothing is computed. It is left as it is.
        size_wh: width and height of the image, pixels.

    Returns:
        The whole network first, then every module with parameters in the order of their names' first appearance.
    """
    image = torch.zeros(1, 3, size_wh[1], size_wh[0], device=next(model.parameters()).device)
    extra: dict[str, int] = {}
    counter = FlopCounterMode(display=False)
    with _evaluating(model), _charging_outputs(model, extra), counter:
        model(image)
    counts = {name: sum(operations.values()) for name, operations in counter.get_flop_counts().items()}
    counts[type(model).__name__] = counts.get("Global", 0)
    found = []
    for name, module in model.named_modules():
        if not any(True for _ in module.parameters()):
            continue
        operations = _operations(counts, module, f"{type(model).__name__}.{name}".rstrip("."))
        true = operations // OPERATIONS_PER_MULTIPLY_ADD
        charged = sum(value for owner, value in extra.items() if not name or _is_inside(owner, name))
        parameters = sum(parameter.numel() for parameter in module.parameters())
        found.append(ModuleWork(name, parameters, true, true + charged))
    return found


def _operations(counts: Mapping[str, int], module: nn.Module, name: str) -> int:
    """Of a module or, where it is a list that is never called itself, of those in it."""
    if name in counts:
        return counts[name]
    return sum(_operations(counts, child, f"{name}.{own}") for own, child in module.named_children())


def _is_inside(name: str, module: str) -> bool:
    return name == module or name.startswith(f"{module}.")


@contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    """Evaluation mode for a while: no drop path, and BatchNorm's statistics stay."""
    was_training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(was_training)


@contextmanager
def _charging_outputs(model: nn.Module, extra: dict[str, int]) -> Iterator[None]:
    """Note what the published counter adds for each transposed convolution, by its name."""
    with ExitStack() as stack:
        for name, module in model.named_modules():
            if isinstance(module, nn.ConvTranspose2d):
                handle = module.register_forward_hook(_Charge(name, extra))
                stack.callback(handle.remove)
        yield


@dataclass(frozen=True)
class _Charge:
    """A forward hook of a transposed convolution."""

    name: str
    extra: dict[str, int]

    def __call__(self, module: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        weights = module.in_channels * module.out_channels // module.groups * prod(module.kernel_size)
        pixels = output.shape[-2:].numel() - inputs[0].shape[-2:].numel()
        self.extra[self.name] = self.extra.get(self.name, 0) + weights * pixels

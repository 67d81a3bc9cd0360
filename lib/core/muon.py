"""Muon: steps whose directions are orthogonal matrices, for fewer steps to the same loss.

Source: Jordan and others, "Muon: an optimizer for hidden layers in neural networks" (2024); the common learning rate of
matrices and vectors is from Liu and others, "Muon is scalable for LLM training" (2025).
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn, optim

# Coefficients of X <- (a I + b A + c A A) X with A = X X^T. Five rounds bring singular values between 0.003 and 1 into
# 0.68..1.21, which serves as well as 1 and is faster. Source: the publication.
_ROUNDS, _COEFFICIENTS = 5, (3.4445, -4.7750, 2.0315)

# The root mean square of an Adam step is about this part of its learning rate. Source: Liu and others.
_ADAM_RMS = 0.2
_EPSILON = 1e-8


class Muon(optim.Optimizer):
    """Momentum made orthogonal for weights of two or more dimensions, Adam for all other parameters.

    Both have steps of the same size at the same learning rate, so a rate found for Adam is a good start. The source
    leaves a network's first and last layers to Adam; here they are matrices like all others.

    Args:
        parameters: what to optimise, or groups of that as torch's optimisers take them. A weight counts as a matrix
            whose rows are its first dimension.
        lr: learning rate of all.
        momentum: part of the old momentum that a step keeps, for matrices; Nesterov's form is used.
        betas: for the others, as in Adam.
        weight_decay: decoupled, times the learning rate, on matrices only.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter] | Iterable[dict[str, Any]],
        lr: float,
        momentum: float = 0.9,
        betas: tuple[float, float] = (0.9, 0.999),
        weight_decay: float = 0.0,
    ) -> None:
        every = list(parameters)
        given = [one for one in every if isinstance(one, dict)] or [{"params": every}]
        parts = [part for group in given for part in _matrices_and_vectors(group)]
        defaults = {"lr": lr, "momentum": momentum, "betas": betas, "weight_decay": weight_decay}
        super().__init__(parts, defaults)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Change the parameters that have gradients, in place."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            parameters = [parameter for parameter in group["params"] if parameter.grad is not None]
            if group["orthogonal"]:
                self._step_matrices(parameters, group)
            elif parameters:
                self._step_vectors(parameters, group)
        return loss

    def _step_matrices(self, parameters: list[Tensor], group: dict[str, Any]) -> None:
        # Weights of one shape are one batch: small matrices cost more in calls than in arithmetic.
        for same in _by_shape(parameters).values():
            momenta = [self._state(parameter, "momentum") for parameter in same]
            gradients = [_gradient(parameter) for parameter in same]
            torch._foreach_lerp_(momenta, gradients, 1 - group["momentum"])
            ahead = torch._foreach_lerp(gradients, momenta, group["momentum"])
            directions = orthogonalize(torch.stack([matrix.flatten(1) for matrix in ahead]))
            rate = group["lr"] * _ADAM_RMS * max(directions.shape[1:]) ** 0.5
            torch._foreach_mul_(same, 1 - group["lr"] * group["weight_decay"])
            torch._foreach_add_(same, [one.view_as(same[0]) for one in directions.unbind()], alpha=-rate)

    def _step_vectors(self, parameters: list[Tensor], group: dict[str, Any]) -> None:
        first, second = group["betas"]
        counts = [self.state[parameter].get("steps", 0) + 1 for parameter in parameters]
        means = [self._state(parameter, "mean") for parameter in parameters]
        squares = [self._state(parameter, "square") for parameter in parameters]
        gradients = [_gradient(parameter) for parameter in parameters]
        torch._foreach_lerp_(means, gradients, 1 - first)
        torch._foreach_mul_(squares, second)
        torch._foreach_addcmul_(squares, gradients, gradients, 1 - second)
        roots = torch._foreach_sqrt(torch._foreach_div(squares, [1 - second**count for count in counts]))
        torch._foreach_add_(roots, _EPSILON)
        torch._foreach_addcdiv_(parameters, means, roots, [-group["lr"] / (1 - first**count) for count in counts])
        for parameter, count in zip(parameters, counts, strict=True):
            self.state[parameter]["steps"] = count

    def _state(self, parameter: Tensor, name: str) -> Tensor:
        state = self.state[parameter]
        if name not in state:
            state[name] = torch.zeros_like(parameter)
        return state[name]


def orthogonalize(matrices: Tensor) -> Tensor:
    """Bring all singular values near 1 and leave the singular vectors, by Newton-Schulz rounds.

    Args:
        matrices: (N, rows, columns), float32.

    Returns:
        The same shape; singular values that are at least 0.003 of the Frobenius norm become 0.68..1.21.

    The rounds run on X X^T, the smaller square, which gives the same product for less than half of the arithmetic.
    """
    if matrices.shape[1] > matrices.shape[2]:
        return orthogonalize(matrices.mT).mT
    scaled = matrices / (matrices.norm(dim=(1, 2), keepdim=True) + _EPSILON)
    a, b, c = _COEFFICIENTS
    square = scaled @ scaled.mT
    identity = torch.eye(square.shape[1], dtype=square.dtype, device=square.device)
    product = polynomial = torch.baddbmm(a * identity + b * square, square, square, alpha=c)
    for _ in range(_ROUNDS - 1):
        square = polynomial @ square @ polynomial
        polynomial = torch.baddbmm(a * identity + b * square, square, square, alpha=c)
        product = polynomial @ product
    return product @ scaled


def _matrices_and_vectors(group: dict[str, Any]) -> list[dict[str, Any]]:
    """A group of parameters in two, each with the options of the whole; what is empty is left out."""
    matrices = [parameter for parameter in group["params"] if parameter.ndim > 1]
    vectors = [parameter for parameter in group["params"] if parameter.ndim <= 1]
    parts = [{**group, "params": matrices, "orthogonal": True}, {**group, "params": vectors, "orthogonal": False}]
    return [part for part in parts if part["params"]]


def _by_shape(parameters: list[Tensor]) -> dict[torch.Size, list[Tensor]]:
    found: dict[torch.Size, list[Tensor]] = {}
    for parameter in parameters:
        found.setdefault(parameter.shape, []).append(parameter)
    return found


def _gradient(parameter: Tensor) -> Tensor:
    assert parameter.grad is not None
    return parameter.grad

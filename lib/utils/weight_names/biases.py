"""Biases of convolutions that BatchNorm follows: the RSN of its own repository has them, mmpose's has not.

BatchNorm subtracts the mean of what it is given, so a bias b before it does what a running mean less b does.
"""

from collections.abc import Collection, Iterable, Mapping

import torch
from torch import Tensor

BIAS, WEIGHT, MEAN = ".conv.bias", ".conv.weight", ".bn.running_mean"


def normed_biases(names: Collection[str]) -> list[str]:
    """Names of the biases of convolutions that a BatchNorm follows."""
    return [name for name in names if name.endswith(BIAS) and mean_of(name) in names]


def mean_of(bias: str) -> str:
    """Name of the running mean that a bias shifts."""
    return bias.removesuffix(BIAS) + MEAN


def zero_biases(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The biases, all 0, that the convolutions before a BatchNorm lack.

    Args:
        weights: entries of a network under our names; they are not changed.

    Returns:
        Name of each bias and its value, (channels,).
    """
    modules = [name.removesuffix(MEAN) for name in weights if name.endswith(MEAN)]
    return {
        module + BIAS: weights[module + WEIGHT].new_zeros(len(weights[module + WEIGHT]))
        for module in modules
        if module + WEIGHT in weights and module + BIAS not in weights
    }


def fold_biases(weights: Mapping[str, Tensor], biases: Iterable[str]) -> dict[str, Tensor]:
    """The entries without the given biases, whose work the running means take over; evaluation gives the same outputs.

    Args:
        weights: entries of a network under our names; they are not changed.
        biases: from `normed_biases`.
    """
    folded = dict(weights)
    for bias in biases:
        mean, shift = weights[mean_of(bias)], folded.pop(bias)
        exact = torch.promote_types(mean.dtype, torch.float32)
        folded[mean_of(bias)] = (mean.double() - shift.double()).to(exact) if mean.shape == shift.shape else mean
    return folded

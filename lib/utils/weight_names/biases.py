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
        if mean.shape == shift.shape and bool(shift.any()):
            exact = torch.promote_types(mean.dtype, torch.float32)
            folded[mean_of(bias)] = (mean.double() - shift.double()).to(exact)
    return folded


def folded_entries(weights: Mapping[str, Tensor], biases: Collection[str]) -> dict[str, Tensor]:
    """What `fold_biases` changes, as it was: to be kept for `unfold_biases`; empty where all biases are 0."""
    if not any(bool(weights[bias].any()) for bias in biases):
        return {}
    return {name: weights[name] for bias in biases for name in (bias, mean_of(bias))}


def unfold_biases(weights: Mapping[str, Tensor], kept: Mapping[str, Tensor]) -> dict[str, Tensor] | None:
    """The entries as they were before `fold_biases`.

    Args:
        weights: entries of a network under our names; they are not changed.
        kept: from `folded_entries`.

    Returns:
        None where the running means are no longer those that `kept` was folded into.
    """
    unfolded = {**weights, **kept}
    again = fold_biases(unfolded, [name for name in kept if name.endswith(BIAS) and mean_of(name) in kept])
    same = again.keys() == weights.keys() and all(torch.equal(again[name], weights[name]) for name in weights)
    return unfolded if same else None

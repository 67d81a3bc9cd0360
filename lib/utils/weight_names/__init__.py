"""Naming schemes of published weights: recognised, mapped to our names and back, and described in words.

Our names are those of the original publications without wrappers. One file per family maps mmpose's to them.
"""

from lib.utils.weight_names.biases import fold_biases, normed_biases, zero_biases
from lib.utils.weight_names.describe import describe_network, wide_fusion_prefix
from lib.utils.weight_names.published import find_weights, to_own_names
from lib.utils.weight_names.writing import ORIGINAL, TARGETS, to_scheme

__all__ = [
    "ORIGINAL",
    "TARGETS",
    "describe_network",
    "find_weights",
    "fold_biases",
    "normed_biases",
    "to_own_names",
    "to_scheme",
    "wide_fusion_prefix",
    "zero_biases",
]

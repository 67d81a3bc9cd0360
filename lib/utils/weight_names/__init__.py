"""Naming schemes of published weights: recognised, mapped to our names and back, and described in words.

Our names are those of the original publications without wrappers. One file per family maps mmpose's to them.
"""

from lib.utils.weight_names.biases import (
    fold_biases,
    folded_entries,
    normed_biases,
    unfold_biases,
    zero_biases,
)
from lib.utils.weight_names.describe import OTHER_NETWORK, describe_network, wide_fusion_prefix
from lib.utils.weight_names.hrformer import is_split
from lib.utils.weight_names.published import CONTAINERS, find_weights, to_own_names
from lib.utils.weight_names.rsn import is_rsn
from lib.utils.weight_names.writing import ORIGINAL, TARGETS, to_scheme

__all__ = [
    "CONTAINERS",
    "ORIGINAL",
    "OTHER_NETWORK",
    "TARGETS",
    "describe_network",
    "find_weights",
    "fold_biases",
    "folded_entries",
    "is_rsn",
    "is_split",
    "normed_biases",
    "to_own_names",
    "to_scheme",
    "unfold_biases",
    "wide_fusion_prefix",
    "zero_biases",
]

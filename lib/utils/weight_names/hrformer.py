"""Names of HRFormer in its own repository and in mmpose, which computes queries, keys and values in one layer.

The joined layer's rows are those of the query, the key and the value layer, one after the other. Sources:
HRNet/HRFormer pose/mmpose/models/backbones/modules/multihead_isa_attention.py; mmpose
mmpose/models/backbones/hrformer.py. In both the table's index is the same.
"""

import re
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from lib.utils.errors import PoseError

PROJECTIONS = ("q_proj", "k_proj", "v_proj")
JOINED = re.compile(r"(.+\.attn\.attn)\.qkv\.(weight|bias)")
QUERY = re.compile(r"(.+\.attn\.attn)\.q_proj\.(weight|bias)")
BLOCK_NAMES = ((".attn.attn.proj.", ".attn.attn.out_proj."), (".ffn.", ".mlp."))


def is_joined(names: Iterable[str]) -> bool:
    """Whether names are of an HRFormer whose queries, keys and values are in one layer."""
    return any(JOINED.fullmatch(name) for name in names)


def is_split(names: Iterable[str]) -> bool:
    """Whether names are of an HRFormer with one layer each for queries, keys and values."""
    return any(QUERY.fullmatch(name) for name in names)


def split_projections(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """mmpose's entries, without its parts' prefixes, under our names."""
    own: dict[str, Tensor] = {}
    for name, value in weights.items():
        match = JOINED.fullmatch(name)
        if match and value.ndim > 0:
            parts = value.tensor_split(len(PROJECTIONS))
            own |= {f"{match[1]}.{part}.{match[2]}": rows for part, rows in zip(PROJECTIONS, parts, strict=True)}
        else:
            own[_renamed(name)] = value
    return own


def join_projections(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Our entries under mmpose's names, without its parts' prefixes.

    Raises:
        PoseError: a layer lacks one of its three parts.
    """
    theirs: dict[str, Tensor] = {}
    for name, value in weights.items():
        if match := QUERY.fullmatch(name):
            parts = [f"{match[1]}.{part}.{match[2]}" for part in PROJECTIONS]
            if lacking := [part for part in parts if part not in weights]:
                raise PoseError(f"the weights lack {lacking[0]}, so they are not complete; fetch or save them again.")
            theirs[f"{match[1]}.qkv.{match[2]}"] = torch.cat([weights[part] for part in parts])
        elif not any(f".{part}." in name for part in PROJECTIONS):
            theirs[_renamed(name, backwards=True)] = value
    return theirs


def _renamed(name: str, *, backwards: bool = False) -> str:
    for theirs, own in BLOCK_NAMES:
        old, new = (own, theirs) if backwards else (theirs, own)
        name = name.replace(old, new)
    return name

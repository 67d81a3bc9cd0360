"""Which of a file's weights go where in a network, and whether that is enough."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor

from lib.utils.errors import PoseError
from lib.utils.weight_names import describe_network, fold_biases, normed_biases, wide_fusion_prefix, zero_biases

# Below this part of the backbone's entries a file belongs to another network.
LEAST_COVERAGE = 0.95
# Counter of BatchNorm that files made before PyTorch 0.4.1 lack; nothing here depends on it.
COUNTER = "num_batches_tracked"
# A table that follows from the window's size, and which every network makes for itself.
RECOMPUTED = "relative_position_index"
# What is cut from a layer's name to name its block.
INSIDE_BLOCK = re.compile(r"(\.conv1|(\.conv_bn_relu1)?\.conv|\.attn\.attn\..+)?\.weight")
# Networks for classification have more outputs in their last fusion, which nothing in a pose network reads.
FUSION = ".fuse_layers."
OFFSET_FACTOR = 3


@dataclass
class Match:
    """A file's weights set against a network's.

    Attributes:
        own: all entries of the network.
        weights: all entries of the file, under the network's names.
        head_names: modules that depend on the keypoint set: names on any level, as a network may have several.
        loaded: entries of the file that fit.
        missing: entries of the network that the file lacks, counters left out.
        differing: entries of both whose shapes differ.
        backbone_size: entries of the network outside its head that were looked for, counters left out.
        reinitialised: modules that keep their initial values on purpose, each with the reason.
        adapted: what was changed in `weights` without changing what the network computes, one line each.
    """

    own: Mapping[str, Tensor]
    weights: Mapping[str, Tensor]
    head_names: tuple[str, ...]
    loaded: dict[str, Tensor] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    differing: list[str] = field(default_factory=list)
    backbone_size: int = 0
    reinitialised: dict[str, str] = field(default_factory=dict)
    adapted: list[str] = field(default_factory=list)

    def in_head(self, name: str) -> bool:
        """Whether an entry belongs to a module that depends on the keypoint set."""
        return any(_is_inside(name, module) for module in self.head_names)

    @property
    def coverage(self) -> float:
        """Loaded part of the backbone's entries."""
        return self.count_backbone(self.loaded) / self.backbone_size if self.backbone_size else 1.0

    def count_backbone(self, names: Collection[str]) -> int:
        """How many of the entries are outside the head, counters left out."""
        return sum(not (self.in_head(name) or name.endswith(COUNTER)) for name in names)

    def drop(self, module: str, reason: str) -> None:
        """Leave a module, or all of that name, at its initial values."""
        self.loaded = {name: value for name, value in self.loaded.items() if not _is_inside(name, module)}
        self.missing = [name for name in self.missing if not _is_inside(name, module)]
        self.differing = [name for name in self.differing if not _is_inside(name, module)]
        self.reinitialised.setdefault(module, reason)

    def drop_head(self, reason: str) -> None:
        """Leave the head's last layers, whose channels are the keypoints, at their initial values."""
        last = self.head_names[-1].split(".")[-1]
        for module in self.head_names:
            if module.split(".")[-1] == last:
                self.drop(module, reason)


def _is_inside(name: str, module: str) -> bool:
    """Whether an entry lies in a module, given by its path or by the name it has anywhere in the network."""
    return f".{module}." in f".{name}"


def match_weights(
    own: Mapping[str, Tensor],
    weights: Mapping[str, Tensor],
    head_names: tuple[str, ...],
    *,
    layers: Collection[str] | None,
    keep_fusion: bool,
) -> Match:
    """Compare a file's entries with a network's.

    Args:
        own: the network's entries.
        weights: the file's entries under the network's names.
        head_names: modules that depend on the keypoint set, the one with the keypoints' channels last.
        layers: look only for names whose first part is among these; None for all.
        keep_fusion: do not look for UDP-Pose's widened fusion where the file has none.
    """
    weights, adapted = _adapt_biases(weights, own)
    fusion = wide_fusion_prefix(own)
    skipped = fusion if keep_fusion and not wide_fusion_prefix(weights) else ""
    wanted = {name: value for name, value in own.items() if layers is None or name.split(".")[0] in layers}
    match = Match(own=own, weights=weights, head_names=head_names, adapted=adapted)
    for layer in dict.fromkeys(name.split(".")[0] for name in own if name not in wanted):
        match.reinitialised[layer] = "it is not among the layers to load"
    if skipped:
        wanted = {name: value for name, value in wanted.items() if not name.startswith(skipped)}
        match.reinitialised[skipped.rstrip(".")] = "the file has the plain fusion, the network the wide one"
    wanted = {name: value for name, value in wanted.items() if not name.endswith(RECOMPUTED)}
    for name, value in wanted.items():
        if name not in weights:
            match.missing += [] if name.endswith(COUNTER) else [name]
        elif weights[name].shape != value.shape:
            match.differing.append(name)
        else:
            match.loaded[name] = weights[name]
    match.backbone_size = match.count_backbone(wanted)
    return match


def _adapt_biases(weights: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> tuple[Mapping[str, Tensor], list[str]]:
    """Give or take the biases before BatchNorm, as the network has them; and what was done, in words."""
    theirs, ours = normed_biases(weights), normed_biases(own)
    surplus = [name for name in theirs if name not in own and name.removesuffix("bias") + "weight" in own]
    if surplus and not ours:
        line = f"{len(surplus)} biases, which the network has not, were taken off BatchNorm's running means"
        return fold_biases(weights, surplus), [line]
    added = {} if theirs else {name: value for name, value in zero_biases(weights).items() if name in own}
    if added:
        return {**weights, **added}, [f"{len(added)} biases before BatchNorm, which the file has not, are 0"]
    return weights, []


def check_backbone(match: Match, path: Path, *, complete: bool) -> None:
    """Refuse a file that belongs to another network.

    Args:
        match: the file's entries against the network's.
        path: the file, named in errors.
        complete: every convolution and linear layer of the network must be in the file.

    Raises:
        PoseError: too little of the backbone fits, an entry has another shape, or the file's network has more layers;
            both networks are named.
    """
    differing = [name for name in match.differing if not match.in_head(name)]
    extra_blocks = _extra_blocks(match)
    missing = [name for name in match.missing if not match.in_head(name)]
    lacks_layers = complete and any(_is_layer(name, match.own[name]) for name in missing)
    if match.coverage >= LEAST_COVERAGE and not (differing or extra_blocks or lacks_layers):
        return
    theirs, ours = describe_network(match.weights), describe_network(match.own)
    wide = bool(wide_fusion_prefix(match.weights))
    if wide != bool(wide_fusion_prefix(match.own)) and theirs.split()[0] == ours.split()[0]:
        raise PoseError(
            f"checkpoint {path} holds {theirs}, but the network is {ours}; set MODEL.WIDE_FUSION {wide} for this file."
        )
    raise PoseError(
        f"checkpoint {path} holds {theirs}, but the network is {ours}: {match.coverage:.1%} of the backbone's entries "
        f"fit ({_first_difference(match, differing, missing, extra_blocks)}); use the config that it was trained with "
        "(MODEL.NAME, MODEL.EXTRA) or other weights."
    )


def _extra_blocks(match: Match) -> list[str]:
    """Blocks and layers of the file that the network lacks, in modules that are to be loaded.

    Without them the others compute something else: ResNet-101 holds all entries of ResNet-50, and an RSN of three
    stages those of one with two. Modules of another kind behind the network may be too many: a classifier.
    """
    known = {name.split(".")[0] for name in match.own}
    wanted = known - match.reinitialised.keys()
    numbered = {_unnumbered(module) for module in wanted if module[-1].isdigit()}
    extra = []
    for name, value in match.weights.items():
        module = name.split(".")[0]
        of_network = module in wanted or (module not in known and _unnumbered(module) in numbered)
        if of_network and name not in match.own and _is_layer(name, value) and not match.in_head(name):
            extra += [] if FUSION in name else [INSIDE_BLOCK.sub("", name)]
    return extra


def _unnumbered(module: str) -> str:
    return module.rstrip("0123456789")


def _is_layer(name: str, value: Tensor) -> bool:
    """Whether an entry is the weight of a convolution or linear layer."""
    return name.endswith(".weight") and value.ndim > 1


def _first_difference(match: Match, differing: list[str], missing: list[str], extra_blocks: list[str]) -> str:
    if differing:
        name = differing[0]
        shapes = [list(weights[name].shape) for weights in (match.weights, match.own)]
        return f"{name} is {shapes[0]} in the file and {shapes[1]} in the network"
    if missing:
        return f"{missing[0]} is not in the file"
    return f"the network has no block {extra_blocks[0]}"


def check_head(match: Match, path: Path, *, allow_new_head: bool) -> None:
    """Decide about a head that is absent or has other channels: it keeps its initial values, or the file is refused.

    Raises:
        PoseError: the head is one for the other kind of heatmaps, or a new head is not allowed.
    """
    for module in match.head_names:
        reason = _head_difference(match, module, path)
        if reason:
            match.drop(module, reason)
    if match.reinitialised and not allow_new_head:
        module, reason = next(iter(match.reinitialised.items()))
        theirs, ours = describe_network(match.weights), describe_network(match.own)
        both = "" if theirs == ours else f" (it holds {theirs}, and the network is {ours})"
        raise PoseError(
            f"checkpoint {path} has no usable {module}, because {reason}{both}; give weights that were trained for "
            "this network, or fine-tune from these with tools/train.py --load-from."
        )


def _head_difference(match: Match, module: str, path: Path) -> str:
    """Why a module of the head cannot be taken from the file; '' where it can."""
    wanting = [name for name in (*match.missing, *match.differing) if _is_inside(name, module)]
    if module in match.reinitialised or not wanting:
        return ""
    for name in match.differing:
        if _is_inside(name, module):
            theirs, ours = match.weights[name].shape, match.own[name].shape
            if theirs[1:] != ours[1:]:
                return f"{name} is {list(theirs)} in the file and {list(ours)} in the network"
            _check_target_type(theirs[0], ours[0], path)
            return f"the file has {theirs[0]} channels and the network {ours[0]}"
    partly = any(_is_inside(name, module) for name in match.loaded)
    return "the file does not have all of it" if partly else "the file has none"


def _check_target_type(theirs: int, ours: int, path: Path) -> None:
    """A head with three times the channels is one for offset targets rather than for other keypoints."""
    if theirs == OFFSET_FACTOR * ours:
        file, network, setting = "offset", "gaussian", "offset"
    elif ours == OFFSET_FACTOR * theirs:
        file, network, setting = "gaussian", "offset", "gaussian"
    else:
        return
    raise PoseError(
        f"checkpoint {path} has {theirs} channels for {file} targets, but the network has {ours} for {network} "
        f"targets; set MODEL.TARGET_TYPE {setting} for this file."
    )

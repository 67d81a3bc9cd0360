"""Load the weights of any published file into a network, and write checkpoints of our own."""

import logging
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
import yaml
from torch import Tensor, nn

from lib.utils.errors import PoseError
from lib.utils.files import atomic_path
from lib.utils.safe_load import read_checkpoint
from lib.utils.weight_matching import RECOMPUTED, Match, check_backbone, check_head, match_weights
from lib.utils.weight_names import describe_network, find_weights, to_own_names
from lib.utils.weight_report import Metadata, WeightReport

logger = logging.getLogger(__name__)

FORMAT = "plumbpose"
VERSION = 1
OWN_SCHEME = "PlumbPose"
# In converted files: the scheme of the program that trained the weights.
ORIGIN = "converted_from"
# MODEL.EXTRA.WITH_RPE of an HRFormer -> the scheme whose program computes the same.
HRFORMERS = {True: "mmpose 0.x", False: "HRFormer"}


class KeypointSet(Protocol):
    """What a checkpoint stores of a skeleton."""

    @property
    def name(self) -> str:
        """How messages call it."""

    @property
    def names(self) -> tuple[str, ...]:
        """Keypoint names in channel order."""


@dataclass(frozen=True)
class StoredWeights:
    """The weights in a file.

    Attributes:
        path: the file.
        content: all that is in it.
        weights: entries under our names.
        scheme: where it comes from, as in WeightReport; of a converted file, where it came from first.
        metadata: what the file says about itself; None for files of others.
    """

    path: Path
    content: Any
    weights: dict[str, Tensor]
    scheme: str
    metadata: Metadata | None

    @property
    def system(self) -> str:
        """The scheme of the program that trained the weights, or of the one that does the same as ours did."""
        if self.metadata is None:
            return self.scheme
        extra = (yaml.safe_load(self.metadata.config) or {}).get("MODEL", {}).get("EXTRA", {})
        return HRFORMERS.get(extra.get("WITH_RPE"), self.scheme)


def read_weights(path: str | os.PathLike[str]) -> StoredWeights:
    """Read the weights of any published file.

    Raises:
        PoseError: the file cannot be read safely, comes from a newer version or holds no weights.
    """
    path = Path(path)
    content = read_checkpoint(path)
    metadata = _metadata(content, path)
    found = find_weights(content)
    if found is None:
        raise PoseError(f"checkpoint {path} holds no weights; give a file with a state_dict.")
    weights, scheme = to_own_names(found)
    scheme = str(content.get(ORIGIN, scheme)) if metadata is None else OWN_SCHEME
    return StoredWeights(path, content, weights, scheme, metadata)


def load_weights(
    model: nn.Module,
    path: str | os.PathLike[str],
    *,
    allow_new_head: bool = True,
    allow_new_fusion: bool = False,
    layers: Collection[str] | None = None,
    keypoint_names: Sequence[str] | None = None,
    codec: str = "",
) -> WeightReport:
    """Load a file's weights into a network, whatever scheme it names them by, and log what became of them.

    Args:
        model: the network; changed in place, only when everything fits. Its attribute `head_names` lists the modules
            that depend on the keypoint set, by name or by path, the one with the keypoints' channels last. Its method
            `scheme_fault`, where it has one, says why weights of a scheme cannot be meant for it ('': they can).
        path: official, UDP-Pose, mmpose, ImageNet or our own weights, or a training checkpoint that holds such.
        allow_new_head: a head that the file lacks or has for other keypoints keeps its initial values, with a message.
            To be False in testing, where that is an error, as is a convolution that the file lacks.
        allow_new_fusion: the same for UDP-Pose's widened last fusion where the file has the plain one.
        layers: load only names whose first part is among these, as PRETRAINED_LAYERS; None loads all.
        keypoint_names: names in channel order; a file of ours made for others counts as one for other keypoints.
        codec: name of the codec in use, for the warning about a file that does not name its own.

    Returns:
        The report, also logged: as a warning when anything is missing or starts from new values. A file that does not
        name its codec is a warning of its own.

    Raises:
        PoseError: the file cannot be read safely, holds NaN or infinity, belongs to another network (less than 95 % of
            the backbone matches, a shape differs, or it has more layers), to another system or to the other kind of
            heatmaps.
    """
    stored = read_weights(path)
    report = fit_weights(
        model,
        stored,
        allow_new_head=allow_new_head,
        allow_new_fusion=allow_new_fusion,
        layers=layers,
        keypoint_names=keypoint_names,
    )
    logger.log(logging.WARNING if report.missing or report.reinitialised else logging.INFO, report.summary())
    if notice := report.codec_notice(codec):
        logger.warning(notice)
    return report


def fit_weights(
    model: nn.Module,
    stored: StoredWeights,
    *,
    allow_new_head: bool = True,
    allow_new_fusion: bool = False,
    layers: Collection[str] | None = None,
    keypoint_names: Sequence[str] | None = None,
) -> WeightReport:
    """Put weights that have been read into a network; arguments, result and errors are those of `load_weights`."""
    network, path = unwrap(model), stored.path
    own = network.state_dict()
    head_names: tuple[str, ...] = getattr(network, "head_names", ())
    match = match_weights(own, stored.weights, head_names, layers=layers, keep_fusion=allow_new_fusion)
    check_backbone(match, path, complete=not allow_new_head)
    _check_scheme(network, stored)
    _check_keypoints(match, stored.metadata, keypoint_names)
    check_head(match, path, allow_new_head=allow_new_head)
    _check_finite(match, path)

    network.load_state_dict(match.loaded, strict=False)
    return WeightReport(
        path=path,
        scheme=stored.scheme,
        matched=tuple(match.loaded),
        missing=tuple(match.missing),
        unexpected=tuple(name for name in match.weights if name not in own and not name.endswith(RECOMPUTED)),
        reinitialised=match.reinitialised,
        adapted=tuple(match.adapted),
        coverage=match.coverage,
        metadata=stored.metadata,
    )


def model_checkpoint(
    model: nn.Module, *, codec: Mapping[str, Any], skeleton: KeypointSet, config: str
) -> dict[str, Any]:
    """The weights of a network with all that is needed to use them; plain types and tensors on the CPU.

    Args:
        model: the network, wrapped or not.
        codec: `Codec.description()`.
        skeleton: the keypoint set.
        config: the resolved configuration, YAML.
    """
    weights = {name: value.detach().cpu() for name, value in unwrap(model).state_dict().items()}
    return {
        "format": FORMAT,
        "version": VERSION,
        "network": describe_network(weights),
        "codec": dict(codec),
        "skeleton": {"name": skeleton.name, "names": list(skeleton.names)},
        "config": config,
        "state_dict": weights,
    }


def save_checkpoint(path: str | os.PathLike[str], checkpoint: Mapping[str, Any]) -> None:
    """Write a checkpoint, atomically.

    Args:
        path: the file; it stays as it was when writing fails.
        checkpoint: `model_checkpoint`, with more entries where a run is to be continued; plain types and tensors only.

    Raises:
        PoseError: the file cannot be written.
    """
    with atomic_path(path) as temporary:
        try:
            torch.save(dict(checkpoint), temporary)
        except (OSError, RuntimeError) as error:
            reason = str(error).splitlines()[0]
            raise PoseError(
                f"checkpoint {path} cannot be written ({reason}); make room or change OUTPUT_DIR."
            ) from error


def read_metadata(path: str | os.PathLike[str]) -> Metadata | None:
    """What a checkpoint says about its weights; None for files that are not ours, whose codec is unknown.

    Raises:
        PoseError: the file cannot be read safely or comes from a newer version.
    """
    return _metadata(read_checkpoint(path), Path(path))


def unwrap(model: nn.Module) -> nn.Module:
    """The network inside DistributedDataParallel and torch.compile."""
    while True:
        inner = getattr(model, "_orig_mod", None)
        if inner is None and isinstance(model, (nn.DataParallel, nn.parallel.DistributedDataParallel)):
            inner = model.module
        if inner is None:
            return model
        model = inner


def _metadata(content: Any, path: Path) -> Metadata | None:
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        return None
    try:
        if content["version"] > VERSION:
            raise PoseError(f"checkpoint {path} was written by a newer version of this program; update it.")
        return Metadata(
            version=int(content["version"]),
            network=str(content["network"]),
            codec=dict(content["codec"]),
            skeleton=str(content["skeleton"]["name"]),
            keypoint_names=tuple(content["skeleton"]["names"]),
            config=str(content["config"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise PoseError(f"checkpoint {path} lacks what its format promises ({error}); save it again.") from error


def _check_scheme(network: nn.Module, stored: StoredWeights) -> None:
    """Ask the network whether weights of this system can be meant for it."""
    find_fault = getattr(network, "scheme_fault", None)
    fault = find_fault(stored.system) if find_fault is not None else ""
    if fault:
        raise PoseError(f"checkpoint {stored.path} ({stored.scheme}) is not for this network: {fault.rstrip('.')}.")


def _check_keypoints(match: Match, metadata: Metadata | None, names: Sequence[str] | None) -> None:
    """Do not take the head of a checkpoint that was trained for other keypoints."""
    if metadata is None or names is None or metadata.keypoint_names == tuple(names):
        return
    pairs = zip(metadata.keypoint_names, names, strict=False)
    example = next((f", such as {old} in place of {new}" for old, new in pairs if old != new), "")
    match.drop_head(
        f"the file is for the {len(metadata.keypoint_names)} keypoints of {metadata.skeleton}{example}, and the config "
        f"for {len(names)} others"
    )


def _check_finite(match: Match, path: Path) -> None:
    for name, value in match.loaded.items():
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            raise PoseError(f"checkpoint {path} has NaN or infinity in {name}; use one saved before training diverged.")


__all__ = [
    "Metadata",
    "StoredWeights",
    "WeightReport",
    "fit_weights",
    "load_weights",
    "model_checkpoint",
    "read_checkpoint",
    "read_metadata",
    "read_weights",
    "save_checkpoint",
    "unwrap",
]

"""Load the weights of any published file into a network, and write checkpoints of our own."""

import logging
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn

from lib.utils.errors import PoseError
from lib.utils.files import atomic_path
from lib.utils.safe_load import read_checkpoint
from lib.utils.weight_matching import Match, check_backbone, check_head, match_weights
from lib.utils.weight_names import describe_network, find_weights, to_own_names

logger = logging.getLogger(__name__)

FORMAT = "plumbpose"
VERSION = 1
NAMES_SHOWN = 5


class KeypointSet(Protocol):
    """What a checkpoint stores of a skeleton."""

    @property
    def name(self) -> str:
        """How messages call it."""

    @property
    def names(self) -> tuple[str, ...]:
        """Keypoint names in channel order."""


@dataclass(frozen=True)
class Metadata:
    """What a checkpoint of ours says about its weights.

    Attributes:
        version: version of the format.
        network: for example "HRNet-W32".
        codec: `Codec.description()` of the training run.
        skeleton: name of the keypoint set.
        keypoint_names: its names in channel order.
        config: the resolved configuration, YAML.
    """

    version: int
    network: str
    codec: dict[str, Any]
    skeleton: str
    keypoint_names: tuple[str, ...]
    config: str


@dataclass(frozen=True)
class WeightReport:
    """What became of a file's weights.

    Attributes:
        path: the file.
        scheme: where it comes from: "PlumbPose", "official", "UDP-Pose", "mmpose 0.x", "mmpose 1.x", "mmpose backbone"
            or "ImageNet".
        matched: names that were loaded.
        missing: names of the network that the file lacks; they keep their values.
        unexpected: names of the file that the network lacks.
        reinitialised: modules that keep their initial values on purpose, each with the reason.
        coverage: loaded part of the backbone's entries, 0..1.
        metadata: what the file says about itself; None for files of others, whose codec is unknown.
    """

    path: Path
    scheme: str
    matched: tuple[str, ...]
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    reinitialised: dict[str, str] = field(default_factory=dict)
    coverage: float = 1.0
    metadata: Metadata | None = None

    def summary(self) -> str:
        """The report as text, one line per fact."""
        wanted = len(self.matched) + len(self.missing)
        lines = [
            f"weights of {self.path} ({self.scheme}): {len(self.matched)} of {wanted} entries loaded, "
            f"{self.coverage:.1%} of the backbone"
        ]
        lines += [
            f"  {kind}: {_shorten(names)}"
            for kind, names in (("missing", self.missing), ("unused in the file", self.unexpected))
            if names
        ]
        lines += [f"  {module} starts from new values: {reason}" for module, reason in self.reinitialised.items()]
        if self.metadata is None and self.scheme != "ImageNet":
            lines.append("  the file does not say which codec it was trained with; the config's is assumed")
        return "\n".join(lines)


def load_weights(
    model: nn.Module,
    path: str | os.PathLike[str],
    *,
    allow_new_head: bool = True,
    allow_new_fusion: bool = False,
    layers: Collection[str] | None = None,
    keypoint_names: Sequence[str] | None = None,
) -> WeightReport:
    """Load a file's weights into a network, whatever scheme it names them by, and log what became of them.

    Args:
        model: the network; changed in place, only when everything fits. Its attribute `head_names` lists the modules
            that depend on the keypoint set.
        path: official, UDP-Pose, mmpose, ImageNet or our own weights, or a training checkpoint that holds such.
        allow_new_head: a head that the file lacks or has for other keypoints keeps its initial values, with a message.
            To be False in testing, where that is an error.
        allow_new_fusion: the same for UDP-Pose's widened last fusion where the file has the plain one.
        layers: load only names whose first part is among these, as PRETRAINED_LAYERS; None loads all.
        keypoint_names: names in channel order; a file of ours made for others counts as one for other keypoints.

    Returns:
        The report, also logged: as a warning when anything is missing or starts from new values.

    Raises:
        PoseError: the file cannot be read safely, holds NaN or infinity, belongs to another network (less than 95 % of
            the backbone matches or a shape differs) or to the other kind of heatmaps.
    """
    path = Path(path)
    content = read_checkpoint(path)
    metadata = _metadata(content, path)
    found = find_weights(content)
    if found is None:
        raise PoseError(f"checkpoint {path} holds no weights; give a file with a state_dict.")
    weights, scheme = to_own_names(found)

    network = unwrap(model)
    own = network.state_dict()
    head_names: tuple[str, ...] = getattr(network, "head_names", ())
    match = match_weights(own, weights, head_names, layers=layers, keep_fusion=allow_new_fusion)
    check_backbone(match, path)
    _check_keypoints(match, metadata, keypoint_names)
    check_head(match, path, allow_new_head=allow_new_head)
    _check_finite(match, path)

    network.load_state_dict(match.loaded, strict=False)
    report = WeightReport(
        path=path,
        scheme=scheme if metadata is None else "PlumbPose",
        matched=tuple(match.loaded),
        missing=tuple(match.missing),
        unexpected=tuple(name for name in weights if name not in own),
        reinitialised=match.reinitialised,
        coverage=match.coverage,
        metadata=metadata,
    )
    logger.log(logging.WARNING if report.missing or report.reinitialised else logging.INFO, report.summary())
    return report


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


def _shorten(names: Sequence[str]) -> str:
    shown = ", ".join(names[:NAMES_SHOWN])
    rest = len(names) - NAMES_SHOWN
    return f"{len(names)} ({shown}{f' and {rest} more' if rest > 0 else ''})"


__all__ = [
    "Metadata",
    "WeightReport",
    "load_weights",
    "model_checkpoint",
    "read_checkpoint",
    "read_metadata",
    "save_checkpoint",
    "unwrap",
]

"""What became of a file's weights, and what the file says about itself."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

NAMES_SHOWN = 5
IMAGENET = "ImageNet"


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
        scheme: where it comes from: "PlumbPose", "official", "UDP-Pose", "HRFormer", "mmpose 0.x", "mmpose 1.x",
            "mmpose backbone" or "ImageNet".
        matched: names that were loaded.
        missing: names of the network that the file lacks; they keep their values.
        unexpected: names of the file that the network lacks.
        reinitialised: modules that keep their initial values on purpose, each with the reason.
        adapted: what was changed without changing what the network computes, one line each.
        coverage: loaded part of the backbone's entries, 0..1.
        metadata: what the file says about itself; None for files of others, whose codec is unknown.
    """

    path: Path
    scheme: str
    matched: tuple[str, ...]
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    reinitialised: dict[str, str] = field(default_factory=dict)
    adapted: tuple[str, ...] = ()
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
            f"  {kind}: {shorten(names)}"
            for kind, names in (("missing", self.missing), ("unused in the file", self.unexpected))
            if names
        ]
        lines += [f"  {line}" for line in self.adapted]
        lines += [f"  {module} starts from new values: {reason}" for module, reason in self.reinitialised.items()]
        return "\n".join(lines)

    def codec_notice(self, codec: str) -> str:
        """A warning where weights of a whole pose network were loaded whose codec the file does not name; else ''.

        Args:
            codec: the codec in use; '' where it is not known.
        """
        if self.metadata is not None or self.reinitialised or self.scheme == IMAGENET:
            return ""
        assumed = f"the config's, {codec}," if codec else "the config's"
        return (
            f"warning: {self.path} does not say which codec it was trained with; {assumed} is "
            "assumed, and another one would cost accuracy (docs/CODECS.md)"
        )


def shorten(names: Sequence[str]) -> str:
    """How many names there are, and the first few of them."""
    shown = ", ".join(names[:NAMES_SHOWN])
    rest = len(names) - NAMES_SHOWN
    return f"{len(names)} ({shown}{f' and {rest} more' if rest > 0 else ''})"

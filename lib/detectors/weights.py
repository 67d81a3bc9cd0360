"""Weights of torchvision's detectors: where they lie, how they are fetched, and what fits."""

import http.client
import os
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models.detection import (
    FasterRCNN_ResNet50_FPN_V2_Weights,
    SSDLite320_MobileNet_V3_Large_Weights,
)

from lib.utils.errors import PoseError
from lib.utils.safe_load import read_checkpoint

PUBLISHED = {
    "fasterrcnn": FasterRCNN_ResNet50_FPN_V2_Weights.COCO_V1,
    "ssdlite": SSDLite320_MobileNet_V3_Large_Weights.COCO_V1,
}
# Keys under which training programs keep the weights beside other things.
CONTAINERS = ("model", "state_dict")
# Seconds without a byte after which a download is given up; torch.hub itself would wait for ever.
TIMEOUT = 30.0


def weights_location(name: str) -> Path:
    """Where torchvision keeps its published weights of a detector; the file need not be there.

    Args:
        name: "fasterrcnn" or "ssdlite".
    """
    return Path(torch.hub.get_dir(), "checkpoints", PUBLISHED[name].url.rpartition("/")[2])


def no_weights(name: str, reason: str) -> PoseError:
    """The error that says what there is instead of the published weights of a detector."""
    place = weights_location(name)
    return PoseError(
        f"the weights of the detector {name} ({place.name}) are not in {place.parent} and cannot be fetched "
        f"({reason}); give a file of them with --detector-weights FILE, boxes with --boxes FILE, or --full-frame for "
        "one person who fills the picture (in a program: DetectorSettings, boxes=, detector='full-frame')."
    )


def fetch_weights(name: str) -> Path:
    """The file of a detector's published weights, fetched into torch.hub's folder if it is not there.

    Raises:
        PoseError: it is not there and cannot be fetched; the sentence offers what to do without.
    """
    place = weights_location(name)
    if place.is_file():
        return place
    # torchvision's names are <what>-<first digits of SHA-256>.pth.
    digits = place.stem.rpartition("-")[2]
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with _timeout(TIMEOUT):
            torch.hub.download_url_to_file(PUBLISHED[name].url, str(place), digits, progress=sys.stderr.isatty())
    except (OSError, http.client.HTTPException, RuntimeError) as error:
        raise no_weights(name, _reason(error)) from error
    return place


def load_weights(model: nn.Module, path: str | os.PathLike[str], name: str) -> None:
    """Put the weights of a file into a detector.

    Args:
        model: changed in place.
        path: a state_dict, or a mapping that has one under 'model' or 'state_dict', as torch.save writes it.
        name: of the detector, for errors.

    Raises:
        PoseError: no such file, no weights in it, or weights of another network.
    """
    content = read_checkpoint(path)
    for key in CONTAINERS:
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
    if not _is_state_dict(content):
        raise PoseError(
            f"detector weights {path} hold no weights by name; save the detector's state_dict with torch.save."
        )
    try:
        model.load_state_dict(content)
    except RuntimeError as error:
        raise PoseError(
            f"detector weights {path} are not those of {name} ({_difference(model, content)}); give the file of this "
            f"detector or choose the detector that the file belongs to ({', '.join(PUBLISHED)})."
        ) from error


def _is_state_dict(content: Any) -> bool:
    return (
        isinstance(content, Mapping)
        and bool(content)
        and all(isinstance(key, str) and isinstance(value, Tensor) for key, value in content.items())
    )


def _difference(model: nn.Module, weights: Mapping[str, Tensor]) -> str:
    """What a file lacks, has too much or has in another shape, with the first example of each, in a few words."""
    own = model.state_dict()
    kinds = {
        "missing": [key for key in own if key not in weights],
        "not known": [key for key in weights if key not in own],
        "of another shape": [key for key in own if key in weights and weights[key].shape != own[key].shape],
    }
    return ", ".join(f"{len(keys)} {kind}: {keys[0]}" for kind, keys in kinds.items() if keys)


@contextmanager
def _timeout(seconds: float) -> Iterator[None]:
    """New connections give up after so long without a byte; torch.hub takes no time of its own."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _reason(error: Exception) -> str:
    """An error in a few words of one line."""
    text = str(getattr(error, "reason", "") or error).strip().splitlines()
    return (text[0] if text else type(error).__name__).rstrip(".")[:160]

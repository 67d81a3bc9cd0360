"""The detector that commands and programs use where nobody gives boxes."""

import os
from dataclasses import dataclass

import torch

from lib.detectors import TorchvisionDetector


@dataclass(frozen=True)
class DetectorSettings:
    """Settings of torchvision's detectors.

    Attributes:
        name: "auto" (Faster R-CNN on a GPU, SSDLite on the CPU), "fasterrcnn" or "ssdlite".
        weights: "default" for torchvision's published ones, or a file.
        score_threshold: boxes below it are more often not people than people.
        nms_threshold: of two boxes with a higher IoU the weaker one goes.
        max_people: most boxes per picture.
    """

    name: str = "auto"
    weights: str | os.PathLike[str] = "default"
    score_threshold: float = 0.5
    nms_threshold: float = 0.5
    max_people: int = 100


def make_detector(settings: DetectorSettings, device: torch.device) -> TorchvisionDetector:
    """The detector with its weights.

    Raises:
        PoseError: weights that are not there or do not fit, or a setting out of its range.
    """
    return TorchvisionDetector(
        settings.name,
        weights=settings.weights,
        device=device,
        score_threshold=settings.score_threshold,
        nms_threshold=settings.nms_threshold,
        max_people=settings.max_people,
    )

"""torchvision's detectors, asked for people alone."""

import math
import os
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torchvision.models import detection

from lib.detectors.detector import Picture
from lib.detectors.weights import fetch_weights, load_weights
from lib.utils.errors import PoseError
from lib.utils.geometry import as_tensor
from lib.utils.people import Boxes

NAMES = ("fasterrcnn", "ssdlite")
# The class "person" among the 91 of torchvision's detectors, of which 0 is the background.
PERSON = 1
# How many boxes SSDLite's published settings put through suppression.
SSD_CANDIDATES = 300


def detector_name(name: str, device: torch.device) -> str:
    """The detector that `name` asks for: "auto" is Faster R-CNN on a GPU and SSDLite on the CPU.

    Raises:
        PoseError: an unknown name.
    """
    if name == "auto":
        return "ssdlite" if device.type == "cpu" else "fasterrcnn"
    if name not in NAMES:
        raise PoseError(f"detector {name!r} is unknown; use auto, {' or '.join(NAMES)}.")
    return name


class TorchvisionDetector:
    """Faster R-CNN (R50-FPN v2) or SSDLite (320 pixels, MobileNetV3) of torchvision.

    Each box's score is the published one, the softmax over all classes, and sizes and proposals are as published. The
    classes beside "person" are dropped before thresholds, suppression and the limit, so they cannot crowd people out.

    Attributes:
        name: "fasterrcnn" or "ssdlite".
        device: where it computes.
        model: torchvision's network.
    """

    def __init__(
        self,
        name: str,
        *,
        weights: str | os.PathLike[str] | None,
        device: torch.device,
        score_threshold: float,
        nms_threshold: float,
        max_people: int,
    ) -> None:
        """Build it with its weights; what is missing is said here, before any picture.

        Args:
            name: "fasterrcnn", "ssdlite" or "auto" (`detector_name`).
            weights: "default" for torchvision's published ones, fetched where they are not on this machine; a file;
                None for random ones, with which nothing is found.
            device: where to compute.
            score_threshold: boxes with a higher score are kept, 0..1.
            nms_threshold: of two boxes with a higher IoU the one with the lower score goes, 0..1.
            max_people: at most so many boxes per picture, those with the highest scores.

        Raises:
            PoseError: an unknown name, a setting out of its range, or weights that are not there or do not fit.
        """
        _check_settings(score_threshold, nms_threshold, max_people)
        self.name = detector_name(name, device)
        self.device = device
        file = fetch_weights(self.name) if weights == "default" else weights
        self.model = _build(self.name, score_threshold, nms_threshold, max_people)
        if file is not None:
            load_weights(self.model, file, self.name)
        _drop_other_classes(self.model)
        self.model.eval().to(device)

    @torch.inference_mode()
    def __call__(self, pictures: Sequence[Picture], /) -> list[Boxes]:
        """Find the people in pictures.

        Args:
            pictures: (H_i, W_i, 3) uint8 RGB each, of any sizes.

        Returns:
            one per picture: image_ boxes inside the picture with positive width and height, the best first.

        Raises:
            PoseError: an array that is no such picture.

        The boxes of a picture do not depend on the pictures beside it.
        """
        for index, picture in enumerate(pictures):
            _check_picture(index, picture)
        found = [Boxes.none()] * len(pictures)
        for group in self._groups(pictures):
            outputs = self.model([self._input(pictures[index]) for index in group])
            for index, output in zip(group, outputs, strict=True):
                found[index] = _boxes(output, pictures[index].shape[:2])
        return found

    def _groups(self, pictures: Sequence[Picture]) -> Iterator[list[int]]:
        """The pictures that go through the network together, by index.

        Faster R-CNN pads the pictures of a batch to one size, and what it finds near a border then depends on the
        padding: only equal sizes go together. SSDLite stretches every picture to its own size.
        """
        groups: dict[tuple[int, ...], list[int]] = {}
        for index, picture in enumerate(pictures):
            groups.setdefault(() if self.model.transform.fixed_size else picture.shape, []).append(index)
        yield from groups.values()

    def _input(self, picture: Picture) -> Tensor:
        """(3, H, W) float32, 0..1, on the device."""
        values = as_tensor(picture, self.device).permute(2, 0, 1).float() / 255.0
        height, width = picture.shape[:2]
        if self.model.transform.fixed_size:
            return values
        # Scaled until its long side fits, a very long picture would have less than one row left.
        shortest = math.floor(max(height, width) / self.model.transform.max_size) + 1
        return nn.functional.pad(values, (0, max(0, shortest - width), 0, max(0, shortest - height)))


def _build(name: str, score_threshold: float, nms_threshold: float, max_people: int) -> Any:
    """The network with random weights; nothing is fetched."""
    if name == "ssdlite":
        return detection.ssdlite320_mobilenet_v3_large(
            weights=None,
            weights_backbone=None,
            score_thresh=score_threshold,
            nms_thresh=nms_threshold,
            detections_per_img=max_people,
            topk_candidates=max(SSD_CANDIDATES, max_people),
        )
    return detection.fasterrcnn_resnet50_fpn_v2(
        weights=None,
        weights_backbone=None,
        box_score_thresh=score_threshold,
        box_nms_thresh=nms_threshold,
        box_detections_per_img=max_people,
    )


def _drop_other_classes(model: Any) -> None:
    """Let the network's own last steps see two classes: person, and everything else as the background.

    The hooks have no parameters, so the weights keep their names.
    """
    if isinstance(model, detection.FasterRCNN):
        model.roi_heads.box_predictor.register_forward_hook(
            lambda _module, _inputs, outputs: (_person_or_not(outputs[0]), outputs[1][:, : 4 * (PERSON + 1)])
        )
    else:
        model.head.register_forward_hook(
            lambda _module, _inputs, outputs: outputs | {"cls_logits": _person_or_not(outputs["cls_logits"])}
        )


def _person_or_not(logits: Tensor) -> Tensor:
    """Logits (..., classes) to (..., 2) with the same probability of a person, the second of the two."""
    person = logits[..., PERSON : PERSON + 1]
    others = torch.cat([logits[..., :PERSON], logits[..., PERSON + 1 :]], dim=-1)
    return torch.cat([others.logsumexp(dim=-1, keepdim=True), person], dim=-1)


def _boxes(output: dict[str, Tensor], shape_hw: tuple[int, ...]) -> Boxes:
    """What the network says of one picture: corners (N, 4) and scores (N,), the best first."""
    rows = torch.cat([output["boxes"], output["scores"][:, None]], dim=1).double().cpu().numpy()
    height, width = shape_hw
    corners = np.clip(rows[:, :4], 0.0, [width, height, width, height])
    xywh = np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1)
    # NaN is not above 0 either; scores have passed the network's own threshold, which NaN does not.
    kept = (xywh[:, 2:] > 0.0).all(axis=1)
    return Boxes.of(xywh[kept], rows[kept, 4])


def _check_settings(score_threshold: float, nms_threshold: float, max_people: int) -> None:
    for what, value in (("score", score_threshold), ("NMS", nms_threshold)):
        if not 0.0 <= value <= 1.0:
            raise PoseError(f"the {what} threshold of the detector is {value}; give a number from 0 to 1.")
    if max_people < 1:
        raise PoseError(f"the detector is to find at most {max_people} people per picture; give 1 or more.")


def _check_picture(index: int, picture: Picture) -> None:
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or 0 in picture.shape:
        raise PoseError(
            f"picture {index} (counted from 0) for the detector is {picture.dtype} of shape {picture.shape}; give "
            "uint8 RGB, (height, width, 3)."
        )

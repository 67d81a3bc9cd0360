"""Poses in your own programs.

from lib.api import PoseEstimator

estimator = PoseEstimator("experiments/coco/hrnet/w32_256x192_adam_lr1e-3_udp.yaml", "pose_hrnet_w32.pth")
result = estimator("photo.jpg")
result.keypoints[0, result.names.index("nose")]   # x, y in pixels of the photo
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor
from yacs.config import CfgNode

from lib.config import is_bottom_up, load_config
from lib.detectors import Detector, detector_name, full_frame, look
from lib.run.detector import DetectorSettings, make_detector
from lib.run.estimator import make_estimator
from lib.run.setup import set_up
from lib.run.weights import load_trained
from lib.skeletons import Skeleton
from lib.utils.errors import PoseError
from lib.utils.image import read_image
from lib.utils.people import Boxes, FloatArray, People

# A file, (H, W, 3) uint8 RGB, or a tensor (3, H, W) RGB that is uint8, or floating in 0..1.
Picture = str | os.PathLike[str] | np.ndarray | Tensor
AUTO, FULL_FRAME = "auto", "full-frame"
# Pictures that are held and looked at together: enough to fill batches, and few enough for the memory.
PORTION = 16


@dataclass(frozen=True)
class PoseResult:
    """The people of one picture.

    Attributes:
        people: boxes, keypoints and scores as columns.
        size_wh: of the picture, upright, pixels.
        skeleton: the keypoint set.
    """

    people: People
    size_wh: tuple[int, int]
    skeleton: Skeleton

    def __len__(self) -> int:
        """How many people."""
        return len(self.people)

    @property
    def names(self) -> tuple[str, ...]:
        """Keypoint names in the order of the arrays, K of them."""
        return self.skeleton.names

    @property
    def keypoints(self) -> FloatArray:
        """image_ (x, y), (P, K, 2), float64; pixel centres lie at integers."""
        return self.people.keypoints[..., :2]

    @property
    def scores(self) -> FloatArray:
        """Of the keypoints, (P, K), float64; about 0..1."""
        return self.people.keypoints[..., 2]

    @property
    def boxes(self) -> FloatArray:
        """image_ left, top, width, height, (P, 4), float64.

        Where each person was looked for; with bottom-up networks the extent of the keypoints that were grouped.
        """
        return self.people.boxes.xywh

    @property
    def person_scores(self) -> FloatArray:
        """Of the poses, (P,), float64.

        The mean of the confident keypoints' scores times the score of the box; with bottom-up networks the mean over
        all keypoints, 0 for those that were not grouped.
        """
        return self.people.scores

    def records(self) -> list[dict[str, Any]]:
        """One mapping per person of plain numbers: score, box, box_score, and keypoints by name as [x, y, score]."""
        return [
            {
                "score": float(self.person_scores[person]),
                "box": self.boxes[person].tolist(),
                "box_score": float(self.people.boxes.scores[person]),
                "keypoints": dict(zip(self.names, self.people.keypoints[person].tolist(), strict=True)),
            }
            for person in range(len(self))
        ]


class PoseEstimator:
    """A trained network for pictures of any size.

    Args:
        cfg: an experiment file, or a configuration from `load_config`.
        weights: a checkpoint of any published scheme; None = the best weights of the experiment's own run.
        overrides: `KEY VALUE` pairs for the experiment, flat, e.g. ["TEST.FLIP_TEST", "False", "DEVICE", "cpu"].
        detector: finds the boxes where a call gives none: "auto" (Faster R-CNN on a GPU, SSDLite on the CPU),
            "fasterrcnn", "ssdlite", `DetectorSettings` with a file of weights and thresholds, "full-frame" (one person
            fills the picture), or any function from a list of pictures, (H, W, 3) uint8 RGB, to their `Boxes`.
            torchvision's are made, and their weights fetched, when they are first needed. Bottom-up networks take none.

    Raises:
        PoseError: a file is absent or does not belong to the experiment, or the network takes no detector.
    """

    def __init__(
        self,
        cfg: str | os.PathLike[str] | CfgNode,
        weights: str | os.PathLike[str] | None = None,
        *,
        overrides: Sequence[str] = (),
        detector: str | DetectorSettings | Detector = AUTO,
    ) -> None:
        if isinstance(overrides, (str, Mapping)):
            raise PoseError('overrides are a flat list of keys and values, as in ["TEST.FLIP_TEST", "False"].')
        config = cfg.clone() if isinstance(cfg, CfgNode) else load_config(cfg, overrides)
        if isinstance(cfg, CfgNode) and overrides:
            raise PoseError("overrides belong to an experiment file; give them to load_config.")
        if weights is not None:
            config.defrost()
            config.TEST.MODEL_FILE = os.fspath(weights)
            config.freeze()
        setup = set_up(config)
        self.skeleton = setup.skeleton
        self._device = setup.device
        if is_bottom_up(config) and detector != AUTO:
            raise PoseError("this network finds all people of a picture by itself; leave the detector out.")
        self._estimate = make_estimator(setup, load_trained(setup))
        if isinstance(detector, str) and detector != FULL_FRAME:
            detector = DetectorSettings(detector)
        if isinstance(detector, DetectorSettings):
            _check_name(detector.name, setup.device)
        self._detector = detector

    @overload
    def __call__(  # type: ignore[overload-overlap] # a str is a sequence of str, and a picture
        self, pictures: Picture, boxes: ArrayLike | Boxes | None = None
    ) -> PoseResult: ...

    @overload
    def __call__(
        self, pictures: Sequence[Picture], boxes: Sequence[ArrayLike | Boxes] | None = None
    ) -> list[PoseResult]: ...

    def __call__(self, pictures: Any, boxes: Any = None) -> PoseResult | list[PoseResult]:
        """Estimate the poses in one picture or in several.

        Args:
            pictures: a file, an array (H, W, 3) uint8 RGB, or a tensor (3, H, W) RGB, uint8 or floating in 0..1; or a
                sequence of such, an array (B, H, W, 3) or a tensor (B, 3, H, W). Files are turned as their EXIF
                orientation says. The forms give equal results for equal pixels; several pictures share batches.
            boxes: image_ (x, y, width, height) of the people in the picture, (P, 4), or for several pictures a sequence
                of such; the result then has one person per box, in their order. None lets the detector find them, and
                leaves out the weaker of two poses of the same person.

        Returns:
            The result of the picture, or a list with that of each.

        Raises:
            PoseError: a picture or box that cannot be used, or no weights for the detector.
        """
        single = _is_single(pictures)
        forms = [pictures] if single else _listed(pictures)
        given = None if boxes is None else [_as_boxes(own) for own in ([boxes] if single else boxes)]
        if given is not None and len(given) != len(forms):
            raise PoseError(f"there are boxes for {len(given)} pictures and {len(forms)} pictures; give both alike.")
        results: list[PoseResult] = []
        for start in range(0, len(forms), PORTION):
            part = slice(start, start + PORTION)
            results += self._results([as_picture(form) for form in forms[part]], None if given is None else given[part])
        return results[0] if single else results

    def _results(self, images: list[np.ndarray], boxes: list[Boxes] | None) -> list[PoseResult]:
        """Of a few pictures, which share the batches of detector and network."""
        found = self._detect(images) if boxes is None and self._estimate.needs_boxes else boxes
        estimates = self._estimate(images, found, suppress=boxes is None)
        return [
            PoseResult(estimate.people, (image.shape[1], image.shape[0]), self.skeleton)
            for image, estimate in zip(images, estimates, strict=True)
        ]

    def _detect(self, images: Sequence[np.ndarray]) -> list[Boxes]:
        if isinstance(self._detector, DetectorSettings):
            self._detector = make_detector(self._detector, self._device)
        if isinstance(self._detector, str):
            return [full_frame((image.shape[1], image.shape[0])) for image in images]
        return look(self._detector, images)


def as_picture(value: Picture) -> np.ndarray:
    """A picture in any of the forms of `Picture` as (H, W, 3) uint8 RGB.

    Raises:
        PoseError: the file cannot be read, or the form is another.
    """
    if isinstance(value, (str, os.PathLike)):
        return read_image(value, apply_exif=True)
    if isinstance(value, Tensor):
        tensor = value.detach().cpu()
        if tensor.is_floating_point():
            if not bool(((tensor >= 0) & (tensor <= 1)).all()):
                raise PoseError("a floating tensor has values outside of 0..1; give pixels in 0..1, or uint8.")
            tensor = (tensor * 255).round().byte()
        value = tensor.movedim(0, -1).numpy() if tensor.ndim == 3 else tensor.numpy()
    if not isinstance(value, np.ndarray) or value.dtype != np.uint8 or value.ndim != 3 or value.shape[2] != 3:
        found = f"{value.dtype} {value.shape}" if isinstance(value, np.ndarray) else type(value).__name__
        raise PoseError(
            f"a picture of the form {found} cannot be used; give a file, an array (H, W, 3) uint8 in the order RGB, or "
            "a tensor (3, H, W)."
        )
    if 0 in value.shape:
        raise PoseError(f"a picture of {value.shape[1]}x{value.shape[0]} pixels has nothing in it; leave it out.")
    return np.ascontiguousarray(value)


def _check_name(name: str, device: torch.device) -> None:
    try:
        detector_name(name, device)
    except PoseError as error:
        raise PoseError(f"{str(error).rstrip('.')}, {FULL_FRAME}, or a function.") from error


def _is_single(pictures: Any) -> bool:
    if isinstance(pictures, (str, os.PathLike)):
        return True
    return isinstance(pictures, (np.ndarray, Tensor)) and pictures.ndim != 4


def _listed(pictures: Any) -> Sequence[Any]:
    if isinstance(pictures, (np.ndarray, Tensor, Sequence)):
        return pictures  # type: ignore[return-value] # arrays of pictures are such as well
    raise PoseError(
        f"{type(pictures).__name__} is no picture and no sequence of pictures; give files, arrays (numpy.asarray makes "
        "one of a PIL image) or tensors."
    )


def _as_boxes(boxes: ArrayLike | Boxes) -> Boxes:
    return boxes if isinstance(boxes, Boxes) else Boxes.of(boxes)

"""What every codec offers: the contract between data, network and evaluation."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from lib.codecs.peaks import Peaks
from lib.utils.constants import constant
from lib.utils.errors import PoseError
from lib.utils.geometry import ArrayLike, Crop, as_tensor

# The x and y that published systems give to a map without a positive value.
ABSENT = {"original": 0, "mmpose": -1}


class Codec(ABC):
    """Keypoints to heatmaps and back, with the crop and the flip that belong to them.

    `decode` undoes `encode`; how closely depends on the decoder and is listed in docs/CODECS.md. Every method works on
    whole batches, on the device of its argument, and leaves its arguments as they are. Heatmaps may be bf16 or fp16;
    they are computed on as float32.

    Args:
        crop: the crop convention with the input and heatmap sizes.
        flip_permutation: which keypoint each one becomes when left and right change places, K indices.
        variant: "original" or "mmpose", whose details are followed where the two differ.
        decoder: one of the class's `DECODERS`.
        no_response: what `decode` returns for a map without a positive value: "argmax" or "published".
        joint_weights: factor per keypoint for the weights that `encode` returns, K values; None for 1.
        shift_flipped: move flipped heatmaps right by one pixel (for the codecs whose crops need that).

    Raises:
        PoseError: the decoder does not belong to this encoding, or the joint weights do not fit.
    """

    name: str
    DECODERS: ClassVar[tuple[str, ...]]
    CHANNELS_PER_KEYPOINT: ClassVar[int] = 1
    levels: ClassVar[int] = 1

    def __init__(
        self,
        crop: Crop,
        flip_permutation: Sequence[int],
        *,
        variant: str,
        decoder: str,
        no_response: str = "argmax",
        joint_weights: Sequence[float] | None = None,
        shift_flipped: bool = False,
    ) -> None:
        if decoder not in self.DECODERS:
            raise PoseError(f"TEST.DECODER {decoder!r} cannot read {self.name} maps; use {', '.join(self.DECODERS)}.")
        self.crop = crop
        self.input_size_wh = crop.input_size_wh
        self.heatmap_size_wh = crop.heatmap_size_wh
        self.num_keypoints = len(flip_permutation)
        self.num_channels = self.num_keypoints * self.CHANNELS_PER_KEYPOINT
        self.flip_permutation = tuple(int(index) for index in flip_permutation)
        self.variant = variant
        self.decoder = decoder
        self.absent = None if no_response == "argmax" else ABSENT[variant]
        self.shift_flipped = shift_flipped
        self.joint_weights = None if joint_weights is None else tuple(map(float, joint_weights))
        if self.joint_weights is not None and len(self.joint_weights) != self.num_keypoints:
            raise PoseError(
                f"the keypoint set has {len(self.joint_weights)} weights for {self.num_keypoints} keypoints; "
                "give one weight per keypoint."
            )

    @property
    def heatmap_shape_hw(self) -> tuple[int, int]:
        """(h, w)."""
        return self.heatmap_size_wh[1], self.heatmap_size_wh[0]

    def encode(self, input_keypoints: ArrayLike, visible: ArrayLike) -> tuple[Tensor, Tensor]:
        """Make the heatmaps that the network shall learn.

        Args:
            input_keypoints: input_ (x, y), (B, K, 2); float64 keeps the published rounding of points that lie exactly
                between two pixels.
            visible: (B, K), the annotation's flag 0, 1 (hidden) or 2 (visible), of any number type; above 0 means that
                the point is annotated. Booleans stand for 0 and 2.

        Returns:
            heatmaps (B, C, h, w) (with `levels` above 1: (B, levels, C, h, w), from coarse to fine) and weights (B, K),
            float32. Weights are 1 or those of the joints, and with several levels the flags. They are 0 for points that
            are not visible or not finite and, for the Gaussian encodings, for points so far outside that the published
            encoder draws nothing.
        """
        points = as_tensor(input_keypoints)
        flags = as_tensor(visible, points.device)
        shown = flags > 0
        if points.ndim != 3 or points.shape[1:] != (self.num_keypoints, 2) or shown.shape != points.shape[:2]:
            raise PoseError(
                f"encode needs keypoints (B, {self.num_keypoints}, 2) and visibility (B, {self.num_keypoints}), "
                f"got {tuple(points.shape)} and {tuple(shown.shape)}."
            )
        shown = shown & torch.isfinite(points).all(dim=-1)
        heatmaps, drawn = self._encode(self.crop.to_heatmap(points), shown)
        weights = drawn.to(torch.float32)
        if self.levels > 1:
            weights = weights * (2.0 if flags.dtype == torch.bool else flags.to(torch.float32))
        if self.joint_weights is not None:
            weights = weights * constant(self.joint_weights, weights.dtype, weights.device)
        return heatmaps, weights

    def decode(self, heatmaps: ArrayLike) -> tuple[Tensor, Tensor]:
        """Read keypoints from heatmaps.

        Args:
            heatmaps: (B, C, h, w), any floating dtype.

        Returns:
            input_ (x, y) (B, K, 2) and scores (B, K), float32. A map without a positive value has no response: its
            point is the arg-max, unrefined (with TEST.NO_RESPONSE published: what the published system returns). A map
            whose maximum is NaN or infinite has score 0 and a finite point without meaning.
        """
        points, scores = self._decode(self._checked(heatmaps))
        return self.crop.from_heatmap(points).to(torch.float32), scores

    def flip_back(self, heatmaps: ArrayLike) -> Tensor:
        """Bring the heatmaps of a mirrored input back: mirror them and let left and right change places.

        Args:
            heatmaps: (B, C, h, w).

        Returns:
            (B, C, h, w), moved right by one pixel when `shift_flipped` (column 0 keeps its value).
        """
        grouped = as_tensor(heatmaps).unflatten(1, (self.num_keypoints, self.CHANNELS_PER_KEYPOINT))
        flipped = grouped.index_select(1, constant(self.flip_permutation, torch.int64, grouped.device)).flip(-1)
        if self.shift_flipped:
            flipped = torch.cat([flipped[..., :1], flipped[..., :-1]], dim=-1)
        return flipped.flatten(1, 2)

    def score_maps(self, heatmaps: ArrayLike) -> Tensor:
        """The maps whose arg-max is the keypoint, (B, K, h, w), for measures and pictures."""
        return as_tensor(heatmaps)[:, :: self.CHANNELS_PER_KEYPOINT]

    def warp_matrix(self, center: ArrayLike, scale: ArrayLike, rotation_degrees: ArrayLike = 0.0) -> Tensor:
        """The affine map from image to input, (..., 2, 3), float64; see `lib.utils.geometry.Crop.warp_matrix`."""
        return self.crop.warp_matrix(center, scale, rotation_degrees)

    def to_image(self, input_keypoints: ArrayLike, center: ArrayLike, scale: ArrayLike) -> Tensor:
        """input_ (x, y) (B, K, 2) to image_ (x, y) for crops (B, 2) that were not rotated."""
        return self.crop.to_image(input_keypoints, center, scale)

    def box_to_center_scale(self, boxes_xywh: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """image_ boxes (N, 4) to the centre (N, 2) and scale (N, 2) of their crops, float32."""
        return self.crop.box_to_center_scale(boxes_xywh)

    def description(self) -> dict[str, Any]:
        """What a checkpoint stores about the codec that it was trained with; plain JSON values."""
        return {
            "name": self.name,
            "crop": self.crop.name,
            "input_size_wh": list(self.input_size_wh),
            "heatmap_size_wh": list(self.heatmap_size_wh),
            "num_keypoints": self.num_keypoints,
            **self._encoding_description(),
        }

    @abstractmethod
    def _encode(self, heatmap_points: Tensor, visible: Tensor) -> tuple[Tensor, Tensor]:
        """heatmap_ (x, y) (B, K, 2) and bool (B, K) to heatmaps (B, C, h, w) and which have weight, bool (B, K)."""

    @abstractmethod
    def _decode(self, heatmaps: Tensor) -> tuple[Tensor, Tensor]:
        """float32 heatmaps (B, C, h, w) to heatmap_ (x, y) (B, K, 2) and scores (B, K)."""

    @abstractmethod
    def _encoding_description(self) -> dict[str, Any]:
        """The numbers of this encoding that change what a network learns."""

    def _moved(self, peaks: Peaks, shift: Tensor) -> Tensor:
        """The peaks moved by shifts (B, K, 2), except where there is no response or the shift is not finite.

        With TEST.NO_RESPONSE published the published decoders' shifts are taken as they are.
        """
        if self.absent is None or self.decoder == "exact":
            usable = peaks.responds & torch.isfinite(shift).all(dim=-1)
            shift = torch.where(usable[..., None], shift, 0.0)
        return peaks.points + shift

    def _checked(self, heatmaps: ArrayLike) -> Tensor:
        maps = as_tensor(heatmaps)
        expected = (self.num_channels, *self.heatmap_shape_hw)
        if maps.ndim != 4 or tuple(maps.shape[1:]) != expected:
            raise PoseError(
                f"the {self.name} codec reads heatmaps (B, {', '.join(map(str, expected))}), got {tuple(maps.shape)}; "
                "check MODEL.HEATMAP_SIZE, MODEL.NUM_JOINTS and MODEL.TARGET_TYPE against the network."
            )
        return maps.detach().to(torch.float32).contiguous()


def check_same_codec(stored: dict[str, Any], current: dict[str, Any], path: str) -> None:
    """Refuse a checkpoint that was trained with another codec than the config asks for.

    Args:
        stored: `description()` from the checkpoint.
        current: `description()` of the codec in use.
        path: the checkpoint, named in the error.

    Raises:
        PoseError: a value differs; both codecs are named.
    """
    differences = sorted(key for key in stored.keys() | current.keys() if stored.get(key) != current.get(key))
    if differences:
        there = ", ".join(f"{key} {stored.get(key)}" for key in differences)
        here = ", ".join(f"{key} {current.get(key)}" for key in differences)
        raise PoseError(
            f"checkpoint {path} was trained with codec {stored.get('name')} ({there}), the config asks for "
            f"{current.get('name')} ({here}); use the config it was trained with."
        )

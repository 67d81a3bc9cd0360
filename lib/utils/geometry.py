"""The three published ways to cut a person out of an image, and mirroring.

A crop is given by its `center` (image_ pixels) and its `scale` (sx, sy), its size in units of 200 image pixels. The
systems agree on that and differ in what a pixel is: HRNet counts W unit lengths across W pixels, UDP counts the W - 1
lengths between their centres, DARK takes W - 1 for directions and for the middle of the crop. Codes that were made
with one convention must be read with the same one, so each convention is one class with both directions.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from lib.utils.constants import constant

PIXELS_PER_SCALE = 200.0
BOX_PADDING = (1.25, 1.25)

ArrayLike = np.ndarray | Tensor | Sequence[float] | float


def as_tensor(values: ArrayLike, device: torch.device | None = None) -> Tensor:
    """Numbers as a tensor of their own dtype; arrays that torch cannot share (mirrored, read-only) are copied first."""
    if isinstance(values, np.ndarray):
        values = np.require(values, requirements=["C", "W"])
    return torch.as_tensor(values, device=device)


def precise(values: ArrayLike, device: torch.device | None = None) -> Tensor:
    """Positions as a tensor in float64, or in float32 on devices that have no float64 (Apple's)."""
    # As an array first: torch would take Python's own numbers for float32.
    tensor = values if isinstance(values, Tensor) else torch.from_numpy(np.array(values, dtype=np.float64))
    device = device or tensor.device
    return tensor.to(torch.float32 if device.type == "mps" else torch.float64).to(device)


def apply_affine(points: ArrayLike, matrix: ArrayLike) -> Tensor:
    """Map points with affine matrices.

    Args:
        points: (x, y), (..., N, 2).
        matrix: (..., 2, 3) with the same leading dimensions.

    Returns:
        (..., N, 2), float64.
    """
    points = precise(points)
    matrix = precise(matrix, points.device)
    return points @ matrix[..., :2].transpose(-1, -2) + matrix[..., None, :, 2]


def compose_affine(outer: np.ndarray, inner: np.ndarray) -> np.ndarray:
    """The maps that first apply `inner`: (..., 2, 3) each, float64."""
    linear = outer[..., :2] @ inner[..., :2]
    shift = (outer[..., :2] @ inner[..., 2:])[..., 0] + outer[..., 2]
    return np.concatenate([linear, shift[..., None]], axis=-1)


def invert_affine(matrix: np.ndarray) -> np.ndarray:
    """The inverse maps, (..., 2, 3), float64."""
    linear = np.linalg.inv(matrix[..., :2])
    return np.concatenate([linear, -linear @ matrix[..., 2:]], axis=-1)


def mirror_points(keypoints: Tensor, width: Tensor | int, permutation: Sequence[int]) -> Tensor:
    """Keypoints of the mirrored image.

    Args:
        keypoints: (x, y) in an image of `width` pixels, (..., K, 2).
        width: of that image, or of each image, (..., 1).
        permutation: which keypoint each one becomes when left and right change places, K indices.

    Returns:
        (..., K, 2); x becomes width - 1 - x.
    """
    mirrored = keypoints[..., list(permutation), :].clone()
    mirrored[..., 0] = width - 1 - mirrored[..., 0]
    return mirrored


def with_aspect(size_wh: np.ndarray, aspect: float) -> np.ndarray:
    """Sizes (width, height), (N, 2), whose short side is extended to width / height = `aspect`."""
    width, height = size_wh[..., 0], size_wh[..., 1]
    return np.stack([np.maximum(width, height * aspect), np.maximum(height, width / aspect)], axis=-1)


class Crop(ABC):
    """One convention for a crop of `input_size_wh` pixels whose heatmaps have `heatmap_size_wh` pixels.

    `box_padding` are the factors on a box's width and height before the short side is extended (DATASET.BOX_PADDING).
    """

    name: str

    def __init__(
        self,
        input_size_wh: Sequence[int],
        heatmap_size_wh: Sequence[int],
        box_padding: Sequence[float] = BOX_PADDING,
    ) -> None:
        self.input_size_wh = (int(input_size_wh[0]), int(input_size_wh[1]))
        self.heatmap_size_wh = (int(heatmap_size_wh[0]), int(heatmap_size_wh[1]))
        self.box_padding = (float(box_padding[0]), float(box_padding[1]))

    def box_to_center_scale(self, boxes_xywh: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Centre and scale of the crops for boxes.

        Args:
            boxes_xywh: image_ left, top, width, height, (N, 4).

        Returns:
            image_ center (N, 2) and scale (N, 2), float32: the box is enlarged by `box_padding` and its short side
            extended to the input's aspect ratio.

        Source: HRNet lib/dataset/coco.py, _xywh2cs, for equal factors; RSN dataset/JointsDataset.py for others. The
        float32 roundings of both are kept.
        """
        x, y, width, height = np.asarray(boxes_xywh, dtype=np.float64).reshape(-1, 4).T
        center = self._box_center(x, y, width, height).astype(np.float32)
        aspect = self.input_size_wh[0] * 1.0 / self.input_size_wh[1]
        size_wh, factors = np.stack([width, height], axis=-1), np.array(self.box_padding)
        if factors[0] == factors[1]:
            scale = (with_aspect(size_wh, aspect) / PIXELS_PER_SCALE).astype(np.float32)
            # The published code marks "no centre" by x = -1 and does not enlarge such a box.
            return center, np.where(center[:, :1] != -1, scale * np.float32(factors[0]), scale)
        padded = ((size_wh / PIXELS_PER_SCALE).astype(np.float32) * factors).astype(np.float32)
        return center, with_aspect(padded.astype(np.float64), aspect).astype(np.float32)

    def warp_matrix(self, center: ArrayLike, scale: ArrayLike, rotation_degrees: ArrayLike = 0.0) -> Tensor:
        """The affine map from the image to the input.

        Args:
            center: image_ (x, y), (..., 2).
            scale: (sx, sy) in units of 200 image pixels, (..., 2).
            rotation_degrees: (...), in the direction of the published system; like `scale` it may be one for all.

        Returns:
            (..., 2, 3), float64, for column vectors (x, y, 1).
        """
        center = precise(center)
        scale = precise(scale, center.device)
        rotation = torch.deg2rad(precise(rotation_degrees, center.device))
        linear = self._linear(scale * PIXELS_PER_SCALE, torch.cos(rotation), torch.sin(rotation))
        shift = _constant(self._input_center(), center) - (linear @ center[..., None])[..., 0]
        return torch.cat([linear.expand(*shift.shape, 2), shift[..., None]], dim=-1)

    def to_image(self, input_keypoints: ArrayLike, center: ArrayLike, scale: ArrayLike) -> Tensor:
        """Bring points of unrotated crops back to the image.

        Args:
            input_keypoints: input_ (x, y), (B, K, 2).
            center, scale: of the crops, (B, 2).

        Returns:
            image_ (x, y), (B, K, 2), of the dtype of `input_keypoints` (whole numbers: float64).
        """
        points = as_tensor(input_keypoints)
        wide = precise(points)
        scale = precise(scale, points.device)
        offset = (wide - _constant(self._input_center(), wide)) * self._image_step(scale)[..., None, :]
        image_points = offset + precise(center, points.device)[..., None, :]
        return image_points.to(points.dtype) if points.is_floating_point() else image_points

    def to_heatmap(self, input_keypoints: ArrayLike) -> Tensor:
        """input_ (x, y) to heatmap_ (x, y), (..., 2), float64."""
        points = precise(input_keypoints)
        origin, stride = self._heatmap_grid(points)
        # Divided by the stride rather than multiplied by its inverse: the published encoders round this quotient.
        return (points - origin) / stride

    def from_heatmap(self, heatmap_points: Tensor) -> Tensor:
        """heatmap_ (x, y) to input_ (x, y), (..., 2), float64."""
        points = precise(heatmap_points)
        origin, stride = self._heatmap_grid(points)
        return points * stride + origin

    def _box_center(self, x: np.ndarray, y: np.ndarray, width: np.ndarray, height: np.ndarray) -> np.ndarray:
        return np.stack([x + width * 0.5, y + height * 0.5], axis=-1)

    @abstractmethod
    def _linear(self, side: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
        """The 2x2 part of the warp for crops with `side` (..., 2) image pixels."""

    @abstractmethod
    def _input_center(self) -> tuple[float, float]:
        """The input point that the crop's centre goes to."""

    @abstractmethod
    def _image_step(self, scale: Tensor) -> Tensor:
        """Image pixels per input pixel, (..., 2)."""

    @abstractmethod
    def _heatmap_grid(self, like: Tensor) -> tuple[Tensor, Tensor]:
        """The input point of heatmap pixel (0, 0) and the input pixels per heatmap pixel, each (2,)."""


class PlainCrop(Crop):
    """HRNet's and mmpose's convention: W lengths across W pixels, and one factor for both axes.

    Source: HRNet lib/utils/transforms.py, get_affine_transform; computed in float64 where it rounds three points to
    float32 and solves for the matrix (they differ by less than 1e-3 pixels).
    """

    name = "plain"

    def _linear(self, side: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
        factor = self.input_size_wh[0] / side[..., 0]
        return _rotation(cosine, -sine) * factor[..., None, None]

    def _input_center(self) -> tuple[float, float]:
        return self.input_size_wh[0] * 0.5, self.input_size_wh[1] * 0.5

    def _image_step(self, scale: Tensor) -> Tensor:
        return (scale[..., :1] * PIXELS_PER_SCALE / self.input_size_wh[0]).expand_as(scale)

    def _heatmap_grid(self, like: Tensor) -> tuple[Tensor, Tensor]:
        stride = _constant(self.input_size_wh, like) / _constant(self.heatmap_size_wh, like)
        return torch.zeros_like(stride), stride


class DarkCrop(Crop):
    """DarkPose's convention: one factor (W - 1) / (S_w - 1), and crops centred at ((W - 1) / 2, (H - 1) / 2).

    Source: DarkPose lib/utils/transforms.py, get_affine_transform, and lib/dataset/coco.py, _xywh2cs.
    """

    name = "dark"

    def _box_center(self, x: np.ndarray, y: np.ndarray, width: np.ndarray, height: np.ndarray) -> np.ndarray:
        return np.stack([x + (width - 1) * 0.5, y + (height - 1) * 0.5], axis=-1)

    def _linear(self, side: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
        factor = (self.input_size_wh[0] - 1) / (side[..., 0] - 1)
        return _rotation(cosine, -sine) * factor[..., None, None]

    def _input_center(self) -> tuple[float, float]:
        return (self.input_size_wh[0] - 1) * 0.5, (self.input_size_wh[1] - 1) * 0.5

    def _image_step(self, scale: Tensor) -> Tensor:
        return ((scale[..., :1] * PIXELS_PER_SCALE - 1) / (self.input_size_wh[0] - 1)).expand_as(scale)

    def _heatmap_grid(self, like: Tensor) -> tuple[Tensor, Tensor]:
        # The factor comes from the widths alone, so rows meet in the middle of the map and not at its edge.
        stride = (self.input_size_wh[0] - 1) / (self.heatmap_size_wh[0] - 1)
        heatmap_middle = (_constant(self.heatmap_size_wh, like) - 1) * 0.5
        origin = _constant(self._input_center(), like) - heatmap_middle * stride
        return origin, like.new_full((2,), stride)


class UdpCrop(Crop):
    """UDP's convention: W - 1 lengths between W pixel centres, on each axis; it rotates the other way round.

    Source: UDP lib/dataset/JointsDataset.py, get_warpmatrix (given there from the input to the image).
    """

    name = "udp"

    def _linear(self, side: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
        factors = (_constant(self.input_size_wh, side) - 1) / side
        return _rotation(cosine, sine) * factors[..., None]

    def _input_center(self) -> tuple[float, float]:
        return (self.input_size_wh[0] - 1) * 0.5, (self.input_size_wh[1] - 1) * 0.5

    def _image_step(self, scale: Tensor) -> Tensor:
        return scale * PIXELS_PER_SCALE / (_constant(self.input_size_wh, scale) - 1)

    def _heatmap_grid(self, like: Tensor) -> tuple[Tensor, Tensor]:
        stride = (_constant(self.input_size_wh, like) - 1) / (_constant(self.heatmap_size_wh, like) - 1)
        return torch.zeros_like(stride), stride


def _constant(values: tuple[float, ...], like: Tensor) -> Tensor:
    return constant(values, like.dtype, like.device)


def _rotation(cosine: Tensor, sine: Tensor) -> Tensor:
    """[[cos, -sin], [sin, cos]], (..., 2, 2)."""
    return torch.stack([torch.stack([cosine, -sine], dim=-1), torch.stack([sine, cosine], dim=-1)], dim=-2)

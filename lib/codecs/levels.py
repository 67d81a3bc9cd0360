"""What RSN's two encodings share: the same keypoints from coarse to fine, with peaks of 255."""

from collections.abc import Sequence
from typing import Any, ClassVar

from torch import Tensor

from lib.codecs.gaussian import GaussianCodec
from lib.utils.constants import constant
from lib.utils.geometry import ArrayLike, Crop, as_tensor

# Sides of the Gaussians, coarse to fine, and the height of their peaks (RSN dataset/attribute.py, JointsDataset.py).
KERNELS = (15, 11, 9, 7, 5)
PEAK = 255.0
# Widths of these kernels as UDP-RSN measured them, heatmap pixels (UDP-Pose RSN/dataset/JointsDataset.py).
SIGMAS = (2.6, 2.0, 1.7, 1.4105, 1.1105)


class LevelCodec(GaussianCodec):
    """Targets in five widths, (B, 5, K, h, w), of which a network's units learn one each; the finest one is decoded.

    The weights that `encode` returns are the annotation's flags (0 unlabelled, 1 hidden, 2 visible), because RSN's
    loss tells hidden keypoints from visible ones; factors per keypoint are the loss's.

    Args:
        crop, flip_permutation: see `Codec`.
        options: `variant`, `decoder`, `blur_kernel` and `no_response`, see `GaussianCodec`.
    """

    levels: ClassVar[int] = len(KERNELS)

    def __init__(self, crop: Crop, flip_permutation: Sequence[int], **options: Any) -> None:
        super().__init__(crop, flip_permutation, sigma=SIGMAS[-1], **options)

    def score_maps(self, heatmaps: ArrayLike) -> Tensor:
        """The finest maps with peaks of 1, (B, K, h, w), of outputs (B, K, h, w) or targets (B, 5, K, h, w)."""
        maps = as_tensor(heatmaps)
        return (maps[:, -1] if maps.ndim == 5 else maps) / PEAK

    def _on_input(self, heatmap_points: Tensor) -> Tensor:
        """Which points (B, K, 2) lie on the input, (B, K): the published systems drop the others before they encode."""
        size = constant(self.input_size_wh, heatmap_points.dtype, heatmap_points.device)
        # Taken to the map as the points were: a point on the last pixel must compare equal.
        last = self.crop.to_heatmap(size - 1)
        return ((heatmap_points >= 0) & (heatmap_points <= last)).all(dim=-1)

    def _decode(self, heatmaps: Tensor) -> tuple[Tensor, Tensor]:
        return super()._decode(heatmaps / PEAK)

    def _encoding_description(self) -> dict[str, Any]:
        return {"kernels": list(KERNELS)}

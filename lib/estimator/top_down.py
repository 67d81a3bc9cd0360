"""Top-down: each person's box is cut out, and the network finds the keypoints in it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from lib.codecs.base import Codec
from lib.core.inference import Preparation, forward_with_flip
from lib.core.outputs import final_heatmaps
from lib.core.precision import Precision
from lib.core.results import rescore, select_results
from lib.core.suppression import Suppression
from lib.dataset.crop import Cropper
from lib.dataset.pixels import IDENTITY, StoredPixels
from lib.estimator.base import Estimate, Heat
from lib.utils.errors import PoseError
from lib.utils.geometry import PIXELS_PER_SCALE, compose_affine, invert_affine
from lib.utils.people import Boxes, People

# A crop of less than this has no pixels to look at, and DARK's convention divides by its side minus 1.
SMALLEST_SIDE = 2.0


@dataclass(frozen=True)
class _Crops:
    """The boxes of all pictures in a row: `picture`, center, scale, (N, ...), and maps image_ -> input_ (N, 2, 3)."""

    picture: np.ndarray
    center: np.ndarray
    scale: np.ndarray
    matrices: np.ndarray


class TopDownEstimator:
    """Poses in given boxes; the people of all pictures share batches.

    Args:
        network: from images (B, 3, H, W) to heatmaps, on the device of `prepare`; see lib.core.runtimes.
        codec: of the network.
        prepare: stored crops to network input.
        precision: of the network's arithmetic.
        suppression: of repeated poses.
        color_rgb: the network reads the channels in the order RGB, else BGR.
        flip_test: average with the mirrored crops.
        batch_size: people per batch.
    """

    needs_boxes = True

    def __init__(
        self,
        network: nn.Module,
        codec: Codec,
        prepare: Preparation,
        precision: Precision,
        suppression: Suppression,
        *,
        color_rgb: bool,
        flip_test: bool,
        batch_size: int,
    ) -> None:
        self._network = network.eval()
        self._codec = codec
        self._prepare = prepare
        self._precision = precision
        self._suppression = suppression
        self._flip_test = flip_test
        self._batch_size = batch_size
        # The cropper is told that pixels are BGR, as data sets store them; ours are RGB, so its orders change places.
        self._cropper = Cropper(codec.input_size_wh, color_rgb=not color_rgb)

    def check_size(self, size_wh: tuple[int, int]) -> None:
        """See `Estimator`; what lies in a box is cut out of any picture."""

    def __call__(
        self,
        pictures: Sequence[np.ndarray],
        boxes: Sequence[Boxes] | None = None,
        *,
        suppress: bool = True,
        with_heat: bool = False,
    ) -> list[Estimate]:
        """See `Estimator`."""
        if boxes is None or len(boxes) != len(pictures):
            raise PoseError("this network looks for one person per box; give the boxes of every picture.")
        crops = self._plan(boxes)
        keypoints, maps = self._estimate(pictures, crops, with_heat=with_heat)
        to_image = self._maps_to_image(crops.matrices)
        estimates = []
        for number, own in enumerate(boxes):
            rows = np.flatnonzero(crops.picture == number)
            kept, scores = self._select(keypoints[rows], own, crops, rows, suppress=suppress)
            people = People(Boxes(own.xywh[kept], own.scores[kept]), keypoints[rows][kept].astype(np.float64), scores)
            heat = Heat(maps[rows][kept], to_image[rows][kept]) if maps is not None else None
            estimates.append(Estimate(people, heat))
        return estimates

    def _plan(self, boxes: Sequence[Boxes]) -> _Crops:
        rows = np.concatenate([own.xywh for own in boxes]) if boxes else np.empty((0, 4))
        if not (np.isfinite(rows).all() and (rows[:, 2:] > 0).all()):
            raise PoseError("a box has no width or height above 0, or is not finite; leave it out.")
        center, scale = self._codec.box_to_center_scale(rows)
        scale = np.maximum(scale, np.float32(SMALLEST_SIDE / PIXELS_PER_SCALE))
        picture = np.repeat(np.arange(len(boxes)), [len(own) for own in boxes])
        return _Crops(picture, center, scale, self._codec.warp_matrix(center, scale).numpy())

    @torch.no_grad()
    def _estimate(
        self, pictures: Sequence[np.ndarray], crops: _Crops, *, with_heat: bool
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """image_ (x, y, score) of all crops, (N, K, 3) float32, and their highest maps (N, h, w) if asked for."""
        height, width = self._codec.heatmap_shape_hw
        keypoints = [np.empty((0, self._codec.num_keypoints, 3), np.float32)]
        maps = [np.empty((0, height, width), np.float32)]
        for images, center, scale in self._batches(pictures, crops):
            heatmaps = self._forward(self._prepare(images))
            input_keypoints, scores = self._codec.decode(heatmaps)
            image_keypoints = self._codec.to_image(input_keypoints, center, scale)
            rows = torch.cat([image_keypoints, scores[..., None]], dim=2).cpu().numpy()
            if not np.isfinite(rows).all() or not bool(torch.isfinite(heatmaps).all()):
                raise PoseError(
                    "the network's output is NaN or infinite; the weights are damaged or belong to another network, or "
                    "AMP fp16 overflows (use AMP bf16 or none)."
                )
            keypoints.append(rows.astype(np.float32))
            if with_heat:
                maps.append(self._codec.score_maps(heatmaps).amax(dim=1).float().cpu().numpy())
        return np.concatenate(keypoints), np.concatenate(maps) if with_heat else None

    def _batches(self, pictures: Sequence[np.ndarray], crops: _Crops) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Crops (B, 3, H, W) uint8 with their center and scale on the device."""
        stored = [StoredPixels(np.ascontiguousarray(picture), IDENTITY) for picture in pictures]
        for start in range(0, len(crops.picture), self._batch_size):
            part = slice(start, start + self._batch_size)
            owners = [stored[number] for number in crops.picture[part].tolist()]
            pixels = self._cropper.crops(crops.matrices[part], owners.__getitem__)
            center, scale = (torch.from_numpy(field[part]) for field in (crops.center, crops.scale))
            device = self._prepare.device
            yield torch.from_numpy(pixels).permute(0, 3, 1, 2), center.to(device), scale.to(device)

    def _forward(self, images: Tensor) -> Tensor:
        if self._flip_test:
            return forward_with_flip(self._network, self._codec, images, self._precision)
        with self._precision.autocast():
            return final_heatmaps(self._network(images))

    def _select(
        self, keypoints: np.ndarray, boxes: Boxes, crops: _Crops, rows: np.ndarray, *, suppress: bool
    ) -> tuple[np.ndarray, np.ndarray]:
        """Which of a picture's people are kept, and their scores."""
        rule = self._suppression
        if not suppress:
            return np.arange(len(boxes)), rescore(keypoints[..., 2], boxes.scores, rule.in_vis_thre)
        area = np.prod(crops.scale[rows] * PIXELS_PER_SCALE, axis=1, keepdims=True)
        frames = np.concatenate([crops.center[rows], crops.scale[rows], area, boxes.scores[:, None]], axis=1)
        selection = select_results(
            keypoints,
            frames,
            np.zeros(len(rows), np.int64),
            rule.sigmas,
            in_vis_thre=rule.in_vis_thre,
            oks_thre=rule.oks_thre,
            soft_nms=rule.soft_nms,
        )
        return selection.indices, selection.scores

    def _maps_to_image(self, matrices: np.ndarray) -> np.ndarray:
        """Affine maps from heatmap_ to image_ points, (N, 2, 3)."""
        origin, right, below = self._codec.crop.from_heatmap(torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])).numpy()
        to_input = np.stack([right - origin, below - origin, origin], axis=1)
        return compose_affine(invert_affine(matrices), to_input)

"""Bottom-up: the network sees whole pictures, and its keypoints are grouped into people."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from lib.codecs.group.codec import GroupCodec
from lib.codecs.group.people import GroupedPeople
from lib.core.group_inference import GroupTest, look, people_in_pictures, points_to_image, refuse_not_finite
from lib.core.inference import Preparation
from lib.core.precision import Precision
from lib.core.suppression import Suppression, kept_people
from lib.dataset.group.pictures import resized
from lib.dataset.group.resize import Resize
from lib.dataset.pixels import IDENTITY, StoredPixels
from lib.estimator.base import Estimate, Heat
from lib.utils.errors import PoseError
from lib.utils.people import Boxes, People, pose_extents

Size = tuple[int, int]
LEAST_SIDE = 1.0  # of a box, image_ px


class BottomUpEstimator:
    """All people of whole pictures, the best first; pictures of equal size share batches.

    A person's box is the extent of the keypoints that were grouped, without those filled in by their tags, which can
    lie far off; its score is the person's.

    Args:
        network: from images (B, 3, H, W) to heatmaps and tags, on the device of `prepare`.
        codec: of the network.
        prepare: stored pixels to network input.
        precision: of the network's arithmetic.
        resize: the sizes of the inputs.
        options: scales and flip test.
        suppression: of people; published tests have none.
        color_rgb: the network reads the channels in the order RGB, else BGR.
        batch_size: pictures per batch.
    """

    needs_boxes = False

    def __init__(
        self,
        network: nn.Module,
        codec: GroupCodec,
        prepare: Preparation,
        precision: Precision,
        resize: Resize,
        options: GroupTest,
        suppression: Suppression,
        *,
        color_rgb: bool,
        batch_size: int,
    ) -> None:
        self._network = network.eval()
        self._codec = codec
        self._prepare = prepare
        self._precision = precision
        self._resize = resize
        self._options = options
        self._suppression = suppression
        self._batch_size = batch_size
        # Data sets store BGR and ours are RGB, so the orders change places.
        self._stored_order = not color_rgb

    def __call__(
        self,
        pictures: Sequence[np.ndarray],
        boxes: Sequence[Boxes] | None = None,
        *,
        suppress: bool = True,
        with_heat: bool = False,
    ) -> list[Estimate]:
        """See `Estimator`."""
        if boxes is not None:
            raise PoseError("this network finds all people of a picture by itself; leave the boxes out.")
        estimates: dict[int, Estimate] = {}
        for size_wh, places in _by_size(pictures).items():
            self.check_size(size_wh)
            for start in range(0, len(places), self._batch_size):
                batch = places[start : start + self._batch_size]
                images = [pictures[place] for place in batch]
                found = self._estimate(images, size_wh, suppress=suppress, with_heat=with_heat)
                estimates |= dict(zip(batch, found, strict=True))
        return [estimates[place] for place in range(len(pictures))]

    def check_size(self, size_wh: Size) -> None:
        """See `Estimator`."""
        self._resize.check(size_wh)

    @torch.no_grad()
    def _estimate(
        self, pictures: Sequence[np.ndarray], size_wh: Size, *, suppress: bool, with_heat: bool
    ) -> list[Estimate]:
        stored = [StoredPixels(np.ascontiguousarray(picture), IDENTITY) for picture in pictures]
        inputs = [
            torch.stack([resized(pixels, self._resize, size_wh, scale, self._stored_order) for pixels in stored])
            for scale in self._options.scales
        ]
        base_wh = self._resize.input_size(size_wh)
        heatmaps, tags = look(
            self._network, self._codec, inputs, base_wh, self._prepare, self._options, self._precision
        )
        refuse_not_finite(heatmaps, tags, lambda _: f"a picture of {size_wh[0]}x{size_wh[1]} pixels")
        to_picture = self._resize.to_image(size_wh)
        to_pictures = np.repeat(to_picture[None], len(pictures), axis=0)
        found = people_in_pictures(self._codec, heatmaps, tags, base_wh, to_pictures)
        people = [self._chosen(points, one, suppress=suppress) for points, one in found]
        if not with_heat:
            return [Estimate(one) for one in people]
        map_wh, corners = (heatmaps.shape[-1], heatmaps.shape[-2]), np.array([[[0, 0], [1, 0], [0, 1]]], np.float32)
        in_picture = points_to_image(corners, map_wh, base_wh, to_picture, unbiased=self._codec.unbiased)
        origin, right, below = in_picture[0].astype(np.float64)
        to_image = np.stack([right - origin, below - origin, origin], axis=1)[None]
        maps = heatmaps.amax(dim=1).cpu().numpy()
        return [Estimate(one, Heat(own[None], to_image)) for one, own in zip(people, maps, strict=True)]

    def _chosen(self, image_keypoints: np.ndarray, found: GroupedPeople, *, suppress: bool) -> People:
        """Who is left after suppression, the best first."""
        keypoints = np.concatenate([image_keypoints, found.scores[..., None]], axis=2).astype(np.float64)
        scores, grouped = found.score.astype(np.float64), (found.scores > 0) & ~found.refined
        if suppress:
            kept = kept_people(keypoints, scores, np.zeros(len(scores), np.int64), self._suppression)
            keypoints, scores, grouped = keypoints[kept], scores[kept], grouped[kept]
        order = np.argsort(-scores, kind="stable")
        keypoints, scores, grouped = keypoints[order], scores[order], grouped[order]
        boxes = pose_extents(keypoints[..., :2], grouped)
        # A person of one keypoint has a box as well: files of boxes without extent are refused everywhere.
        boxes[:, 2:] = np.maximum(boxes[:, 2:], LEAST_SIDE)
        return People(Boxes(boxes, scores), keypoints, scores)


def _by_size(pictures: Sequence[np.ndarray]) -> dict[Size, list[int]]:
    """Places of the pictures by their (width, height)."""
    places: dict[Size, list[int]] = {}
    for place, picture in enumerate(pictures):
        places.setdefault((picture.shape[1], picture.shape[0]), []).append(place)
    return places

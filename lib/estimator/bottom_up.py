"""Bottom-up: the network sees whole pictures, and its keypoints are grouped into people."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from lib.codecs.group.codec import GroupCodec
from lib.codecs.group.people import GroupedPeople
from lib.core.group_inference import GroupTest, look, points_to_image
from lib.core.inference import Preparation
from lib.core.precision import Precision
from lib.dataset.group.pictures import resized
from lib.dataset.group.resize import Resize
from lib.dataset.pixels import IDENTITY, StoredPixels
from lib.estimator.base import Estimate, Heat
from lib.utils.errors import PoseError
from lib.utils.people import Boxes, People, pose_extents

Size = tuple[int, int]


class BottomUpEstimator:
    """All people of whole pictures, the best first; pictures of equal size go through the network together.

    A person's box is the extent of the keypoints that were found, and its score the person's.

    Args:
        network: from images (B, 3, H, W) to heatmaps and tags, on the device of `prepare`.
        codec: of the network.
        prepare: stored pixels to network input.
        precision: of the network's arithmetic.
        resize: the sizes of the inputs.
        options: scales and flip test.
        color_rgb: the network reads the channels in the order RGB, else BGR.
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
        *,
        color_rgb: bool,
    ) -> None:
        self._network = network.eval()
        self._codec = codec
        self._prepare = prepare
        self._precision = precision
        self._resize = resize
        self._options = options
        # Data sets store BGR and ours are RGB, so the orders change places.
        self._stored_order = not color_rgb

    def __call__(
        self,
        pictures: Sequence[np.ndarray],
        boxes: Sequence[Boxes] | None = None,
        *,
        suppress: bool = True,  # noqa: ARG002 - nobody is found twice, as published
        with_heat: bool = False,
    ) -> list[Estimate]:
        """See `Estimator`."""
        if boxes is not None:
            raise PoseError("this network finds all people of a picture by itself; leave the boxes out.")
        estimates: dict[int, Estimate] = {}
        for size_wh, places in _by_size(pictures).items():
            found = self._estimate([pictures[place] for place in places], size_wh, with_heat=with_heat)
            estimates |= dict(zip(places, found, strict=True))
        return [estimates[place] for place in range(len(pictures))]

    @torch.no_grad()
    def _estimate(self, pictures: Sequence[np.ndarray], size_wh: Size, *, with_heat: bool) -> list[Estimate]:
        stored = [StoredPixels(np.ascontiguousarray(picture), IDENTITY) for picture in pictures]
        inputs = [
            torch.stack([resized(pixels, self._resize, size_wh, scale, self._stored_order) for pixels in stored])
            for scale in self._options.scales
        ]
        base_wh = self._resize.input_size(size_wh)
        heatmaps, tags = look(
            self._network, self._codec, inputs, base_wh, self._prepare, self._options, self._precision
        )
        if not bool(torch.isfinite(heatmaps).all() & torch.isfinite(tags).all()):
            raise PoseError(
                "the network's output is NaN or infinite; the weights are damaged or belong to another network, or AMP "
                "fp16 overflows (use AMP bf16 or none)."
            )
        map_wh, to_picture = (heatmaps.shape[-1], heatmaps.shape[-2]), self._resize.to_image(size_wh)

        def bring_back(points: np.ndarray) -> np.ndarray:
            return points_to_image(points, map_wh, base_wh, to_picture, unbiased=self._codec.unbiased)

        people = [_people(one, bring_back(one.keypoints)) for one in self._codec.decode(heatmaps, tags)]
        if not with_heat:
            return [Estimate(one) for one in people]
        origin, right, below = bring_back(np.array([[[0, 0], [1, 0], [0, 1]]], np.float32))[0].astype(np.float64)
        to_image = np.stack([right - origin, below - origin, origin], axis=1)[None]
        maps = heatmaps.amax(dim=1).cpu().numpy()
        return [Estimate(one, Heat(own[None], to_image)) for one, own in zip(people, maps, strict=True)]


def _by_size(pictures: Sequence[np.ndarray]) -> dict[Size, list[int]]:
    """Places of the pictures by their (width, height)."""
    places: dict[Size, list[int]] = {}
    for place, picture in enumerate(pictures):
        places.setdefault((picture.shape[1], picture.shape[0]), []).append(place)
    return places


def _people(found: GroupedPeople, image_keypoints: np.ndarray) -> People:
    """The best first."""
    order = np.argsort(-found.score, kind="stable")
    points, scores = image_keypoints[order].astype(np.float64), found.scores[order].astype(np.float64)
    person_scores = found.score[order].astype(np.float64)
    boxes = Boxes(pose_extents(points, scores > 0), person_scores)
    return People(boxes, np.concatenate([points, scores[..., None]], axis=2), person_scores)

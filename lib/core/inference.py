"""From crops to keypoints in the image, for validation, testing and people's own programs."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from lib.codecs.base import Codec
from lib.core.hooks import Batch, Crops
from lib.core.outputs import final_heatmaps
from lib.core.precision import Precision
from lib.utils import distributed
from lib.utils.errors import PoseError
from lib.utils.image import normalize

# Batches between two fetches of results: few enough to name a network's NaN soon, and to hold little memory.
FETCH_EVERY = 16


@dataclass(frozen=True)
class Preparation:
    """How a batch of stored crops becomes the network's input.

    Attributes:
        device: where the network runs.
        mean: subtracted from pixels in 0..1, in the stored channel order.
        std: then divided by.
        channels_last: NHWC memory order, which convolutions prefer.
    """

    device: torch.device
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    channels_last: bool = True

    def __call__(self, images: Tensor | Crops) -> Tensor:
        """Move and normalise: (B, 3, H, W) uint8 -> (B, 3, H, W) float32 on the device."""
        images = normalize(images.to(self.device, non_blocking=True), self.mean, self.std)
        return images if self.channels_last else images.contiguous()


@dataclass(frozen=True)
class Predictions:
    """Keypoints of N records, in ascending order of their index.

    Attributes:
        index: position of the record in the data set, (N,), int64.
        image_keypoints: image_ (x, y), (N, K, 2), float32.
        scores: (N, K), float32.
    """

    index: np.ndarray
    image_keypoints: np.ndarray
    scores: np.ndarray

    def with_scores(self) -> np.ndarray:
        """(x, y, score) as the evaluation takes them, (N, K, 3), float32."""
        return np.concatenate([self.image_keypoints, self.scores[..., None]], axis=2)


# Called with each batch, the network's input and its final heatmaps, for losses and pictures.
BatchWatcher = Callable[[Batch, Tensor, Tensor], None]


def forward_with_flip(model: nn.Module, codec: Codec, images: Tensor, precision: Precision) -> Tensor:
    """The network's final heatmaps, averaged with those of the mirrored images.

    Args:
        model: the network, in evaluation mode.
        codec: brings mirrored heatmaps back.
        images: (B, 3, H, W), normalised. The images and their mirror images go through the network as one batch.
        precision: of the network's arithmetic.

    Returns:
        (B, C, h, w), float32.
    """
    with precision.autocast():
        both = final_heatmaps(model(torch.cat([images, images.flip(-1)])))
    plain, mirrored = both.chunk(2)
    return (plain + codec.flip_back(mirrored)) * 0.5


@torch.no_grad()
def predict(
    model: nn.Module,
    codec: Codec,
    loader: Iterable[Batch],
    prepare: Preparation,
    *,
    flip_test: bool,
    precision: Precision | None = None,
    watch: BatchWatcher | None = None,
) -> Predictions:
    """Predict the keypoints of every record that the loaders of all processes yield.

    Args:
        model: the network; it is left in evaluation mode.
        codec: of the model.
        loader: batches; each record on one process only.
        prepare: stored crops to network input.
        flip_test: average with the mirrored images' heatmaps.
        precision: of the network's arithmetic; float32 when None.
        watch: sees each batch, its input and its final heatmaps.

    Returns:
        On every process: the predictions of all processes.

    Raises:
        PoseError: the network's output is not a number; the records are named.
    """
    model.eval()
    precision = precision or Precision(prepare.device)
    collector = _Collector()
    for batch in loader:
        images = prepare(batch.image)
        if flip_test:
            heatmaps = forward_with_flip(model, codec, images, precision)
        else:
            with precision.autocast():
                heatmaps = final_heatmaps(model(images))
        input_keypoints, scores = codec.decode(heatmaps)
        center, scale = (field.to(prepare.device, non_blocking=True) for field in (batch.center, batch.scale))
        image_keypoints = codec.to_image(input_keypoints, center, scale)
        collector.add(batch.index, heatmaps, image_keypoints, scores)
        if watch is not None:
            watch(batch, images, heatmaps)
    return _gather(collector.finish(), codec.num_keypoints)


class _Collector:
    """Keeps results where they are made and fetches them a few batches at a time, so that a GPU can run ahead."""

    def __init__(self) -> None:
        self._fetched: list[tuple[Tensor, Tensor, Tensor]] = []
        self._pending: list[tuple[Tensor, Tensor, Tensor, Tensor]] = []

    def add(self, index: Tensor, heatmaps: Tensor, image_keypoints: Tensor, scores: Tensor) -> None:
        """Take the results of a batch."""
        finite = torch.isfinite(heatmaps).flatten(1).all(dim=1)
        # Copied: a tensor of a worker process holds a file descriptor for as long as it is kept.
        self._pending.append((index.clone(), finite, image_keypoints, scores))
        if len(self._pending) == FETCH_EVERY:
            self._fetch()

    def finish(self) -> list[tuple[Tensor, Tensor, Tensor]]:
        """Index, keypoints and scores of all batches, on the CPU."""
        self._fetch()
        return self._fetched

    def _fetch(self) -> None:
        """Bring what is pending to the CPU.

        Raises:
            PoseError: a heatmap is not a number.
        """
        for index, finite, image_keypoints, scores in self._pending:
            fine = finite.cpu()
            if not fine.all():
                raise PoseError(
                    f"the network's output for records {index[~fine].tolist()[:8]} (counted from 0) is NaN or "
                    "infinite; the weights are damaged or belong to another network, or AMP fp16 overflows (use "
                    "--amp bf16 or none)."
                )
            self._fetched.append((index, image_keypoints.cpu().float(), scores.cpu().float()))
        self._pending = []


def _gather(parts: list[tuple[Tensor, Tensor, Tensor]], num_keypoints: int) -> Predictions:
    """Join the batches of all processes; a process may have had none."""
    empty = (
        torch.zeros(0, dtype=torch.int64),
        torch.zeros(0, num_keypoints, 2),
        torch.zeros(0, num_keypoints),
    )
    index, keypoints, scores = (torch.cat(column).numpy() for column in zip(empty, *parts, strict=True))
    joined = distributed.gather_arrays({"index": index, "keypoints": keypoints, "scores": scores})
    order = np.argsort(joined["index"], kind="stable")
    return Predictions(joined["index"][order], joined["keypoints"][order], joined["scores"][order])

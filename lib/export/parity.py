"""Whether an exported program finds the keypoints that PyTorch finds."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from lib.codecs.base import Codec
from lib.core.inference import Preparation, forward_with_flip
from lib.core.outputs import final_heatmaps
from lib.core.precision import Precision
from lib.export.formats import Engine
from lib.export.graph import Parts
from lib.utils.errors import PoseError

# Largest difference of a keypoint, input pixels, and of a score, part of the largest score.
TOLERANCE_PX = 0.1
SCORE_TOLERANCE = 1e-3
# What engines may round away: part of the standard deviation of the heatmaps. Measured are 1e-6 to 1e-5.
ROUNDING = 5e-5
# Draws of such noise: two peaks that differ by a quarter of it change places in one of three draws.
DRAWS = 16
# Sizes of the batches that a program for any size is tried with.
ANY_SIZES = (1, 3, 8)
CROPS = sum(ANY_SIZES)


@dataclass(frozen=True)
class Reference:
    """What eager PyTorch finds in float32.

    Attributes:
        crops: as they are given to programs, (N, H, W, 3) uint8 RGB.
        keypoints: input_ (x, y), (N, K, 2), float32.
        scores: (N, K), float32.
        settled: which joints do not move by half the tolerance when their heatmaps are changed by rounding, (N, K).
    """

    crops: np.ndarray
    keypoints: np.ndarray
    scores: np.ndarray
    settled: np.ndarray


@dataclass(frozen=True)
class Parity:
    """How far an exported program is from PyTorch.

    Attributes:
        batches: their sizes.
        joints: how many were compared.
        unsettled: how many were left out, see `Reference.settled`.
        max_px, median_px: distances of keypoints, input pixels.
        max_score, median_score: differences of scores, parts of the largest score.
    """

    batches: tuple[int, ...]
    joints: int
    unsettled: int
    max_px: float
    median_px: float
    max_score: float
    median_score: float

    @property
    def holds(self) -> bool:
        """Whether the differences are within the tolerances."""
        return self.max_px <= TOLERANCE_PX and self.max_score <= SCORE_TOLERANCE

    def lines(self) -> Iterator[str]:
        """For people."""
        yield f"batches {', '.join(map(str, self.batches))}; {self.joints} joints compared"
        if self.unsettled:
            yield f"left out {self.unsettled} joints that rounding alone moves in PyTorch, too (equal peaks)"
        yield f"keypoints differ by {self.max_px:.2g} px at most, {self.median_px:.2g} px in the median"
        yield f"scores differ by {self.max_score:.2g} of the largest at most, {self.median_score:.2g} in the median"


@torch.no_grad()
def make_reference(
    model: nn.Module, codec: Codec, prepare: Preparation, images: Tensor, *, color_rgb: bool, flip_test: bool
) -> Reference:
    """Find keypoints as a test does.

    Args:
        model: the network, on the CPU.
        codec: of the network.
        prepare: stored crops to network input.
        images: crops as a data set gives them, (N, 3, H, W) uint8.
        color_rgb: their channels are in the order RGB, else BGR.
        flip_test: average with the mirrored crops.

    Raises:
        PoseError: the network's output is not a number, or rounding moves every joint.
    """
    model.eval()
    batch = prepare(images)
    if flip_test:
        heatmaps = forward_with_flip(model, codec, batch, Precision(prepare.device))
    else:
        heatmaps = final_heatmaps(model(batch))
    if not torch.isfinite(heatmaps).all():
        raise PoseError(
            "the network's output is NaN or infinite; the weights are damaged or belong to another network."
        )
    keypoints, scores = codec.decode(heatmaps)
    settled = settled_joints(codec, heatmaps)
    if not settled.any():
        raise PoseError(
            "no joint of the network keeps its place when its heatmaps are changed by rounding, so that nothing can be "
            "compared; train the network, or name other pictures with --images."
        )
    crops = (images if color_rgb else images.flip(1)).permute(0, 2, 3, 1)
    return Reference(np.ascontiguousarray(crops.numpy()), keypoints.numpy(), scores.numpy(), settled.numpy())


def settled_joints(codec: Codec, heatmaps: Tensor) -> Tensor:
    """Which joints stay within half the tolerance when noise of the size of rounding is added, (N, K) bool.

    Untrained networks have maps with several nearly equal peaks, or so flat that a Newton step on them goes anywhere.
    What such a joint's place is, no engine can be asked.

    Args:
        codec: reads the heatmaps.
        heatmaps: (N, C, h, w), float32.
    """
    generator = torch.Generator().manual_seed(0)
    # The second term is the rounding of the values themselves, where a constant is added to small differences.
    size = ROUNDING * heatmaps.std() + 4 * torch.finfo(torch.float32).eps * heatmaps.abs().max()
    points, _ = codec.decode(heatmaps)
    farthest = torch.zeros(points.shape[:2])
    for _ in range(DRAWS):
        noise = (torch.rand(heatmaps.shape, generator=generator) * 2 - 1) * size
        moved, _ = codec.decode(heatmaps + noise)
        farthest = torch.maximum(farthest, torch.linalg.vector_norm(moved - points, dim=-1))
    return farthest <= TOLERANCE_PX / 2


def compare(engine: Engine, codec: Codec, reference: Reference, parts: Parts) -> Parity:
    """Run an exported program on the reference's crops.

    Args:
        engine: the program.
        codec: reads heatmaps where the program gives such.
        reference: what PyTorch finds.
        parts: what lies inside the program.
    """
    sizes = batch_sizes(parts.batch)
    order = np.arange(sum(sizes)) % len(reference.crops)
    points, scores = _run(engine, codec, np.split(reference.crops[order], np.cumsum(sizes)[:-1]), parts)
    settled = reference.settled[order]
    distance = np.linalg.norm(points - reference.keypoints[order], axis=-1)[settled]
    score = np.abs(scores - reference.scores[order])[settled] / np.abs(reference.scores).max()
    # Not a number is no agreement.
    distance, score = np.nan_to_num(distance, nan=np.inf), np.nan_to_num(score, nan=np.inf)
    return Parity(
        batches=sizes,
        joints=distance.size,
        unsettled=int((~settled).sum()),
        max_px=float(distance.max()),
        median_px=float(np.median(distance)),
        max_score=float(score.max()),
        median_score=float(np.median(score)),
    )


def batch_sizes(batch: int | None) -> tuple[int, ...]:
    """Sizes of the batches that a program is tried with: `CROPS` crops together, or more for a fixed size."""
    return ANY_SIZES if batch is None else (batch,) * -(-CROPS // batch)


def _run(engine: Engine, codec: Codec, batches: Sequence[np.ndarray], parts: Parts) -> tuple[np.ndarray, np.ndarray]:
    """Keypoints (N, K, 2) and scores (N, K) of all batches."""
    results = []
    for crops in batches:
        outputs = engine(crops)
        if not parts.decode:
            outputs = [value.numpy() for value in codec.decode(np.array(outputs[0]))]
        results.append(outputs)
    points, scores = (np.concatenate(column) for column in zip(*results, strict=True))
    return points, scores

"""What bottom-up networks learn, and what is read from their outputs."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

FloatArray = NDArray[np.float32]


@dataclass(frozen=True)
class GroupTargets:
    """What a network shall give for a batch of pictures.

    Attributes:
        heatmaps: one tensor per output, from coarse to fine, (B, K, h_i, w_i), float32.
        tag_index: pixel y w + x of the first output whose tag belongs to a keypoint, (B, M, K), int64; 0 where there is
            none.
        tag_visible: which keypoints have such a pixel, (B, M, K), bool.
    """

    heatmaps: tuple[Tensor, ...]
    tag_index: Tensor
    tag_visible: Tensor


@dataclass(frozen=True)
class GroupedPeople:
    """P people of one picture; their order has no meaning.

    Attributes:
        keypoints: (x, y) in pixels of the heatmaps that were read, (P, K, 2); (0, 0) for keypoints not found.
        scores: heatmap value of each keypoint, (P, K); 0 for keypoints not found.
        raw_scores: the scores before missing keypoints were filled in, (P, K).
        tags: (P, K, T); 0 for keypoints without a candidate.
        refined: which keypoints were filled in, (P, K), bool.
        score: of each person, (P,): the mean of `raw_scores` over all K keypoints, as published.

    Floats are float32.
    """

    keypoints: FloatArray
    scores: FloatArray
    raw_scores: FloatArray
    tags: FloatArray
    refined: NDArray[np.bool_]
    score: FloatArray

    def __len__(self) -> int:
        return len(self.score)

"""How poses are scored and repeated ones left out, and the suppression of people who were found without boxes."""

from dataclasses import dataclass

import numpy as np

from lib.core.nms import oks_nms, soft_oks_nms


@dataclass(frozen=True)
class Suppression:
    """How predictions become results.

    Attributes:
        sigmas: OKS constants, (K,).
        in_vis_thre: joint scores above it count in the score of a pose (TEST.IN_VIS_THRE).
        oks_thre: OKS above which the weaker of two poses is left out (TEST.OKS_THRE).
        soft_nms: TEST.SOFT_NMS.
    """

    sigmas: np.ndarray
    in_vis_thre: float = 0.2
    oks_thre: float = 0.9
    soft_nms: bool = False

    def __str__(self) -> str:
        return f"{'soft ' if self.soft_nms else ''}OKS-NMS at {self.oks_thre:g}"

    @property
    def has_effect(self) -> bool:
        """Whether anybody can be left out: no OKS is above 1."""
        return self.soft_nms or self.oks_thre < 1


def kept_people(points: np.ndarray, scores: np.ndarray, image_ids: np.ndarray, rule: Suppression) -> np.ndarray:
    """Who of the people found without boxes is kept; no published bottom-up test suppresses anybody.

    Args:
        points: image_ (x, y, score), (P, K, 3), float64; the extent of a person's points is taken as its area.
        scores: of the people, (P,).
        image_ids: (P,).
        rule: how; `in_vis_thre` has no part in it.

    Returns:
        Numbers of the kept people; all in their order where nobody can be left out.
    """
    if not rule.has_effect or not len(points):
        return np.arange(len(points))
    extent = np.ptp(points[..., :2], axis=1).prod(axis=1)
    suppress = soft_oks_nms if rule.soft_nms else oks_nms
    return suppress(points, extent, scores, image_ids, rule.sigmas, rule.oks_thre)

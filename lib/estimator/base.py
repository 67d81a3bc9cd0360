"""What every way of estimating poses offers to those who have pictures."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from lib.utils.people import Boxes, People


@dataclass(frozen=True)
class Heat:
    """Where the network sees keypoints of any kind, for overlays.

    Attributes:
        maps: the highest of a person's score maps at each pixel, (P, h, w), float32; about 0..1.
        to_image: affine maps from heatmap_ to image_ points, (P, 2, 3), float64.
    """

    maps: np.ndarray
    to_image: np.ndarray


@dataclass(frozen=True)
class Estimate:
    """What was found in one picture.

    Attributes:
        people: the poses.
        heat: one map per person, where it was asked for.
    """

    people: People
    heat: Heat | None = None


class Estimator(Protocol):
    """People of several pictures at a time."""

    @property
    def needs_boxes(self) -> bool:
        """Whether each person's box has to be known (top-down)."""

    def check_size(self, size_wh: tuple[int, int]) -> None:
        """Raise PoseError where the network cannot look at pictures of this size."""

    def __call__(
        self,
        pictures: Sequence[np.ndarray],
        boxes: Sequence[Boxes] | None = None,
        *,
        suppress: bool = True,
        with_heat: bool = False,
    ) -> list[Estimate]:
        """Estimate poses.

        Args:
            pictures: (H_i, W_i, 3) uint8 RGB each; not modified.
            boxes: of each picture; None where none are needed.
            suppress: leave out the weaker of two poses of the same person, the best pose first; else one pose per box
                in the order of the boxes.
            with_heat: give `Estimate.heat` as well.

        Returns:
            One estimate per picture.

        Raises:
            PoseError: boxes or pictures that cannot be used, or a network whose output is not a number.
        """

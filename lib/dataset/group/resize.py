"""How whole pictures become inputs of a test: the short side as configured, the long one up to a multiple of 64.

Two conventions, each with both directions. A picture keeps its shape; what the input has beyond it is black. With
several scales every size is that of the smallest scale, rounded, times the quotient of the scales.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Final

import numpy as np

from lib.utils.errors import PoseError

MULTIPLE: Final = 64
# Of inputs, px: beyond it OpenCV refuses to warp. What fits into the memory depends on network and machine.
LONGEST_SIDE: Final = 32_000


class Resize(ABC):
    """One convention.

    Args:
        short_side: of the input at scale 1 (MODEL.IMAGE_SIZE), pixels.
        scales: at which a picture is seen (TEST.SCALE_FACTOR).
    """

    name: ClassVar[str]

    def __init__(self, short_side: int, scales: Sequence[float] = (1.0,)) -> None:
        self.short_side = short_side
        self.scales = tuple(sorted(scales, reverse=True))

    def input_size(self, picture_wh: tuple[int, int], scale: float = 1.0) -> tuple[int, int]:
        """Width and height of the input for a picture of a size, at a scale."""
        smallest = self.scales[-1]
        short = self._multiple(smallest * self.short_side)
        long = self._multiple(short / min(picture_wh) * max(picture_wh))
        sides = int(short * scale / smallest), int(long * scale / smallest)
        return sides if picture_wh[0] < picture_wh[1] else (sides[1], sides[0])

    @property
    def input_short_side(self) -> int:
        """Of inputs at scale 1: the configured one, up to a multiple of 64 at the smallest scale."""
        return min(self.input_size((1, 1)))

    def fits(self, picture_wh: tuple[int, int]) -> bool:
        """Whether a picture is not so long and thin that OpenCV refuses to make an input of it."""
        return self._longest_side(picture_wh) <= LONGEST_SIDE

    def check(self, picture_wh: tuple[int, int]) -> None:
        """Refuse pictures that do not fit.

        Raises:
            PoseError: the size is named.
        """
        if not self.fits(picture_wh):
            raise PoseError(
                f"a picture of {picture_wh[0]}x{picture_wh[1]} pixels becomes an input with a side "
                f"of {self._longest_side(picture_wh)} px, which is more than {LONGEST_SIDE}; cut it into parts."
            )

    @abstractmethod
    def to_input(self, picture_wh: tuple[int, int], scale: float = 1.0) -> np.ndarray:
        """The affine map from image_ to input_ points at a scale, (2, 3) float64."""

    @abstractmethod
    def to_image(self, picture_wh: tuple[int, int]) -> np.ndarray:
        """The affine map from input_ points at scale 1 to image_ points, (2, 3) float64."""

    def _longest_side(self, picture_wh: tuple[int, int]) -> int:
        """Of the largest input, px."""
        return max(self.input_size(picture_wh, self.scales[0]))

    def _multiple(self, length: float) -> int:
        """The next multiple of 64."""
        return math.ceil(length / MULTIPLE) * MULTIPLE


class PlainResize(Resize):
    """The picture in the middle; lengths are counted in pixels.

    Args:
        short_side, scales: see `Resize`.
        mmpose: mmpose's rounding. It takes the middle of an odd side to the nearest even pixel, HigherHRNet upwards;
            and it makes room for a part of a pixel, where HigherHRNet's integer arithmetic forgets less than one.

    Source: HigherHRNet lib/utils/transforms.py, get_multi_scale_size, resize_align_multi_scale and get_final_preds;
    mmpose 0.x mmpose/datasets/pipelines/bottom_up_transform.py, _get_multi_scale_size.
    """

    name = "plain"

    def __init__(self, short_side: int, scales: Sequence[float] = (1.0,), *, mmpose: bool = False) -> None:
        super().__init__(short_side, scales)
        self.mmpose = mmpose

    def to_input(self, picture_wh: tuple[int, int], scale: float = 1.0) -> np.ndarray:
        """See `Resize`."""
        size_wh = self.input_size(picture_wh, scale)
        factor = min(size_wh) / min(picture_wh)
        shifts = [side / 2 - factor * middle for side, middle in zip(size_wh, self._middle(picture_wh), strict=True)]
        return np.array([[factor, 0, shifts[0]], [0, factor, shifts[1]]])

    def to_image(self, picture_wh: tuple[int, int]) -> np.ndarray:
        """See `Resize`."""
        size_wh = self.input_size(picture_wh)
        step = min(picture_wh) / min(size_wh)
        shifts = [middle - step * side / 2 for side, middle in zip(size_wh, self._middle(picture_wh), strict=True)]
        return np.array([[step, 0, shifts[0]], [0, step, shifts[1]]])

    def _middle(self, picture_wh: tuple[int, int]) -> tuple[int, int]:
        if self.mmpose:
            return round(picture_wh[0] / 2), round(picture_wh[1] / 2)
        return (picture_wh[0] + 1) // 2, (picture_wh[1] + 1) // 2

    def _multiple(self, length: float) -> int:
        return super()._multiple(length if self.mmpose else math.floor(length))


class UdpResize(Resize):
    """The picture in the upper left corner; lengths are counted between pixel centres.

    With several scales pictures are enlarged by the sizes of the smallest one, and people are brought back by those of
    scale 1, as published: the two differ by less than a thousandth.

    Source: mmpose 0.x bottom_up_transform.py, _resize_align_multi_scale_udp, and bottom_up_eval.py, get_group_preds.
    """

    name = "udp"

    def to_input(self, picture_wh: tuple[int, int], scale: float = 1.0) -> np.ndarray:
        """See `Resize`."""
        covered = self._covered(picture_wh, self.scales[-1])
        factors = [
            (side - 1) / length for side, length in zip(self.input_size(picture_wh, scale), covered, strict=True)
        ]
        return np.array([[factors[0], 0, 0], [0, factors[1], 0]])

    def to_image(self, picture_wh: tuple[int, int]) -> np.ndarray:
        """See `Resize`."""
        covered = self._covered(picture_wh, 1.0)
        steps = [length / (side - 1) for side, length in zip(self.input_size(picture_wh), covered, strict=True)]
        return np.array([[steps[0], 0, 0], [0, steps[1], 0]])

    def _covered(self, picture_wh: tuple[int, int], scale: float) -> tuple[float, float]:
        """Width and height of the picture's plane that the input of a scale covers, between pixel centres."""
        width, height = self.input_size(picture_wh, scale)
        # A picture of one pixel across has no length; it is treated like one of two.
        step = max(min(picture_wh) - 1, 1) / (min(width, height) - 1)
        return (width - 1) * step, (height - 1) * step

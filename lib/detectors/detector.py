"""What every source of boxes that looks at pictures has in common, and the source that does not have to look."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lib.utils.errors import PoseError
from lib.utils.people import Boxes

Picture = NDArray[np.uint8]


class Detector(Protocol):
    """Anything that finds people in pictures: a function or an object that is called like this."""

    def __call__(self, pictures: Sequence[Picture], /) -> list[Boxes]:
        """Look for people.

        Args:
            pictures: (H_i, W_i, 3) uint8 RGB each, of any sizes; they must not be changed.

        Returns:
            one `Boxes` per picture, in image_ pixels, the best first; `Boxes.none()` where nobody is.
        """


def full_frame(size_wh: tuple[int, int]) -> Boxes:
    """One box on the whole picture, for one person who fills it.

    Args:
        size_wh: of the picture, pixels.

    Returns:
        (0, 0, width, height), score 1: as in COCO a box of n pixels is n wide. The crop is larger than the picture,
        because its codec pads every box (DATASET.BOX_PADDING, 1.25) and extends the short side.
    """
    width, height = size_wh
    return Boxes.of([[0.0, 0.0, width, height]])


def look(detector: Detector, pictures: Sequence[Picture]) -> list[Boxes]:
    """What a detector finds, one `Boxes` per picture.

    Raises:
        PoseError: a detector of somebody's own gives something else.
    """
    found = list(detector(pictures))
    if len(found) != len(pictures) or not all(isinstance(own, Boxes) for own in found):
        raise PoseError(
            f"the detector gave {len(found)} answers for {len(pictures)} pictures, or others than Boxes; let it return "
            "one lib.utils.people.Boxes per picture (Boxes.of makes them)."
        )
    return found

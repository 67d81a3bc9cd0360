"""Decoded video frames as upright RGB arrays."""

from dataclasses import dataclass
from typing import Any

import av
import numpy as np
from av.video.reformatter import VideoReformatter

# FFmpeg's numbers of the matrices that can decode a frame; swscale and the frames count them alike.
BT709, BT601, UNSPECIFIED = 1, 5, 2
MATRICES = (BT709, 4, BT601, 6, 7, 9)  # 4: FCC, 6: BT.601 for NTSC, 7: SMPTE 240M, 9: BT.2020
# Videos that do not say their matrix: players take BT.709 from HD on (as mpv does), and BT.601 below.
HD_WIDTH, HD_HEIGHT = 1280, 576


@dataclass(frozen=True)
class Turn:
    """One of the eight ways to lay a picture: first transposed, then mirrored."""

    transpose: bool = False
    mirror_x: bool = False
    mirror_y: bool = False

    def apply(self, image: np.ndarray) -> np.ndarray:
        """(H, W, 3) to (H, W, 3) or (W, H, 3), contiguous."""
        turned = image.swapaxes(0, 1) if self.transpose else image
        turned = turned[:, ::-1] if self.mirror_x else turned
        turned = turned[::-1] if self.mirror_y else turned
        return np.ascontiguousarray(turned)


def turn_of(picture: av.VideoFrame) -> Turn:
    """How a frame is to be turned for display, to the nearest quarter.

    A display matrix holds a, b, u, c, d, v, x, y, w and shows the stored point (x, y) at (a x + c y, b x + d y).
    Source: ISO/IEC 14496-12, 6.2.2.
    """
    content: Any = picture.side_data.get("DISPLAYMATRIX")
    if content is None:
        return Turn()
    a, b, _, c, d = np.frombuffer(content, np.int32)[:5].tolist()
    transpose = abs(b) + abs(c) > abs(a) + abs(d)
    return Turn(True, c < 0, b < 0) if transpose else Turn(False, a < 0, d < 0)


class UprightRgb:
    """Converts the frames of one video; all get the size and the turn of the first.

    A stream may change its size on the way; a file of the results cannot.
    """

    def __init__(self, first: av.VideoFrame) -> None:
        self.turn = turn_of(first)
        self.stored_wh = (first.width, first.height)
        self._matrix = _matrix(first)
        # One for all frames: it keeps its tables, where VideoFrame.to_ndarray makes them anew for each.
        self._reformatter = VideoReformatter()

    @property
    def size_wh(self) -> tuple[int, int]:
        """Of the upright frames."""
        return self.stored_wh[::-1] if self.turn.transpose else self.stored_wh

    def __call__(self, picture: av.VideoFrame) -> np.ndarray:
        """The frame as (H, W, 3) uint8 RGB."""
        width, height = self.stored_wh
        # PyAV 14 ignores a matrix that is the target's as well, so the target is given swscale's own default.
        matrices = {"src_colorspace": self._matrix, "dst_colorspace": BT601}
        converted = self._reformatter.reformat(picture, width=width, height=height, format="rgb24", **matrices)
        return self.turn.apply(converted.to_ndarray())


def _matrix(picture: av.VideoFrame) -> int:
    if picture.colorspace == UNSPECIFIED:
        is_hd = picture.width >= HD_WIDTH or picture.height > HD_HEIGHT
        return BT709 if is_hd else BT601
    return picture.colorspace if picture.colorspace in MATRICES else BT601

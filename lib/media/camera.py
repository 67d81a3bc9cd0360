"""A webcam as an input."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

import cv2
import numpy as np

from lib.media.source import Frame, Source, VideoInfo
from lib.utils.errors import PoseError

# A camera drops single frames when the computer is busy; after about a second without any it is unplugged.
MAX_FAILED_READS, PAUSE_S = 30, 0.03
# Time stamps of a camera are clock readings; this is what most video formats count in.
CAMERA_TIME_BASE = Fraction(1, 90000)


@dataclass
class CameraSource(Source):
    """A webcam, read by OpenCV; the times of its frames are those of the clock.

    Attributes:
        number: of the camera, from 0.
    """

    number: int
    is_video: ClassVar[bool] = True
    is_live: ClassVar[bool] = True

    def frames(self) -> Iterator[Frame]:
        """See `Source.frames`; a camera that stops ends, and says so in `problem`."""
        self.info, self.problem = None, ""
        closed = PoseError(f"{self.name} cannot be opened; check its number and that nothing else uses it.")
        try:
            capture = cv2.VideoCapture(self.number)
        except cv2.error as error:  # a number beyond those of C
            raise closed from error
        try:
            if not capture.isOpened():
                raise closed
            yield from self._read(capture)
        finally:
            capture.release()

    def _read(self, capture: Any) -> Iterator[Frame]:
        index, start = 0, 0.0
        while (image := _next_image(capture)) is not None:
            now = time.monotonic()
            if index == 0:
                start = now
                self.info = _describe(capture, image)
            yield Frame(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), index, now - start)
            index += 1
        if index == 0:
            raise PoseError(f"{self.name} gives no pictures; check that it is not covered by a switch or in use.")
        self.report(f"{self.name} stopped after {index} frames.")


def _next_image(capture: Any) -> np.ndarray | None:
    """(H, W, 3) uint8 BGR; None where the camera gives no more."""
    for _ in range(MAX_FAILED_READS):
        is_read, image = capture.read()
        if is_read and image is not None:
            return image
        time.sleep(PAUSE_S)
    return None


def _describe(capture: Any, image: np.ndarray) -> VideoInfo:
    rate = capture.get(cv2.CAP_PROP_FPS)
    return VideoInfo(
        size_wh=(image.shape[1], image.shape[0]),
        rate=Fraction(rate).limit_denominator(1001) if 1 <= rate < 1000 else None,
        duration=None,
        time_base=CAMERA_TIME_BASE,
    )

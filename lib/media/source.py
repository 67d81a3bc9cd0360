"""What every input is: something with a name that gives pictures."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path, PurePath
from typing import ClassVar

import numpy as np

from lib.utils.logging import get_logger


@dataclass(frozen=True)
class Frame:
    """One picture of an input.

    Attributes:
        image: (H, W, 3) uint8 RGB, upright: turned as EXIF or the video's display matrix says.
        index: number within its input, from 0.
        time: seconds from the input's first frame; 0 for pictures.
        duration: seconds that it is shown; 0 where nobody says.
    """

    image: np.ndarray
    index: int
    time: float
    duration: float = 0.0


@dataclass(frozen=True)
class VideoInfo:
    """What is known of a video when its first frame is there.

    Attributes:
        size_wh: of the upright frames.
        rate: frames per second on average; None where nobody says.
        duration: seconds that its pictures last, as the file says; None where it does not.
        time_base: seconds per step of the time stamps.
        pixel_aspect: width / height of one pixel as it is to be shown.
        start: time stamp of the first frame in the file, seconds.
        has_sound: whether there is a sound track.
        restarts: what takes the place of `start` each time that the time stamps begin anew, as where files were joined;
            grows as frames are read.
    """

    size_wh: tuple[int, int]
    rate: Fraction | None
    duration: float | None
    time_base: Fraction
    pixel_aspect: Fraction = Fraction(1)
    start: Fraction = Fraction(0)
    has_sound: bool = False
    restarts: list[Fraction] = field(default_factory=list)


@dataclass
class Source(ABC):
    """One input of a run.

    Attributes:
        name: as messages call it; addresses without user and password.
        output_name: relative path for results, without suffix and unlike that of every other source of the run. It may
            hold dots: append a suffix to its name rather than replacing one.
        file_name: relative to the input's folder with "/", as COCO's file_name.
        path: the file; None for cameras and streams.
        info: for videos, known from the first frame on.
        problem: one sentence on what could not be read of an input that gave frames; "" while all is well. It is
            logged as well.
        is_video: the frames belong to one moving scene.
        is_live: nobody knows beforehand when it ends.
    """

    name: str
    output_name: PurePath
    file_name: str
    path: Path | None
    info: VideoInfo | None = field(default=None, init=False)
    problem: str = field(default="", init=False)

    is_video: ClassVar[bool]
    is_live: ClassVar[bool]

    @abstractmethod
    def frames(self) -> Iterator[Frame]:
        """Read from the start, one frame at a time.

        Raises:
            PoseError: not a single frame could be read. What goes wrong later ends the frames or skips some of them,
                and is said in `problem`.
        """

    def report(self, problem: str) -> None:
        """Log what is wrong, and add it to `problem`."""
        self.problem = f"{self.problem} {problem}".strip()
        get_logger().warning("warning: %s", problem)

"""What writers are told about a picture, and the numbers of its people as they are written."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lib.skeletons import Skeleton
from lib.utils.errors import PoseError
from lib.utils.people import NO_TRACK, People

FloatArray = NDArray[np.float64]

# Decimals of pixels, of scores and of seconds: finer than any network measures, and files of half the size.
PIXEL_DECIMALS, SCORE_DECIMALS, TIME_DECIMALS = 3, 5, 6


@dataclass(frozen=True)
class FrameFacts:
    """A picture, or a frame of a video.

    Attributes:
        input: name of the picture or video, relative to the folder of the inputs.
        size_wh: width and height, pixels.
        image_id: number of the picture or frame, unique in a run.
        index: number of the frame in its video, from 0; 0 for pictures.
        time: seconds from the start of the video; 0 for pictures.
        is_video: whether it is a frame of a video, a camera or a stream.
    """

    input: str
    size_wh: tuple[int, int]
    image_id: int
    index: int = 0
    time: float = 0.0
    is_video: bool = False

    @property
    def name(self) -> str:
        """The input as text that any file can hold; bytes that are no UTF-8 are written as \\udcXX."""
        return written_text(self.input)

    @property
    def seconds(self) -> float:
        """The time as it is written."""
        return round(self.time, TIME_DECIMALS) + 0.0


@dataclass(frozen=True)
class WrittenPeople:
    """The numbers of P people as every writer writes them: finite and rounded.

    Attributes:
        keypoints: image_ (x, y, score), (P, K, 3).
        scores: of the poses, (P,).
        boxes: image_ x, y, width, height, (P, 4).
        box_scores: (P,).
        track_ids: an integer, or None for people who are not followed, P of them.
    """

    keypoints: FloatArray
    scores: FloatArray
    boxes: FloatArray
    box_scores: FloatArray
    track_ids: list[int | None]


def written_text(text: str) -> str:
    """Text that any file can hold: bytes of file names that are no UTF-8 become \\udcXX."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def written_people(frame: FrameFacts, people: People, skeleton: Skeleton) -> WrittenPeople:
    """The people of a frame as they are written.

    Raises:
        PoseError: another number of keypoints than the set has, or a number that is not finite.
    """
    count, num_keypoints = len(people), skeleton.num_keypoints
    if people.keypoints.shape != (count, num_keypoints, 3):
        raise PoseError(
            f"{frame.name}, frame {frame.index}: keypoints of shape {people.keypoints.shape} are no {num_keypoints} "
            f"keypoints of {count} people; use the keypoint set that the model was trained with."
        )
    written = WrittenPeople(
        np.concatenate(
            [_rounded(people.keypoints[..., :2], PIXEL_DECIMALS), _rounded(people.keypoints[..., 2:], SCORE_DECIMALS)],
            axis=-1,
        ),
        _rounded(people.scores, SCORE_DECIMALS),
        _rounded(people.boxes.xywh, PIXEL_DECIMALS),
        _rounded(people.boxes.scores, SCORE_DECIMALS),
        [None if track == NO_TRACK else track for track in people.track_ids.tolist()],
    )
    columns = (written.keypoints, written.scores, written.boxes, written.box_scores)
    if not all(np.isfinite(column).all() for column in columns):
        raise PoseError(
            f"{frame.name}, frame {frame.index}: a person has NaN or infinity, which is not written; check the model's "
            "weights."
        )
    return written


def _rounded(values: FloatArray, decimals: int) -> FloatArray:
    # In float64, where a rounded number has a short text; zero is added because -0.0 is no number for people.
    with np.errstate(over="ignore"):  # becomes infinity, which is refused
        return np.asarray(np.round(values.astype(np.float64), decimals) + 0.0, dtype=np.float64)

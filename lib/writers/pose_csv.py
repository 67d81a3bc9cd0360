"""The people of a run as a table."""

import csv
import io
import os
from pathlib import Path
from types import TracebackType

from lib.skeletons import Skeleton
from lib.utils.people import People
from lib.writers.frame import FrameFacts, written_people
from lib.writers.streamed import StreamedFile

FIRST_COLUMNS = (
    "input",
    "frame",
    "time",
    "person",
    "track_id",
    "score",
    "box_x",
    "box_y",
    "box_width",
    "box_height",
    "box_score",
)


class PoseCsv:
    """Writes a row per person to a CSV file (RFC 4180, UTF-8); a context manager.

    Args:
        path: the file.
        skeleton: the keypoint set; each keypoint has three columns, NAME_x, NAME_y and NAME_score.

    A frame without people has no row. The file grows with the frames and appears at the end as `StreamedFile` says.
    """

    def __init__(self, path: str | os.PathLike[str], skeleton: Skeleton) -> None:
        self._skeleton = skeleton
        self._file = StreamedFile(Path(path), head=_lines([csv_columns(skeleton)]))

    def __enter__(self) -> "PoseCsv":
        self._file.__enter__()
        return self

    def add(self, frame: FrameFacts, people: People) -> None:
        """Write the people of one frame.

        Raises:
            PoseError: a number is not finite or does not fit the keypoint set; nothing of the frame is written.
        """
        written = written_people(frame, people, self._skeleton)
        count = len(people)
        columns = zip(
            written.track_ids,
            written.scores.tolist(),
            written.boxes.tolist(),
            written.box_scores.tolist(),
            written.keypoints.reshape(count, 3 * self._skeleton.num_keypoints).tolist(),
            strict=True,
        )
        rows = [
            [frame.name, frame.index, frame.seconds, person, track, score, *box, box_score, *numbers]
            for person, (track, score, box, box_score, numbers) in enumerate(columns)
        ]
        if rows:
            self._file.append(_lines(rows))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.__exit__(kind, error, trace)


def csv_columns(skeleton: Skeleton) -> list[str]:
    """The header row: 11 columns of the person, then three per keypoint."""
    own = [f"{name}_{part}" for name in skeleton.names for part in ("x", "y", "score")]
    return [*FIRST_COLUMNS, *own]


def _lines(rows: list[list[object]] | list[list[str]]) -> bytes:
    """Rows as text; None is an empty cell."""
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()

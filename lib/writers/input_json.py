"""The people of one input as JSON that is read without knowing COCO."""

import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from lib.skeletons import Skeleton
from lib.utils.people import People
from lib.writers.frame import TIME_DECIMALS, FrameFacts, written_people, written_text
from lib.writers.streamed import StreamedFile, json_text

VERSION = 1
Fact = str | int | float | bool | None


class InputJson:
    """Writes one JSON file for one picture or video; a context manager.

    Args:
        path: the file.
        skeleton: the keypoint set.
        input_name: the input as `FrameFacts.input`.
        rate: frames per second of a video, where it is known.
        facts: how the poses were made (model, codec, source of boxes), for the reader; written as `made_with`.

    Schema: lib/writers/schema/input.json. The file grows with the frames and appears at the end as `StreamedFile` says.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        skeleton: Skeleton,
        *,
        input_name: str,
        rate: float | None = None,
        facts: Mapping[str, Fact] | None = None,
    ) -> None:
        self._skeleton, self._rate, self._input = skeleton, rate, input_name
        self._facts = {
            name: written_text(fact) if isinstance(fact, str) else fact for name, fact in (facts or {}).items()
        }
        self._file = StreamedFile(Path(path), head=self._head(None, None), separator=b",\n", tail=b"\n]}\n")

    def __enter__(self) -> "InputJson":
        self._file.__enter__()
        return self

    def add(self, frame: FrameFacts, people: People) -> None:
        """Write the people of one frame.

        Raises:
            PoseError: a number is not finite or does not fit the keypoint set; nothing of the frame is written.
        """
        written = written_people(frame, people, self._skeleton)
        if not self._file.begun:
            self._file.head = self._head(*frame.size_wh)
        columns = (
            written.track_ids,
            written.scores.tolist(),
            written.boxes.tolist(),
            written.box_scores.tolist(),
            written.keypoints.tolist(),
        )
        entries = [
            {
                "id": track,
                "score": score,
                "box": box,
                "box_score": box_score,
                "keypoints": dict(zip(self._skeleton.names, rows, strict=True)),
            }
            for track, score, box, box_score, rows in zip(*columns, strict=True)
        ]
        facts = {"frame": frame.index, "time": frame.seconds, "image_id": frame.image_id}
        self._file.append(json_text({**facts, "people": entries}))

    def _head(self, width: int | None, height: int | None) -> bytes:
        """What stands before the frames; the size is that of the first one."""
        head: dict[str, Any] = {
            "version": VERSION,
            "input": written_text(self._input),
            "width": width,
            "height": height,
            "keypoint_names": self._skeleton.names,
            "limbs": self._skeleton.limbs,
            "made_with": self._facts,
        }
        if self._rate is not None:
            head["rate"] = round(self._rate, TIME_DECIMALS)
        return json_text(head)[:-1] + b',\n"frames":[\n'

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.__exit__(kind, error, trace)

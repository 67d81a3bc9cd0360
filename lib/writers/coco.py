"""COCO keypoint results of a run, and the list of its images."""

import os
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

from lib.skeletons import Skeleton
from lib.utils.annotation_form import KEYPOINTS
from lib.utils.errors import PoseError
from lib.utils.people import People
from lib.writers.frame import FrameFacts, WrittenPeople, written_people
from lib.writers.streamed import StreamedFile, json_text

IMAGES_NAME = "images.json"
PERSON = 1
# Each record on a line of its own.
SEPARATOR = b",\n"


class CocoResults:
    """Writes a COCO keypoint result file and, beside it, `images.json`; a context manager.

    Args:
        path: the result file.
        skeleton: the keypoint set. The keypoints of a set with `fields` are spread over them, as in its annotations.

    `images.json` is an annotation file without annotations, so that results can be plotted, evaluated and used as
    boxes. Frames of videos are called as if they lay in a folder with the video's name. Both files grow with the frames
    and appear at the end as `StreamedFile` says.

    Raises:
        PoseError: the path is that of `images.json`, or as in `StreamedFile`.
    """

    def __init__(self, path: str | os.PathLike[str], skeleton: Skeleton) -> None:
        self._skeleton = skeleton
        target = Path(path)
        if target.name == IMAGES_NAME:
            raise PoseError(f"{target} is the name of the list of images; give the result file another name.")
        categories = json_text([person_of(skeleton)])
        self._results = StreamedFile(target, head=b"[\n", separator=SEPARATOR, tail=b"\n]\n")
        self._images = StreamedFile(
            target.with_name(IMAGES_NAME),
            head=b'{"info":{},\n"images":[\n',
            separator=SEPARATOR,
            tail=b'\n],\n"annotations":[],\n"categories":%b}\n' % categories,
        )
        self._stack = ExitStack()

    def __enter__(self) -> "CocoResults":
        with ExitStack() as stack:
            stack.enter_context(self._results)
            stack.enter_context(self._images)
            self._stack = stack.pop_all()
        return self

    def add(self, frame: FrameFacts, people: People) -> None:
        """Write the people of one frame.

        Raises:
            PoseError: a number is not finite or does not fit the keypoint set; nothing of the frame is written.
        """
        written = written_people(frame, people, self._skeleton)
        # The image first: results of an unknown image would not be read.
        self._images.append(json_text(_image(frame)))
        if len(people):
            self._results.append(SEPARATOR.join(map(json_text, self._records(frame.image_id, written))))

    def _records(self, image_id: int, people: WrittenPeople) -> list[dict[str, Any]]:
        count, start = len(people.scores), 0
        columns: dict[str, list[Any]] = {"image_id": [image_id] * count, "category_id": [PERSON] * count}
        for name, size in self._skeleton.fields or [(KEYPOINTS, self._skeleton.num_keypoints)]:
            columns[name] = people.keypoints[:, start : start + size].reshape(count, 3 * size).tolist()
            start += size
        columns |= {"score": people.scores.tolist(), "bbox": people.boxes.tolist()}
        records = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
        return [
            record if track is None else {**record, "track_id": track}
            for record, track in zip(records, people.track_ids, strict=True)
        ]

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)


def person_of(skeleton: Skeleton) -> dict[str, Any]:
    """COCO's category of a keypoint set: names, and limbs counted from 1.

    The keypoints of a set with `fields` stand under the fields' names, and the limbs are those within the first field,
    as in COCO-WholeBody's files.
    """
    fields = skeleton.fields or ((KEYPOINTS, skeleton.num_keypoints),)
    names, start = {}, 0
    for field, size in fields:
        names[field], start = list(skeleton.names[start : start + size]), start + size
    limbs = [[a + 1, b + 1] for a, b in skeleton.limbs if max(a, b) < fields[0][1]]
    return {"id": PERSON, "name": "person", "supercategory": "person", **names, "skeleton": limbs}


def _image(frame: FrameFacts) -> dict[str, Any]:
    width, height = frame.size_wh
    image = {"id": frame.image_id, "file_name": frame.name, "width": width, "height": height}
    if frame.is_video:
        image["file_name"] = f"{frame.name}/{frame.index:06d}.jpg"
        image |= {"video": frame.name, "frame_index": frame.index, "time": frame.seconds}
    return image

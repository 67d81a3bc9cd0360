"""Which image of a COCO-format file a picture, or a frame of a video, is."""

import os
import posixpath
import re
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lib.utils.coco_files import Record, checked_id
from lib.utils.errors import PoseError

# The frame of what is no video.
NO_FRAME = -1
AMBIGUOUS = -1
# More digits may not fit into 64 bits.
MAX_DIGITS = 18


class Pictures(Protocol):
    """The images of a file."""

    def entry_of(self, file_name: str) -> int | None:
        """A number for the picture or video that is the same for names of the same one; None for unknown ones."""

    def image_id_of(self, file_name: str, frame_index: int | None) -> int | None:
        """The image's id; None for what the file does not know. `frame_index`: from 0, None for a picture."""

    @property
    def largest_image_id(self) -> int:
        """Of the images that are listed; 0 where none is."""

    def image_ids_of_video(self, file_name: str, /) -> NDArray[np.int64] | None:
        """The ids of all frames, (M,); None where every id may be one."""


class NumberedPictures:
    """Images without names: a picture's id is the last number in its name, and a frame's its place in the video."""

    def entry_of(self, file_name: str) -> int | None:
        """See `Pictures`."""
        return picture_number(file_name)

    def image_id_of(self, file_name: str, frame_index: int | None) -> int | None:
        """See `Pictures`."""
        return picture_number(file_name) if frame_index is None else frame_index

    @property
    def largest_image_id(self) -> int:
        """See `Pictures`."""
        return 0

    def image_ids_of_video(self, _file_name: str, /) -> None:
        """See `Pictures`."""


class NamedPictures:
    """Images with names, and frames of videos with `frame_index` beside the video's name.

    Rows, one per image, are sorted by picture or video and then by frame.
    """

    def __init__(self, images: Sequence[Record], source: str | os.PathLike[str]) -> None:
        """Read the list `images` of an annotation file.

        Args:
            images: mappings with id, file_name and, of frames, frame_index (from 0); `video`, where there is one, takes
                the place of file_name.
            source: the file, named in errors.

        Raises:
            PoseError: an id that is no integer, a name that is no text, a frame index that is no number from 0, or two
                images with one id or with one name and frame.
        """
        rows = [_row(index, image, source) for index, image in enumerate(images)]
        self._entries: dict[str, int] = {}
        entries = [self._entries.setdefault(name, len(self._entries)) for name, _, _ in rows]
        self._by_base_name: dict[str, int] = {}
        for name, entry in self._entries.items():
            base = posixpath.basename(name)
            self._by_base_name[base] = AMBIGUOUS if base in self._by_base_name else entry
        entry, frame, image_id = (
            np.array(
                [(entry, frame, image_id) for entry, (_, frame, image_id) in zip(entries, rows, strict=True)], np.int64
            )
            .reshape(-1, 3)
            .T
        )
        order = np.lexsort((frame, entry))
        self._frames, self._image_ids = frame[order], image_id[order]
        self._starts = np.searchsorted(entry[order], np.arange(len(self._entries) + 1))
        _check_unique(rows, source)

    def entry_of(self, file_name: str) -> int | None:
        """The name as the file has it, without leading folders, or the base name alone where the file has it once."""
        name = _normal(file_name)
        parts = name.split("/")
        for start in range(len(parts)):
            entry = self._entries.get("/".join(parts[start:]))
            if entry is not None:
                return entry
        entry = self._by_base_name.get(parts[-1], AMBIGUOUS)
        return None if entry == AMBIGUOUS else entry

    def image_id_of(self, file_name: str, frame_index: int | None) -> int | None:
        """See `Pictures`."""
        rows = self._rows(file_name)
        wanted = NO_FRAME if frame_index is None else frame_index
        row = rows.start + int(np.searchsorted(self._frames[rows], wanted))
        return int(self._image_ids[row]) if row < rows.stop and self._frames[row] == wanted else None

    @property
    def largest_image_id(self) -> int:
        """See `Pictures`."""
        return int(self._image_ids.max(initial=0))

    def image_ids_of_video(self, file_name: str, /) -> NDArray[np.int64]:
        """See `Pictures`."""
        rows = self._rows(file_name)
        return self._image_ids[rows][self._frames[rows] != NO_FRAME]

    def _rows(self, file_name: str) -> slice:
        entry = self.entry_of(file_name)
        return slice(0, 0) if entry is None else slice(int(self._starts[entry]), int(self._starts[entry + 1]))


def picture_number(file_name: str) -> int | None:
    """The last number in a file's name without its ending: 397133 of COCO_val2014_000000397133.jpg."""
    numbers = re.findall("[0-9]+", posixpath.splitext(posixpath.basename(_normal(file_name)))[0])
    digits = numbers[-1].lstrip("0") if numbers else ""
    return int(digits or "0") if numbers and len(digits) <= MAX_DIGITS else None


def _normal(file_name: str) -> str:
    """A path with single forward slashes and without './'."""
    return posixpath.normpath(file_name.replace("\\", "/"))


def _row(index: int, image: Record, source: str | os.PathLike[str]) -> tuple[str, int, int]:
    """Name, frame and id of an image."""
    place = f"image {index} (counted from 0) of {source}"
    image_id = checked_id(image["id"], place)
    # Our own results name the video of a frame beside a file name for the frame by itself.
    name = image.get("video") or image.get("file_name")
    if not isinstance(name, str) or not name:
        raise PoseError(f"{place} has file_name {name!r}; give all images their file names, or none of them.")
    if image.get("frame_index") is None:
        return _normal(name), NO_FRAME, image_id
    frame = checked_id(image["frame_index"], place, "frame_index")
    if frame < 0:
        raise PoseError(f"{place} has frame_index {frame}; count the frames of a video from 0.")
    return _normal(name), frame, image_id


def _check_unique(rows: Sequence[tuple[str, int, int]], source: str | os.PathLike[str]) -> None:
    """Refuse two images with one id, or with one name and frame."""
    ids: set[int] = set()
    frames: set[tuple[str, int]] = set()
    for index, (name, frame, image_id) in enumerate(rows):
        same = f"id {image_id}" if image_id in ids else f"name {name}" if (name, frame) in frames else ""
        if same:
            shown = "" if frame == NO_FRAME else f", frame {frame},"
            raise PoseError(
                f"image {index} (counted from 0) of {source}{shown} has the {same} of an earlier image; correct it."
            )
        ids.add(image_id)
        frames.add((name, frame))

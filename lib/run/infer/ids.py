"""Numbers for the pictures and frames of a run, equal to those of a box file where there is one."""

from collections.abc import Sequence

from lib.detectors import BoxFile
from lib.media.source import Source
from lib.run.infer.events import Shown
from lib.writers import ImageIds


class FrameIds:
    """Gives every frame its image id, each once.

    Args:
        sources: all inputs of the run.
        file: its ids are taken for the pictures that it knows; the others are counted on from the largest of these ids
            and of the file's.
    """

    def __init__(self, sources: Sequence[Source], file: BoxFile | None) -> None:
        self._file = file
        names = [source.file_name for source in sources]
        all_pictures = not any(source.is_video for source in sources)
        self._own = ImageIds(names if all_pictures and file is None else [])
        self._offset = 0
        if file is not None:
            # A number in a picture's name is its id in a file without names, whether the file has a box of it or not.
            known = (file.image_id_of(source.file_name) for source in sources if not source.is_video)
            self._offset = max([file.largest_image_id, *(number or 0 for number in known)])

    def next(self, shown: Shown) -> int:
        """The id of the next frame."""
        name, is_video = shown.source.file_name, shown.source.is_video
        known = None if self._file is None else self._file.image_id_of(name, shown.frame.index if is_video else None)
        return self._offset + self._own.next(name) if known is None else known

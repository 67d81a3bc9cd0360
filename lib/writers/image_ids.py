"""Numbers for the images of a run."""

import re
from collections.abc import Sequence
from pathlib import PurePath

# COCO's names: 000000000139.jpg, and COCO_val2014_000000000139.jpg before 2017.
COCO_STEM = re.compile(r"(?:COCO_[a-z]+\d{4}_)?(\d{1,18})", re.ASCII)


class ImageIds:
    """Gives image ids to the pictures and frames of a run.

    Args:
        pictures: file names of all inputs, where all are pictures; empty where a video is among them.

    Where every picture has a name of COCO's kind, with a number that no other has, these numbers are the ids, so that
    results can be evaluated against the annotations; otherwise images are counted from 1.
    """

    def __init__(self, pictures: Sequence[str]) -> None:
        found = [COCO_STEM.fullmatch(PurePath(name).stem) for name in pictures]
        numbers = [int(match[1]) for match in found if match]
        self._are_numbers = bool(numbers) and len(set(numbers)) == len(numbers) == len(pictures)
        self._count = 0

    def next(self, file_name: str) -> int:
        """The id of the next picture or frame."""
        self._count += 1
        match = COCO_STEM.fullmatch(PurePath(file_name).stem) if self._are_numbers else None
        return int(match[1]) if match else self._count

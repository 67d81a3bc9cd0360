"""Numbers of the frames of a run, beside those of a box file."""

import json
from pathlib import Path

import numpy as np
import pytest

from lib.detectors import BoxFile
from lib.media import Frame, Source, open_inputs
from lib.run.infer.events import Shown
from lib.run.infer.ids import FrameIds

RECORD = {"category_id": 1, "bbox": [0, 0, 10, 10], "score": 0.5}


def ids_of(sources: list[Source], file: BoxFile | None, frames: int = 1) -> list[int]:
    ids, image = FrameIds(sources, file), np.zeros((1, 1, 3), np.uint8)
    return [ids.next(Shown(source, Frame(image, index, 0.0))) for source in sources for index in range(frames)]


@pytest.fixture
def numbered(tmp_path: Path) -> BoxFile:
    """Boxes of the images 1 and 2, without names."""
    (tmp_path / "boxes.json").write_text(json.dumps([{**RECORD, "image_id": number} for number in (1, 2)]))
    return BoxFile(tmp_path / "boxes.json")


def touched(folder: Path, *names: str) -> list[Source]:
    folder.mkdir()
    for name in names:
        (folder / name).touch()
    return open_inputs(str(folder))


def test_pictures_without_a_box_keep_their_numbers(tmp_path: Path, numbered: BoxFile) -> None:
    sources = touched(tmp_path / "in", "1.jpg", "2.jpg", "3.jpg", "another.jpg", "people.jpg")
    assert ids_of(sources, numbered) == [1, 2, 3, 4, 5]


def test_frames_of_one_video_are_their_numbers(tmp_path: Path, numbered: BoxFile) -> None:
    assert ids_of(touched(tmp_path / "in", "a.mp4"), numbered, 4) == [0, 1, 2, 3]


def test_without_a_file_they_are_counted(tmp_path: Path) -> None:
    assert ids_of(touched(tmp_path / "in", "a.jpg", "b.jpg"), None) == [1, 2]
    assert ids_of(touched(tmp_path / "coco", "000000000139.jpg"), None) == [139]

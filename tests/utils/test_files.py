"""Files that are either whole or untouched."""

import errno
import json
from pathlib import Path

import pytest

from lib.utils.errors import PoseError
from lib.utils.files import atomic_path, read_json, write_json


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    write_json(path, [1])
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json(path, [2, float("nan")])
    assert json.loads(path.read_text()) == [1]
    assert list(tmp_path.iterdir()) == [path]


def test_the_folder_is_made_and_others_can_read(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b.json"
    write_json(path, {"x": 1})
    assert path.stat().st_mode & 0o044


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PoseError, match="cannot be written to"), atomic_path(tmp_path / "file" / "x.json"):
        pass


@pytest.mark.parametrize(("text", "message"), [(None, "does not exist"), ("{", "not valid JSON"), ("\xff", "JSON")])
def test_reading_bad_json(tmp_path: Path, text: str | None, message: str) -> None:
    path = tmp_path / "a.json"
    if text is not None:
        path.write_text(text, encoding="latin-1")
    with pytest.raises(PoseError, match=message):
        read_json(path, "annotation file")


def test_a_full_disk_is_named_and_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    path.write_text("old")
    with pytest.raises(PoseError, match=r"file\.json cannot be written .*make room"), atomic_path(path):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]

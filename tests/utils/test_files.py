"""Files that are either whole or untouched."""

import errno
import gc
import json
import math
import sys
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


@pytest.mark.parametrize("length", [1, 240, 255])
def test_every_name_that_a_file_may_have(tmp_path: Path, length: int) -> None:
    path = tmp_path / ("x" * (length - 5) + ".json" if length > 5 else "x")
    write_json(path, 1)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


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


TEXTS = {
    "numbers": "[1, -2.5e-3, 0.1, 1e300, 9007199254740993, 123.45600128173828, true, null]",
    "text": '{"a": "\u00e4 \\u00e4", "a": "the last counts", "b": {}}',
    "single surrogate": '["\\ud800"]',
}


@pytest.fixture(params=["orjson", "json"])
def reader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways to read."""
    if request.param == "orjson":
        pytest.importorskip("orjson")
    else:
        monkeypatch.setitem(sys.modules, "orjson", None)
    return request.param


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_reading_equals_the_json_module(tmp_path: Path, reader: str, text: str) -> None:
    path = tmp_path / f"{reader}.json"
    path.write_text(text, encoding="utf-8")
    assert read_json(path, "file") == json.loads(text)


def test_old_files_with_nan_are_read(tmp_path: Path, reader: str) -> None:
    path = tmp_path / f"{reader}.json"
    path.write_text('{"score": [NaN, Infinity, -1e999]}')
    first, *rest = read_json(path, "file")["score"]
    assert math.isnan(first)
    assert rest == [math.inf, -math.inf]


def test_reading_leaves_the_collector_as_it_was(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", [1])
    (tmp_path / "b.json").write_text("[")
    read_json(tmp_path / "a.json", "file")
    assert gc.isenabled()
    with pytest.raises(PoseError):
        read_json(tmp_path / "b.json", "file")
    assert gc.isenabled()


def test_a_full_disk_is_named_and_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    path.write_text("old")
    with pytest.raises(PoseError, match=r"file\.json cannot be written .*make room"), atomic_path(path):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]

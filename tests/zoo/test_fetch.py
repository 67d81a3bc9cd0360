"""Fetching from a server in this process; nothing here reaches another machine."""

import errno
import hashlib
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.file_server import Behaviour, file_server

from lib.utils.errors import PoseError
from lib.zoo import fetch as module
from lib.zoo.fetch import Patience, Source, fetch

CONTENT = bytes(range(256)) * 4000  # 1 MB: several chunks
SHA256 = hashlib.sha256(CONTENT).hexdigest()
QUICK = Patience(attempts=3, timeout=5.0, pause=0.01)


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def _fetch(behaviour: Behaviour, target: Path, patience: Patience = QUICK, sha256: str = SHA256[:8]) -> None:
    with file_server(behaviour) as address:
        source = Source(f"{address}{target.name}", sha256, f"get it by hand and put it there as {target}")
        fetch(source, target, patience)


def _fails(behaviour: Behaviour, target: Path, patience: Patience = QUICK, sha256: str = SHA256[:8]) -> str:
    with pytest.raises(PoseError) as error:
        _fetch(behaviour, target, patience, sha256)
    assert not target.exists()
    text = str(error.value)
    assert text.endswith(".")
    assert "\n" not in text
    return text


def _others(target: Path) -> set[str]:
    return {path.name for path in target.parent.iterdir()} - {target.name}


@pytest.mark.parametrize("has_length", [True, False])
@pytest.mark.parametrize("sha256", ["", SHA256[:8], SHA256])
def test_a_whole_file(tmp_path: Path, has_length: bool, sha256: str) -> None:
    target = tmp_path / "new" / "weights.pth"
    _fetch(Behaviour(CONTENT, has_length=has_length), target, sha256=sha256)
    assert target.read_bytes() == CONTENT
    assert not _others(target)


def test_an_empty_file(tmp_path: Path) -> None:
    target = tmp_path / "weights.pth"
    _fetch(Behaviour(b""), target, sha256="")
    assert target.read_bytes() == b""


def test_a_connection_that_breaks_is_continued(tmp_path: Path) -> None:
    target = tmp_path / "weights.pth"
    behaviour = Behaviour(CONTENT, break_after=[300_000, 0, 300_000, 1])
    _fetch(behaviour, target)
    assert target.read_bytes() == CONTENT
    assert behaviour.requests == ["", "bytes=300000-", "bytes=300000-", "bytes=600000-", "bytes=600001-"]


def test_a_connection_that_brings_nothing_is_given_up(tmp_path: Path) -> None:
    target = tmp_path / "weights.pth"
    behaviour = Behaviour(CONTENT, break_after=[1000, 0, 0, 0, 0, 0])
    text = _fails(behaviour, target)
    assert "1,000 of 1,024,000 bytes" in text
    assert f"{target}.part keeps what has come" in text
    assert f"by hand and put it there as {target}" in text
    assert len(behaviour.requests) == QUICK.attempts
    assert (tmp_path / "weights.pth.part").read_bytes() == CONTENT[:1000]
    _fetch(Behaviour(CONTENT), target)  # the next command goes on from there
    assert target.read_bytes() == CONTENT


def test_an_earlier_attempt_is_continued(tmp_path: Path) -> None:
    target = tmp_path / "weights.pth"
    (tmp_path / "weights.pth.part").write_bytes(CONTENT[:777_777])
    behaviour = Behaviour(CONTENT)
    _fetch(behaviour, target)
    assert target.read_bytes() == CONTENT
    assert behaviour.requests == ["bytes=777777-"]
    assert not _others(target)


def test_a_complete_part_is_only_renamed(tmp_path: Path) -> None:
    target = tmp_path / "weights.pth"
    (tmp_path / "weights.pth.part").write_bytes(CONTENT)
    _fetch(Behaviour(CONTENT), target)
    assert target.read_bytes() == CONTENT


def test_a_part_longer_than_the_file_is_fetched_anew(tmp_path: Path) -> None:
    target = tmp_path / "weights.pth"
    (tmp_path / "weights.pth.part").write_bytes(CONTENT + b"more")
    _fetch(Behaviour(CONTENT), target)
    assert target.read_bytes() == CONTENT


def test_a_server_without_ranges_sends_everything_again(tmp_path: Path) -> None:
    target = tmp_path / "weights.pth"
    (tmp_path / "weights.pth.part").write_bytes(b"\0" * 500_000)
    behaviour = Behaviour(CONTENT, knows_ranges=False, break_after=[900_000])
    _fetch(behaviour, target)
    assert target.read_bytes() == CONTENT
    assert behaviour.requests == ["bytes=500000-", "bytes=900000-"]


@pytest.mark.parametrize("said", ["", "bytes 7-9/10", "nonsense"])
def test_a_server_that_continues_elsewhere_is_asked_for_everything(tmp_path: Path, said: str) -> None:
    target = tmp_path / "weights.pth"
    (tmp_path / "weights.pth.part").write_bytes(CONTENT[:1000])
    behaviour = Behaviour(CONTENT, content_ranges=[said])
    _fetch(behaviour, target)
    assert target.read_bytes() == CONTENT
    assert behaviour.requests == ["bytes=1000-", ""]


def test_a_wrong_hash_keeps_the_file_aside(tmp_path: Path) -> None:
    target = tmp_path / "weights.pth"
    text = _fails(Behaviour(CONTENT), target, sha256="0123abcd")
    assert f"begins with {SHA256[:8]}, not 0123abcd" in text
    assert f"{target}.wrong" in text
    assert (tmp_path / "weights.pth.wrong").read_bytes() == CONTENT
    assert _others(target) == {"weights.pth.wrong"}
    _fetch(Behaviour(CONTENT), target)  # and the next attempt starts afresh
    assert target.read_bytes() == CONTENT


def test_a_missing_file_is_not_asked_for_twice(tmp_path: Path) -> None:
    behaviour = Behaviour(CONTENT, statuses=[404] * 9)
    text = _fails(behaviour, tmp_path / "weights.pth")
    assert "404" in text
    assert "by hand" in text
    assert len(behaviour.requests) == 1


def test_a_busy_server_is_asked_again(tmp_path: Path) -> None:
    target = tmp_path / "weights.pth"
    _fetch(Behaviour(CONTENT, statuses=[503, 429]), target)
    assert target.read_bytes() == CONTENT
    assert "500" in _fails(Behaviour(CONTENT, statuses=[500] * 9), tmp_path / "other.pth")


def test_a_silent_server_times_out_and_is_asked_again(tmp_path: Path) -> None:
    target = tmp_path / "weights.pth"
    patience = Patience(attempts=2, timeout=0.2, pause=0.01)
    _fetch(Behaviour(CONTENT, sleep=[0.6]), target, patience)
    assert target.read_bytes() == CONTENT
    assert "timed out" in _fails(Behaviour(CONTENT, sleep=[0.6, 0.6, 0.6]), tmp_path / "other.pth", patience)


@pytest.mark.parametrize("content_type", ["text/html; charset=utf-8", "application/octet-stream"])
def test_a_web_page_is_no_file(tmp_path: Path, content_type: str) -> None:
    behaviour = Behaviour(b"\n<!DOCTYPE html><html></html>", content_type=content_type)
    assert "web page" in _fails(behaviour, tmp_path / "weights.pth")
    assert not list(tmp_path.iterdir())


def test_a_web_page_leaves_an_earlier_attempt_alone(tmp_path: Path) -> None:
    part = tmp_path / "weights.pth.part"
    part.write_bytes(CONTENT[:1000])
    _fails(Behaviour(b"<html>", knows_ranges=False), tmp_path / "weights.pth")
    assert part.read_bytes() == CONTENT[:1000]


def test_nobody_listens(tmp_path: Path) -> None:
    with file_server(Behaviour(CONTENT)) as address:
        pass
    source = Source(f"{address}weights.pth", "", "get it by hand from the moon")
    with pytest.raises(PoseError, match=r"refused.*by hand from the moon\.$"):
        fetch(source, tmp_path / "weights.pth", QUICK)


def test_too_little_room_is_known_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Usage:
        free = len(CONTENT) - 1

    monkeypatch.setattr(module.shutil, "disk_usage", lambda _: Usage)
    target = tmp_path / "weights.pth"
    assert "make room" in _fails(Behaviour(CONTENT), target)
    assert not list(tmp_path.iterdir())
    (tmp_path / "weights.pth.part").write_bytes(CONTENT[:1000])  # the rest has room
    _fetch(Behaviour(CONTENT), target)
    assert target.read_bytes() == CONTENT


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "weights.pth"
    real_open = Path.open

    class FullDisk:
        """A file that takes 500 bytes at a time until it has 1,000."""

        def __init__(self, path: Path, *arguments: object, **options: object) -> None:
            self._file = real_open(path, *arguments, **options)  # type: ignore[arg-type]

        def __enter__(self) -> "FullDisk":
            return self

        def __exit__(self, *_: object) -> None:
            self._file.close()

        def write(self, data: memoryview) -> int:
            if target.with_name("weights.pth.part").stat().st_size >= 1000:
                raise OSError(errno.ENOSPC, "No space left on device")
            return self._file.write(data[:500])

    def open_on_full_disk(path: Path, *arguments: object, **options: object) -> FullDisk:
        return FullDisk(path, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", open_on_full_disk)
        text = _fails(Behaviour(CONTENT), target)
    assert "No space left on device" in text
    assert "1,000 bytes" in text
    assert (tmp_path / "weights.pth.part").read_bytes() == CONTENT[:1000]
    _fetch(Behaviour(CONTENT), target)  # with room again it goes on
    assert target.read_bytes() == CONTENT


LIMITED = """
import resource, sys
from pathlib import Path
from lib.utils.cli import run_command
from lib.zoo.fetch import Source, fetch
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
run_command(lambda: fetch(Source(sys.argv[1]), Path(sys.argv[2])))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no limits of file sizes")
def test_a_real_limit_of_the_system(tmp_path: Path, repository: Path) -> None:
    target = tmp_path / "weights.pth"
    with file_server(Behaviour(CONTENT)) as address:
        words = [sys.executable, "-c", LIMITED, f"{address}weights.pth", str(target)]
        run = subprocess.run(words, capture_output=True, text=True, timeout=60, cwd=repository, check=False)
    assert run.returncode == 2
    assert run.stderr.startswith("error: ")
    assert "Traceback" not in run.stderr
    assert "100,000 bytes" in run.stderr
    assert (tmp_path / "weights.pth.part").read_bytes() == CONTENT[:100_000]
    _fetch(Behaviour(CONTENT), target)
    assert target.read_bytes() == CONTENT


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PoseError, match="choose another folder"):
        fetch(Source("http://127.0.0.1:1/weights.pth"), tmp_path / "file" / "weights.pth", QUICK)

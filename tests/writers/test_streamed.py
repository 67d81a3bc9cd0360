"""Files that grow: whole at the end, kept after Ctrl-C, untouched after any other end."""

import errno
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from lib.utils.errors import PoseError
from lib.writers.streamed import StreamedFile


def streamed(path: Path) -> StreamedFile:
    return StreamedFile(path, head=b"[", separator=b",", tail=b"]")


def write(path: Path, pieces: list[bytes], end: BaseException) -> None:
    """A block that writes pieces and then ends otherwise than well."""
    with streamed(path) as file:
        for piece in pieces:
            file.append(piece)
        raise end


class Interrupted:
    """An open file whose next writing is interrupted before its last bytes."""

    def __init__(self, real: BinaryIO) -> None:
        self._real = real
        self._broken = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def write(self, content: bytes) -> None:
        self._real.write(content if self._broken else content[:-2])
        if not self._broken:
            self._broken = True
            raise KeyboardInterrupt


@pytest.mark.parametrize(("pieces", "content"), [([], b"[]"), ([b"1"], b"[1]"), ([b"1", b"2", b"3"], b"[1,2,3]")])
def test_head_pieces_tail(tmp_path: Path, pieces: list[bytes], content: bytes) -> None:
    target = tmp_path / "new" / "list.json"
    with streamed(target) as file:
        for piece in pieces:
            file.append(piece)
        assert not target.exists(), "nothing half-written is seen"
    assert target.read_bytes() == content
    assert list(target.parent.iterdir()) == [target]


def test_ctrl_c_completes_the_file(tmp_path: Path) -> None:
    target = tmp_path / "list.json"
    with pytest.raises(KeyboardInterrupt):
        write(target, [b"1"], KeyboardInterrupt())
    assert target.read_bytes() == b"[1]"


@pytest.mark.parametrize("written", [0, 1, 2])
def test_an_interrupted_piece_is_left_out(tmp_path: Path, written: int) -> None:
    """Ctrl-C may come when half a piece is on the disk."""
    target = tmp_path / "list.json"
    file = streamed(target)

    def interrupt() -> None:
        with file:
            for piece in (b"1", b"2")[:written]:
                file.append(piece)
            file._file = Interrupted(file._file)  # type: ignore[assignment]
            file.append(b"a long piece")

    with pytest.raises(KeyboardInterrupt):
        interrupt()
    assert target.read_bytes() == b"[" + b",".join((b"1", b"2")[:written]) + b"]"


@pytest.mark.parametrize("error", [PoseError("no model"), ValueError(), SystemExit(1)])
def test_any_other_end_leaves_the_old_file(tmp_path: Path, error: BaseException) -> None:
    target = tmp_path / "list.json"
    target.write_bytes(b"old")
    with pytest.raises(type(error)):
        write(target, [b"1"], error)
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_full_disk_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(PoseError, match="make room there"), streamed(tmp_path / "list.json"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC, errno.EFBIG])
def test_an_error_of_the_disk_names_its_own_file(tmp_path: Path, number: int) -> None:
    """Several files grow at a time."""

    class Failing:
        def __init__(self, real: BinaryIO) -> None:
            self._real = real

        def __getattr__(self, name: str) -> Any:
            return getattr(self._real, name)

        def write(self, _: bytes) -> None:
            raise OSError(number, "trouble")

    def write_two() -> None:
        with streamed(tmp_path / "a.json") as first, streamed(tmp_path / "b.json"):
            first._file = Failing(first._file)  # type: ignore[assignment]
            first.append(b"1")

    with pytest.raises(PoseError, match=r"a\.json cannot be written \(trouble\); "):
        write_two()
    assert list(tmp_path.iterdir()) == []


def test_an_error_at_the_end_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "a.json").mkdir()
    with pytest.raises(PoseError, match=r"a\.json cannot be written \(Is a directory"), streamed(tmp_path / "a.json"):
        pass


def test_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(PoseError, match="cannot be written to"), streamed(tmp_path / "file" / "list.json"):
        pass

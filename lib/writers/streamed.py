"""Files that grow piece by piece and are whole in the end."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

from lib.utils.errors import PoseError
from lib.utils.files import DISK_FULL, atomic_path
from lib.utils.optional import optional_module


class StreamedFile:
    """A file that takes its place when its block ends: head, pieces with separators between them, tail.

    Args:
        path: the file.
        head: may be changed until the first piece is written.
        separator: between two pieces.
        tail: what the file ends with.

    It grows beside its target, so that any number of pieces needs the memory of one. When the block ends well or by
    KeyboardInterrupt (people end cameras and long videos that way), the file is completed and takes the target's place;
    with any other exception the target is as it was before. A piece whose writing was interrupted is left out.

    Raises:
        PoseError: the file cannot be written.
    """

    def __init__(self, path: Path, *, head: bytes = b"", separator: bytes = b"", tail: bytes = b"") -> None:
        self.path, self.head = path, head
        self._separator, self._tail = separator, tail
        self._stack = ExitStack()
        # The end of all that is complete. One number, so that an interruption cannot leave it half changed.
        self._end = 0

    def __enter__(self) -> "StreamedFile":
        with self._named_errors(), ExitStack() as stack:
            self._file: BinaryIO = stack.enter_context(stack.enter_context(atomic_path(self.path)).open("wb"))
            self._stack = stack.pop_all()
        return self

    @property
    def begun(self) -> bool:
        """Whether a piece is written."""
        return self._end > 0

    def append(self, piece: bytes) -> None:
        """Write one piece."""
        with self._named_errors():
            self._file.seek(self._end)
            self._file.write((self._separator if self.begun else self.head) + piece)
            self._end = self._file.tell()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None and not issubclass(kind, KeyboardInterrupt):
            with self._named_errors():
                self._stack.__exit__(kind, error, trace)
            return
        with self._named_errors(), self._stack:
            self._file.seek(self._end)
            self._file.truncate()
            self._file.write(self._tail if self.begun else self.head + self._tail)

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        """Say of which file an error is: several grow at a time."""
        try:
            yield
        except OSError as error:
            way_out = "make room there" if error.errno in DISK_FULL else "choose another folder"
            raise PoseError(f"{self.path} cannot be written ({error.strerror or error}); {way_out}.") from error


def json_text(value: Any) -> bytes:
    """Lists, mappings, texts and finite numbers as one line of JSON."""
    orjson = optional_module("orjson")
    if orjson is None:
        return json.dumps(value, separators=(",", ":"), allow_nan=False, ensure_ascii=False).encode()
    content: bytes = orjson.dumps(value)
    return content

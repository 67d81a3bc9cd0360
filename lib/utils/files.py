"""Files that are either whole or untouched."""

import errno
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from lib.utils.collection import paused_collection
from lib.utils.errors import PoseError
from lib.utils.optional import optional_module

DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
# Bytes of a name that its temporary file has too; with those that make it unique it stays within what systems allow.
NAME_BYTES = 200


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary path beside `path` to write to; rename it to `path` when the block ends well.

    The parent folder is made. When the block raises, `path` is as it was before and the temporary file is gone.

    Raises:
        PoseError: the folder cannot be made or written to, or the disk is full.
    """
    target = Path(path)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=_prefix(target.name), suffix=target.suffix, dir=target.parent)
    except OSError as error:
        raise PoseError(f"{target.parent} cannot be written to ({error.strerror}); choose another folder.") from error
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        # mkstemp makes files readable by their owner only; results are shared like any other file.
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o666 & ~mask)
        temporary.replace(target)
    except OSError as error:
        if error.errno in DISK_FULL:
            raise PoseError(f"{target} cannot be written ({error.strerror}); make room there.") from error
        raise
    finally:
        temporary.unlink(missing_ok=True)


def _prefix(name: str) -> str:
    """How temporary files of a name begin: hidden, and with as much of the name as fits."""
    return f".{os.fsencode(name)[:NAME_BYTES].decode(errors='ignore')}."


def write_json(path: str | os.PathLike[str], value: Any, *, indent: int | None = None) -> None:
    """Write `value` as JSON, atomically; NaN and infinity are refused because no JSON reader has to accept them."""
    # Not json.dump: it encodes in Python, piece by piece.
    text = json.dumps(value, indent=indent, allow_nan=False)
    with atomic_path(path) as temporary:
        temporary.write_text(text)


def read_json(
    path: str | os.PathLike[str], what: str, if_absent: str = "check the path in the config or the command"
) -> Any:
    """Read a JSON file.

    Args:
        path: the file.
        what: how to call it in an error, for example "annotation file".
        if_absent: what to do where there is no such file, as an imperative phrase.

    Raises:
        PoseError: the file is absent, unreadable or not JSON.

    As in Python's json module, NaN and Infinity are numbers; integers beyond 64 bits may come as floats.
    """
    try:
        content = Path(path).read_bytes()
        with paused_collection():
            return _parsed(content)
    except FileNotFoundError as error:
        raise PoseError(f"{what} {path} does not exist; {if_absent}.") from error
    except OSError as error:
        raise PoseError(f"{what} {path} cannot be read ({error.strerror}); check its permissions.") from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise PoseError(f"{what} {path} is not valid JSON ({error}); fetch or write it again.") from error


def _parsed(content: bytes) -> Any:
    orjson = optional_module("orjson")
    if orjson is not None:
        # Python's module has the last word on what this one refuses: NaN, single surrogates.
        with suppress(orjson.JSONDecodeError):
            return orjson.loads(content)
    return json.loads(content.decode("utf-8"))

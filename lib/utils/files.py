"""Files that are either whole or untouched."""

import errno
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lib.utils.errors import PoseError

DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


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
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=target.suffix, dir=target.parent)
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


def write_json(path: str | os.PathLike[str], value: Any, *, indent: int | None = None) -> None:
    """Write `value` as JSON, atomically; NaN and infinity are refused because no JSON reader has to accept them."""
    with atomic_path(path) as temporary, temporary.open("w") as file:
        json.dump(value, file, indent=indent, allow_nan=False)


def read_json(path: str | os.PathLike[str], what: str) -> Any:
    """Read a JSON file.

    Args:
        path: the file.
        what: how to call it in an error, for example "annotation file".

    Raises:
        PoseError: the file is absent, unreadable or not JSON.
    """
    try:
        with Path(path).open(encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError as error:
        raise PoseError(f"{what} {path} does not exist; check the path in the config or the command.") from error
    except OSError as error:
        raise PoseError(f"{what} {path} cannot be read ({error.strerror}); check its permissions.") from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise PoseError(f"{what} {path} is not valid JSON ({error}); fetch or write it again.") from error

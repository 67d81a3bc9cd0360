"""The files of the zoo in a folder: found by their names, fetched where they are missing, checked."""

from pathlib import Path

from lib.utils.errors import PoseError
from lib.utils.safe_load import read_checkpoint
from lib.zoo.fetch import Patience, Source, fetch
from lib.zoo.hashes import hash_fault
from lib.zoo.manifest import Entry


def download(entry: Entry, folder: Path | None = None, patience: Patience | None = None) -> Path:
    """Fetch an entry's file unless it is there already.

    Args:
        entry: what to fetch.
        folder: where to put it; None = the entry's own place.
        patience: with the connection.

    Returns:
        Its path.

    Raises:
        PoseError: it cannot be fetched, or the file that is there is not the published one.
    """
    path = entry.path(folder)
    if path.is_file():
        check_hash(entry, path)
        return path
    if not entry.url:
        raise PoseError(f"{entry.name} cannot be fetched by a program; {entry.by_hand(path)}.")
    fetch(Source(entry.url, entry.sha256, entry.by_hand(path)), path, patience)
    return path


def check_hash(entry: Entry, path: Path) -> None:
    """Refuse a file that is not the published one.

    Raises:
        PoseError: its hash contradicts the entry's.
    """
    fault = hash_fault(path, entry.sha256)
    if fault:
        raise PoseError(f"{path} is not the published file: it {fault}; move it away and download again.")


def present(entry: Entry, folder: Path | None = None) -> Path:
    """The path of an entry's file, which must be there.

    Raises:
        PoseError: it is not.
    """
    path = entry.path(folder)
    if path.is_file():
        return path
    command = f"python tools/zoo.py download {entry.name}" + (f" --to {folder}" if folder else "")
    ways = f"fetch them with {command}, or {entry.by_hand(path)}" if entry.url else entry.by_hand(path)
    raise PoseError(f"the weights {path} do not exist; {ways}.")


def fault_of(entry: Entry, path: Path) -> str:
    """What is wrong with an entry's file: another hash than published, or nothing that loads safely; '' = nothing."""
    fault = hash_fault(path, entry.sha256)
    if fault:
        return f"{path} {fault}"
    try:
        read_checkpoint(path)
    except PoseError as error:
        return str(error).rstrip(".")
    return ""

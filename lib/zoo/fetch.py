"""Fetch a file over HTTP: resumed, checked, and whole or not there.

Python's own urllib does it: torch.hub's downloader checks hashes but cannot resume, and the libraries that can would be
one more dependency for one command.
"""

import http.client
import re
import shutil
import ssl
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from lib.utils.errors import PoseError
from lib.zoo.hashes import hash_fault

CHUNK_BYTES = 1 << 18
# Answers after which the same question may get another answer.
PASSING_TROUBLE = (408, 425, 429, 500, 502, 503, 504)
LONGEST_PAUSE = 30.0


@dataclass(frozen=True)
class Patience:
    """How long to go on with a bad connection.

    Attributes:
        attempts: in a row that bring nothing.
        timeout: seconds without a byte that end an attempt.
        pause: seconds before the second attempt; doubled before each further one.
    """

    attempts: int = 4
    timeout: float = 30.0
    pause: float = 1.0


@dataclass(frozen=True)
class Source:
    """A file to fetch.

    Attributes:
        url: where it is.
        sha256: how its SHA-256 begins; '' = not known, nothing is compared.
        remedy: what is left to do when it cannot be fetched, as the last part of a sentence.
    """

    url: str
    sha256: str = ""
    remedy: str = "get it by hand"


class _BrokenError(Exception):
    """An attempt that another may follow."""


def fetch(source: Source, target: Path, patience: Patience | None = None) -> None:
    """Fetch a file; what an earlier attempt has brought is not fetched again.

    Args:
        source: the file.
        target: where to put it. Until it is complete and its hash is right, it is target.part; with a wrong hash it
            becomes target.wrong, so that the next attempt starts afresh and nothing is lost unseen.
        patience: with the connection.

    Raises:
        PoseError: no connection, no such file, a web page in its place, a wrong hash, or no room for it.
    """
    patience = patience or Patience()
    part = target.with_name(f"{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PoseError(f"{target.parent} cannot be made ({error.strerror}); choose another folder.") from error
    _fetch_all(source, part, patience)
    fault = hash_fault(part, source.sha256)
    if fault:
        wrong = target.with_name(f"{target.name}.wrong")
        part.replace(wrong)
        raise PoseError(f"what {source.url} gave {fault}; it is kept as {wrong}, and the next attempt starts afresh.")
    part.replace(target)


def _fetch_all(source: Source, part: Path, patience: Patience) -> None:
    """Attempts until `part` is complete."""
    failures = 0
    while True:
        before = _size(part)
        try:
            return _fetch_rest(source, part, patience.timeout)
        except _BrokenError as error:
            failures = 1 if _size(part) > before else failures + 1
            if failures >= patience.attempts:
                kept = f"; {part} keeps what has come, and the command goes on from there" if _size(part) else ""
                raise PoseError(f"{source.url} cannot be fetched ({error}){kept}; {source.remedy}.") from error
            time.sleep(min(patience.pause * 2 ** (failures - 1), LONGEST_PAUSE))


def _fetch_rest(source: Source, part: Path, timeout: float) -> None:
    """One attempt: append what `part` lacks, or write it anew where the server cannot continue."""
    done = _size(part)
    headers = {"User-Agent": "plumbpose", "Accept-Encoding": "identity"}
    request = urllib.request.Request(source.url, headers=headers | ({"Range": f"bytes={done}-"} if done else {}))
    try:
        response = urllib.request.urlopen(request, timeout=timeout)
    except urllib.error.HTTPError as error:
        if error.code != 416 or not done:
            raise _refusal(source, error) from error
        if _total(error) not in (None, done):
            part.unlink()
            raise _BrokenError(f"{part} was longer than the file") from error
        return  # complete: there is nothing after its last byte
    except urllib.error.URLError as error:
        if isinstance(error.reason, ssl.SSLCertVerificationError):
            raise PoseError(f"{source.url} has no valid certificate ({error.reason}); {source.remedy}.") from error
        raise _BrokenError(str(error.reason)) from error
    except (OSError, http.client.HTTPException) as error:
        raise _BrokenError(_reason(error)) from error
    with response:
        _receive(source, response, part, done)


def _receive(source: Source, response: http.client.HTTPResponse, part: Path, done: int) -> None:
    """Write the body of an answer to `part`, which has `done` bytes."""
    start = _start(response)
    if start is None or start not in (0, done):
        part.unlink(missing_ok=True)
        raise _BrokenError("the server did not continue where it was asked to")
    if response.headers.get_content_type() == "text/html":
        raise _web_page(source)
    said = response.headers.get("Content-Length", "")
    length = int(said) if said.isdecimal() else None
    _check_room(part, length, reused=0 if start else done)
    chunks = _chunks(response)
    first = next(chunks, b"")
    if start == 0 and first.lstrip().startswith(b"<"):
        raise _web_page(source)
    # Where nobody watches (a file, another program) a bar would be thousands of lines.
    bar = tqdm(
        total=None if length is None else start + length,
        initial=start,
        desc=part.stem,
        unit="B",
        unit_scale=True,
        unit_divisor=1024,
        disable=not sys.stderr.isatty(),
        dynamic_ncols=True,
    )
    with bar:
        _write(part, start > 0, first, bar)
        for chunk in chunks:
            _write(part, True, chunk, bar)
    if length is not None and _size(part) < start + length:
        raise _BrokenError(f"the connection ended after {_size(part):,} of {start + length:,} bytes")


def _chunks(response: http.client.HTTPResponse) -> Iterator[bytes]:
    try:
        while chunk := response.read1(CHUNK_BYTES):
            yield chunk
    except (OSError, http.client.HTTPException) as error:
        raise _BrokenError(_reason(error)) from error


def _write(part: Path, append: bool, chunk: bytes, bar: tqdm) -> None:
    """Put bytes at the end of `part`, or in the place of all it has."""
    try:
        # Unbuffered, so that what did fit on a full disk is there and closing has nothing left to fail with.
        with part.open("ab" if append else "wb", buffering=0) as file:
            rest = memoryview(chunk)
            while rest:
                rest = rest[file.write(rest) :]
    except OSError as error:
        raise PoseError(
            f"{part} cannot be written ({error.strerror}); make room there and give the command again, which goes on "
            f"after the {_size(part):,} bytes that have come."
        ) from error
    bar.update(len(chunk))


def _check_room(part: Path, length: int | None, *, reused: int) -> None:
    """Refuse an answer of `length` bytes that the disk cannot take, of which `reused` are overwritten in `part`."""
    free = shutil.disk_usage(part.parent).free + reused
    if length is not None and length > free:
        raise PoseError(
            f"{part.parent} has {free / 2**20:,.0f} MiB free, but {part.stem} needs {length / 2**20:,.0f} MiB more; "
            "make room there or choose another folder."
        )


def _refusal(source: Source, error: urllib.error.HTTPError) -> Exception:
    text = f"the server answers {error.code} {error.reason}"
    if error.code in PASSING_TROUBLE:
        return _BrokenError(text)
    return PoseError(f"{source.url} cannot be fetched ({text}); {source.remedy}.")


def _web_page(source: Source) -> PoseError:
    return PoseError(f"{source.url} gave a web page instead of the file; {source.remedy}.")


def _start(response: http.client.HTTPResponse) -> int | None:
    """The byte of the file that the answer begins with; a server that knows no ranges sends all of it."""
    if response.status != 206:
        return 0
    match = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    return int(match[1]) if match else None


def _total(error: urllib.error.HTTPError) -> int | None:
    match = re.fullmatch(r"bytes \*/(\d+)", error.headers.get("Content-Range", ""))
    return int(match[1]) if match else None


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0

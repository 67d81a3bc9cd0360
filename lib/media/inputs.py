"""From what a person names on the command line to the inputs of a run."""

import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import chain, count
from pathlib import Path, PurePath

import cv2

from lib.media.camera import CameraSource
from lib.media.names import (
    LIST_SUFFIX,
    PICTURE_SUFFIXES,
    VIDEO_SUFFIXES,
    common_folder,
    distinct_names,
    is_heic,
    is_media,
    is_picture,
    is_video,
    output_names,
)
from lib.media.pictures import PictureSource
from lib.media.source import Source
from lib.media.videos import StreamSource, VideoSource, without_login
from lib.utils.errors import PoseError
from lib.utils.logging import get_logger, warn_once

# Two letters at least, so that C:// is a drive.
ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)
PATTERN_SIGNS = re.compile(r"[*?\[]")
ACCEPTED = f"pictures ({' '.join(PICTURE_SUFFIXES)}) and videos ({' '.join(VIDEO_SUFFIXES)})"


@dataclass(frozen=True)
class _Place:
    """An input that has no name of its own yet.

    Attributes:
        relative: path of it below what was named.
        place: absolute path of a file without "..", address of a stream or number of a camera.
        make: the source for an output name and a file name.
    """

    relative: PurePath
    place: Path | str | int
    make: Callable[[PurePath, str], Source]


def open_inputs(*texts: str) -> list[Source]:
    """The inputs that a person names.

    Args:
        texts: each is a picture, a video, a folder, a pattern such as "photos/**/*.jpg", a list file (.txt), the
            number of a webcam, or an address such as rtsp://camera/1.

    Returns:
        Sources in the order of `texts`, each once and all with different names; the files of folders and patterns are
        sorted. Nothing is read yet: a missing or broken file is reported by its own source.

    Raises:
        PoseError: nothing is there, or nothing that is a picture or a video, or no file can have that name.

    A file of that name comes before a webcam of that number and before a pattern. Folders are searched to their bottom,
    also through links; hidden files and those of other suffixes are left out.
    """
    found = []
    for text in texts:
        with _usable(f"input '{text}'"):
            found += _places(text)
    if not found:
        raise PoseError("no input is named; give a picture, a video, a folder, a webcam's number or an address.")
    firsts: dict[Path | str | int, _Place] = {}
    for place in found:
        firsts.setdefault(place.place, place)
    places = list(firsts.values())
    if len(places) < len(found):
        get_logger().info("%d inputs that were named before are left out", len(found) - len(places))
    relatives = _distinct(places)
    names = output_names(relatives)
    return [
        place.make(name, relative.as_posix()) for place, name, relative in zip(places, names, relatives, strict=True)
    ]


def _distinct(places: list[_Place]) -> list[PurePath]:
    """File names that are all different, those of streams by a number."""
    files = {place.place: place.relative for place in places if isinstance(place.place, Path)}
    names = distinct_names(list(files.values()), list(files))
    chosen: dict[Path | str | int, PurePath] = dict(zip(files, names, strict=True))
    taken = set(names)
    for place in places:
        if place.place not in chosen:
            numbered = (place.relative.with_name(f"{place.relative}_{number}") for number in count(2))
            chosen[place.place] = next(name for name in chain([place.relative], numbered) if name not in taken)
            taken.add(chosen[place.place])
    return [chosen[place.place] for place in places]


@contextmanager
def _usable(what: str) -> Iterator[None]:
    """Names that no file can have: too long, of an unknown ~user, a number without end."""
    try:
        yield
    except (OSError, RuntimeError, ValueError) as error:
        reason = str(getattr(error, "strerror", None) or error).rstrip(".")
        raise PoseError(f"{what} cannot be used ({reason}); correct it.") from error


def _places(text: str) -> list[_Place]:
    if ADDRESS.match(text):
        return [_stream(text)]
    path = Path(text).expanduser()
    if text and path.is_dir():
        return _folder(path)
    if path.is_file():
        _warn_of_heic([path], "input")
        return _listed(path) if path.suffix.lower() == LIST_SUFFIX else [_file(path, PurePath(path.name))]
    if text.isascii() and text.isdigit():
        return [_camera(int(text))]
    if PATTERN_SIGNS.search(text):
        return _matching(path)
    raise PoseError(
        f"input '{text}' does not exist; give a picture, a video, a folder, a pattern, a list file, the number of a "
        "webcam or an address."
    )


def _file(path: Path, relative: PurePath) -> _Place:
    # A file of another suffix is named by hand, so its content decides; a missing one is what its reader makes of it.
    picture = is_picture(path) or (not is_video(path) and path.is_file() and cv2.haveImageReader(str(path)))
    kind = PictureSource if picture or is_heic(path) else VideoSource
    return _Place(relative, _normal(path), lambda name, file_name: kind(str(path), name, file_name, path))


def _camera(number: int) -> _Place:
    name = f"camera {number}"
    label = name.replace(" ", "_")
    return _Place(
        PurePath(label), number, lambda output, file_name: CameraSource(name, output, file_name, None, number)
    )


def _stream(address: str) -> _Place:
    return _Place(
        PurePath("stream"),
        address,
        lambda output, file_name: StreamSource(without_login(address), output, file_name, None, address),
    )


def _folder(folder: Path) -> list[_Place]:
    return _media_below(folder, _walked(folder), f"folder {folder}")


def _walked(folder: Path) -> Iterator[Path]:
    """All files, also below links to folders, each folder once."""
    seen: set[str] = set()
    for parent, folders, names in os.walk(folder, onerror=partial(_unreadable, folder), followlinks=True):
        real = os.path.realpath(parent)
        # Real folders come first, so that their files are called by them rather than by a link.
        visible = sorted(name for name in folders if not name.startswith(".") and real not in seen)
        links = {name for name in visible if os.path.islink(os.path.join(parent, name))}  # noqa: PTH114, PTH118
        folders[:] = sorted(visible, key=links.__contains__)
        yield from (Path(parent) / name for name in names if real not in seen)
        seen.add(real)


def _unreadable(folder: Path, error: OSError) -> None:
    warn_once(f"folder {error.filename or folder} cannot be read ({error.strerror}); it is left out")


def _matching(pattern: Path) -> list[_Place]:
    parts = pattern.parts
    first = next(index for index, part in enumerate(parts) if PATTERN_SIGNS.search(part))
    folder = Path(*parts[:first])
    try:
        found = {path for path in folder.glob(str(PurePath(*parts[first:]))) if path.is_file()}
    except ValueError as error:
        raise PoseError(f"pattern '{pattern}' cannot be used ({error}); write ** as a folder of its own.") from error
    return _media_below(folder, found, f"pattern {pattern}")


def _media_below(folder: Path, files: Iterable[Path], what: str) -> list[_Place]:
    """Places of the pictures and videos among the files, sorted; the number of the others is logged."""
    files = sorted(files, key=lambda path: path.relative_to(folder).parts)
    chosen = [path for path in files if is_media(path) and not _is_hidden(path.relative_to(folder))]
    kept = set(chosen)
    others = [path for path in files if path not in kept]
    _warn_of_heic(others, what)
    if not chosen:
        seen = f"{len(others)} other files" if others else "nothing"
        raise PoseError(f"{what} holds no picture or video but {seen}; looked for are {ACCEPTED}.")
    if others:
        get_logger().info("%s: %d files, %d others left out such as %s", what, len(chosen), len(others), others[0])
    return [_file(path, _inside(path.relative_to(folder))) for path in chosen]


def _warn_of_heic(paths: Iterable[Path], what: str) -> None:
    if heic := [path for path in paths if is_heic(path)]:
        warn_once(
            f"{what}: {len(heic)} HEIC pictures such as {heic[0]} cannot be read; convert them first, for example with "
            "'heif-convert A.heic A.jpg', or let the phone take JPEG ('Most Compatible')"
        )


def _is_hidden(relative: PurePath) -> bool:
    return any(part.startswith(".") and part != ".." for part in relative.parts)


def _inside(relative: PurePath) -> PurePath:
    """Without "..", which would lead results out of their folder."""
    normal = PurePath(os.path.normpath(relative))
    return PurePath(normal.name) if ".." in normal.parts else normal


def _normal(path: Path) -> Path:
    """Absolute and without ".."."""
    return Path(os.path.normpath(path.absolute()))


def _listed(path: Path) -> list[_Place]:
    """Places of a list file: one path or address per line, relative to the file's folder or to the working folder."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise PoseError(f"list {path} cannot be read ({error}); write it as UTF-8, one path per line.") from error
    numbers = {line.strip(): number for number, line in reversed(list(enumerate(lines, 1)))}
    entries = [line.strip() for line in lines if line.strip() and not line.strip().startswith("#")]
    if not entries:
        raise PoseError(f"list {path} names no file; write one path per line.")
    files = {entry: _found(entry, path, numbers[entry]) for entry in entries if not ADDRESS.match(entry)}
    _warn_of_heic(files.values(), f"list {path}")
    root = common_folder(files.values()) if files else path.parent
    return [
        _file(files[entry], files[entry].relative_to(root)) if entry in files else _stream(entry) for entry in entries
    ]


def _found(entry: str, listing: Path, line: int) -> Path:
    with _usable(f"'{entry}' in line {line} of {listing}"):
        named = Path(entry).expanduser()
        beside = listing.parent / named
        return _normal(named if not beside.exists() and named.exists() else beside)

"""From what a person names on the command line to the inputs of a run."""

import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePath

import cv2

from lib.media.camera import CameraSource
from lib.media.names import (
    LIST_SUFFIX,
    PICTURE_SUFFIXES,
    VIDEO_SUFFIXES,
    common_folder,
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
    """An input that has no name for its results yet.

    Attributes:
        relative: path of it below what was named.
        make: the source for an output name.
    """

    relative: PurePath
    make: Callable[[PurePath], Source]


def open_inputs(*texts: str) -> list[Source]:
    """The inputs that a person names.

    Args:
        texts: each is a picture, a video, a folder, a pattern such as "photos/**/*.jpg", a list file (.txt), the
            number of a webcam, or an address such as rtsp://camera/1.

    Returns:
        Sources in the order of `texts`; the files of folders and patterns are sorted. Nothing is read yet: a missing
        or broken file is reported by its own source.

    Raises:
        PoseError: nothing is there, or nothing that is a picture or a video.

    A file of that name comes before a webcam of that number and before a pattern. Folders are searched to their bottom;
    hidden files and those of other suffixes are left out.
    """
    places = [place for text in texts for place in _places(text)]
    if not places:
        raise PoseError("no input is named; give a picture, a video, a folder, a webcam's number or an address.")
    names = output_names([place.relative for place in places])
    return [place.make(name) for place, name in zip(places, names, strict=True)]


def _places(text: str) -> list[_Place]:
    if ADDRESS.match(text):
        return [_stream(text)]
    path = Path(text).expanduser()
    if text and path.is_dir():
        return _folder(path)
    if path.is_file():
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
    kind = PictureSource if picture else VideoSource
    return _Place(relative, lambda name: kind(str(path), name, relative.as_posix(), path))


def _camera(number: int) -> _Place:
    name = f"camera {number}"
    label = name.replace(" ", "_")
    return _Place(PurePath(label), lambda output: CameraSource(name, output, label, None, number))


def _stream(address: str) -> _Place:
    return _Place(
        PurePath("stream"), lambda output: StreamSource(without_login(address), output, "stream", None, address)
    )


def _folder(folder: Path) -> list[_Place]:
    files = []
    for parent, folders, names in os.walk(folder, onerror=partial(_unreadable, folder)):
        folders[:] = [name for name in folders if not name.startswith(".")]
        files += [Path(parent) / name for name in names]
    return _media_below(folder, files, f"folder {folder}")


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
    if not chosen:
        seen = f"{len(others)} other files" if others else "nothing"
        raise PoseError(f"{what} holds no picture or video but {seen}; looked for are {ACCEPTED}.")
    if others:
        get_logger().info("%s: %d files, %d others left out such as %s", what, len(chosen), len(others), others[0])
    return [_file(path, path.relative_to(folder)) for path in chosen]


def _is_hidden(relative: PurePath) -> bool:
    return any(part.startswith(".") for part in relative.parts)


def _listed(path: Path) -> list[_Place]:
    """Places of a list file: one path or address per line, relative to the file's folder or to the working folder."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise PoseError(f"list {path} cannot be read ({error}); write it as UTF-8, one path per line.") from error
    entries = [line.strip() for line in lines if line.strip() and not line.strip().startswith("#")]
    if not entries:
        raise PoseError(f"list {path} names no file; write one path per line.")
    files = {entry: _found(Path(entry).expanduser(), path.parent) for entry in entries if not ADDRESS.match(entry)}
    root = common_folder(files.values()) if files else path.parent
    return [
        _file(files[entry], files[entry].relative_to(root)) if entry in files else _stream(entry) for entry in entries
    ]


def _found(entry: Path, folder: Path) -> Path:
    path = entry if not (folder / entry).exists() and entry.exists() else folder / entry
    # Without "..", which would lead results out of their folder.
    return Path(os.path.normpath(path.absolute()))

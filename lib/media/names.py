"""Which files are pictures and videos, and what their results are called."""

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePath

JPEG_SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif")
PLAIN_SUFFIXES = (".png", ".bmp", ".dib", ".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm")
PICTURE_SUFFIXES = (*JPEG_SUFFIXES, *PLAIN_SUFFIXES, ".webp", ".avif", ".jp2")
# An animated GIF is a video: OpenCV would give its first picture only.
PHONE_SUFFIXES = (".mp4", ".m4v", ".mov", ".3gp")
BROADCAST_SUFFIXES = (".mpg", ".mpeg", ".vob", ".ts", ".mts", ".m2ts")
VIDEO_SUFFIXES = (*PHONE_SUFFIXES, *BROADCAST_SUFFIXES, ".avi", ".mkv", ".webm", ".wmv", ".flv", ".ogv", ".gif")
LIST_SUFFIX = ".txt"


def is_picture(path: PurePath) -> bool:
    """Whether the suffix is that of a picture."""
    return path.suffix.lower() in PICTURE_SUFFIXES


def is_video(path: PurePath) -> bool:
    """Whether the suffix is that of a video."""
    return path.suffix.lower() in VIDEO_SUFFIXES


def is_media(path: PurePath) -> bool:
    """Whether the suffix is that of a picture or a video."""
    return is_picture(path) or is_video(path)


def common_folder(paths: Iterable[Path]) -> Path:
    """The deepest folder that all files, given by absolute paths, are in."""
    return Path(os.path.commonpath([path.parent for path in paths]))


def output_names(relatives: Sequence[PurePath]) -> list[PurePath]:
    """Names for results, without suffix and all different, also where upper and lower case are one.

    Args:
        relatives: of the inputs, relative to what they have in common.

    Returns:
        "a/b.jpg" becomes "a/b"; where "a/b.png" is there as well they become "a/b_jpg" and "a/b_png"; what is still
        taken gets a number, "a/b_jpg_2".
    """
    bare = [relative.with_suffix("") for relative in relatives]
    uses = Counter(_key(name) for name in bare)
    taken: set[str] = set()
    names = []
    for relative, short in zip(relatives, bare, strict=True):
        wanted = short if uses[_key(short)] == 1 else short.with_name(relative.name.replace(".", "_"))
        names.append(_free(wanted, taken))
        taken.add(_key(names[-1]))
    return names


def _free(wanted: PurePath, taken: set[str]) -> PurePath:
    name, number = wanted, 1
    while _key(name) in taken:
        number += 1
        name = wanted.with_name(f"{wanted.name}_{number}")
    return name


def _key(name: PurePath) -> str:
    return name.as_posix().casefold()

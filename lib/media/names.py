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
# What phones write and OpenCV does not read.
HEIC_SUFFIXES = (".heic", ".heif")
# Names of files have 255 bytes at most; a number and a suffix are appended to those of results.
LONGEST_NAME = 200


def is_picture(path: PurePath) -> bool:
    """Whether the suffix is that of a picture."""
    return path.suffix.lower() in PICTURE_SUFFIXES


def is_video(path: PurePath) -> bool:
    """Whether the suffix is that of a video."""
    return path.suffix.lower() in VIDEO_SUFFIXES


def is_media(path: PurePath) -> bool:
    """Whether the suffix is that of a picture or a video."""
    return is_picture(path) or is_video(path)


def is_heic(path: PurePath) -> bool:
    """Whether the suffix is that of a picture which cannot be read."""
    return path.suffix.lower() in HEIC_SUFFIXES


def common_folder(paths: Iterable[Path]) -> Path:
    """The deepest folder that all files, given by absolute paths, are in."""
    return Path(os.path.commonpath([path.parent for path in paths]))


def distinct_names(relatives: Sequence[PurePath], paths: Sequence[Path]) -> list[PurePath]:
    """File names that are all different: relative ones, those that meet with as many folders before as that takes.

    Args:
        relatives: how each file is called by itself, the end of its path.
        paths: of the files, absolute, without ".." and all different.
    """
    names = list(relatives)
    while meeting := {name for name, count in Counter(names).items() if count > 1}:
        for index, path in enumerate(paths):
            if names[index] in meeting:
                parts = (path.drive.rstrip(":"), *path.parts[1:])
                names[index] = PurePath(*parts[-len(names[index].parts) - 1 :])
    return names


def output_names(relatives: Sequence[PurePath]) -> list[PurePath]:
    """Names for results, without suffix and all different, also where upper and lower case are one.

    Args:
        relatives: of the inputs, relative to what they have in common.

    Returns:
        "a/b.jpg" becomes "a/b"; where "a/b.png" is there as well they become "a/b_jpg" and "a/b_png"; what is still
        taken gets a number, "a/b_jpg_2". Very long names lose their end.
    """
    bare = [_shortened(relative.with_suffix("")) for relative in relatives]
    uses = Counter(_key(name) for name in bare)
    taken: set[str] = set()
    names = []
    for relative, short in zip(relatives, bare, strict=True):
        wanted = short if uses[_key(short)] == 1 else _shortened(short.with_name(relative.name.replace(".", "_")))
        names.append(_free(wanted, taken))
        taken.add(_key(names[-1]))
    return names


def _shortened(name: PurePath) -> PurePath:
    content = os.fsencode(name.name)
    return name if len(content) <= LONGEST_NAME else name.with_name(content[:LONGEST_NAME].decode("utf-8", "ignore"))


def _free(wanted: PurePath, taken: set[str]) -> PurePath:
    name, number = wanted, 1
    while _key(name) in taken:
        number += 1
        name = wanted.with_name(f"{wanted.name}_{number}")
    return name


def _key(name: PurePath) -> str:
    return name.as_posix().casefold()

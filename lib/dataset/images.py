"""Image files in a folder or inside a zip file, read by position.

No file stays open between two reads, so that a store can be used by any number of forked workers at once.
"""

import os
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Protocol

import numpy as np

from lib.utils.errors import PoseError

ZIP_SUFFIX = ".zip"
# A local file header is 30 bytes; the lengths of the name and of the extra field are its last two numbers.
LOCAL_HEADER_SIZE, LOCAL_LENGTHS_OFFSET = 30, 26


class ImageStore(Protocol):
    """The image files of a data set."""

    def missing(self, indices: np.ndarray) -> np.ndarray:
        """Those of the given positions whose image is not there."""

    def name(self, index: int) -> str:
        """How to call an image in a message: its path, for zip files FILE.zip@NAME as published."""

    def read(self, index: int) -> bytes:
        """The bytes of an image file; raises PoseError where they cannot be read."""

    def head(self, index: int, count: int) -> bytes:
        """Its first `count` bytes, or all of fewer; raises PoseError as `read` does."""


def open_images(location: str | os.PathLike[str], file_names: np.ndarray) -> "FolderImages | ZipImages":
    """Open a folder or a zip file of images.

    Args:
        location: a folder, or a file that ends in .zip.
        file_names: (M,) bytes, UTF-8, relative to the folder or inside the zip file.

    Raises:
        PoseError: the folder or zip file is absent or unreadable.
    """
    if str(location).endswith(ZIP_SUFFIX):
        return ZipImages(location, file_names)
    return FolderImages(location, file_names)


def require_images(store: ImageStore, indices: np.ndarray, annotation_file: str) -> None:
    """Check at the start that images exist.

    Raises:
        PoseError: some do not; the first is named.
    """
    missing = store.missing(np.unique(indices))
    if len(missing):
        raise PoseError(
            f"image {store.name(int(missing[0]))}, which {annotation_file} asks for, does not exist "
            f"({len(missing)} missing in all); complete the images or correct DATASET.ROOT, "
            "DATASET.TRAIN_IMAGES, DATASET.TEST_IMAGES or DATASET.DATA_FORMAT."
        )


class FolderImages:
    """Images as files of a folder."""

    def __init__(self, folder: str | os.PathLike[str], file_names: np.ndarray) -> None:
        self.folder = Path(folder)
        self.file_names = file_names
        if not self.folder.is_dir():
            raise PoseError(
                f"image folder {folder} does not exist; correct DATASET.ROOT or give the folder as "
                "DATASET.TRAIN_IMAGES or DATASET.TEST_IMAGES (DATASET.DATA_FORMAT zip reads a zip file instead)."
            )

    def missing(self, indices: np.ndarray) -> np.ndarray:
        """See `ImageStore`; one listing per folder, which is faster than asking for each file.

        Only what no listing has is asked for: file systems may take other names for the same.
        """
        listings: dict[str, set[str]] = {}
        absent = []
        for index in indices.tolist():
            folder, _, name = self.file_names[index].decode().rpartition("/")
            if folder not in listings:
                listings[folder] = _listing(self.folder / folder)
            if name not in listings[folder] and not self._path(index).is_file():
                absent.append(index)
        return np.array(sorted(absent), np.int64)

    def name(self, index: int) -> str:
        """The file's path."""
        return str(self._path(index))

    def read(self, index: int) -> bytes:
        """See `ImageStore`."""
        return self.head(index, -1)

    def head(self, index: int, count: int) -> bytes:
        """See `ImageStore`; -1 for all."""
        path = self._path(index)
        try:
            with path.open("rb") as file:
                return file.read(count)
        except OSError as error:
            raise PoseError(f"image {path} cannot be read ({error.strerror}); check the file.") from error

    def _path(self, index: int) -> Path:
        return self.folder / self.file_names[index].decode()


def _listing(folder: Path) -> set[str]:
    """The names in a folder, none of one that cannot be listed."""
    try:
        return set(os.listdir(folder))  # noqa: PTH208 - names alone
    except OSError:
        return set()


class ZipImages:
    """Images inside a zip file, stored or deflated, at its top or in a folder called like the zip file.

    The published reader knows the first layout; COCO's own zip files have the second. The zip file's directory is
    read once and kept as four numbers per image.
    """

    def __init__(self, path: str | os.PathLike[str], file_names: np.ndarray) -> None:
        self.path = Path(path)
        self.file_names = file_names
        members = self._directory()
        self._offset = np.full(len(file_names), -1, np.int64)
        self._size = np.zeros(len(file_names), np.int64)
        self._method = np.zeros(len(file_names), np.int16)
        self._crc = np.zeros(len(file_names), np.uint32)
        for index, file_name in enumerate(file_names):
            name = file_name.decode()
            member = members.get(name) or members.get(f"{self.path.stem}/{name}")
            if member is not None:
                self._offset[index], self._size[index] = member.header_offset, member.compress_size
                self._method[index], self._crc[index] = member.compress_type, member.CRC

    def missing(self, indices: np.ndarray) -> np.ndarray:
        """See `ImageStore`."""
        return indices[self._offset[indices] < 0]

    def name(self, index: int) -> str:
        """FILE.zip@NAME, as in the published repositories."""
        return f"{self.path}@{self.file_names[index].decode()}"

    def read(self, index: int) -> bytes:
        """See `ImageStore`; the stored checksum is compared."""
        try:
            content = self._inflate(index, self._raw(index))
        except (OSError, struct.error, zlib.error) as error:
            raise PoseError(f"image {self.name(index)} cannot be read ({error}); fetch the zip file again.") from error
        if zlib.crc32(content) != self._crc[index]:
            raise PoseError(f"image {self.name(index)} does not match its checksum; fetch the zip file again.")
        return content

    def head(self, index: int, count: int) -> bytes:
        """See `ImageStore`; a member is read as a whole."""
        return self.read(index)[:count]

    def _directory(self) -> dict[str, zipfile.ZipInfo]:
        try:
            with zipfile.ZipFile(self.path) as archive:
                return {member.filename: member for member in archive.infolist()}
        except FileNotFoundError as error:
            raise PoseError(
                f"zip file {self.path} does not exist; correct DATASET.ROOT or set DATASET.DATA_FORMAT jpg to read "
                "a folder."
            ) from error
        except (OSError, zipfile.BadZipFile) as error:
            raise PoseError(f"zip file {self.path} cannot be read ({error}); fetch it again.") from error

    def _raw(self, index: int) -> bytes:
        """The stored bytes of a member, after its local header."""
        with self.path.open("rb") as file:
            file.seek(int(self._offset[index]))
            lengths = struct.unpack_from("<HH", file.read(LOCAL_HEADER_SIZE), LOCAL_LENGTHS_OFFSET)
            file.seek(sum(lengths), os.SEEK_CUR)
            return file.read(int(self._size[index]))

    def _inflate(self, index: int, raw: bytes) -> bytes:
        if self._method[index] == zipfile.ZIP_STORED:
            return raw
        if self._method[index] == zipfile.ZIP_DEFLATED:
            return zlib.decompress(raw, wbits=-zlib.MAX_WBITS)
        raise PoseError(
            f"image {self.name(index)} is compressed by method {self._method[index]}; write the zip file with stored "
            "or deflated members."
        )

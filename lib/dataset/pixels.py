"""Where the pixels of a person come from: whole images, or whatever else holds them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple, Protocol

import numpy as np

from lib.dataset.coco import Images
from lib.dataset.images import ImageStore
from lib.utils.errors import PoseError
from lib.utils.image import decode_image

# The map of pixels that are stored as they lie in the image.
IDENTITY = np.eye(2, 3)


class StoredPixels(NamedTuple):
    """Pixels as they are stored, and where they lie.

    Attributes:
        array: (H, W, 3) uint8, BGR; it must not be written to.
        to_stored: affine map from image_ points to points of `array`, (2, 3) float64.
    """

    array: np.ndarray
    to_stored: np.ndarray


class PixelSource(Protocol):
    """The pixels of every record of a data set."""

    def pixels(self, index: int) -> StoredPixels:
        """All pixels that a crop of the record can show; raises PoseError where they cannot be read."""


class ImagePixels:
    """Pixels from image files.

    The last image is kept, because a test goes through the people of an image one after the other.

    Args:
        image_index: of each record, (N,), position in `images`.
        images: what the annotation file says of them.
        store: the files.
        annotation_file: named in errors.
    """

    def __init__(self, image_index: np.ndarray, images: Images, store: ImageStore, annotation_file: str) -> None:
        self.image_index = image_index
        self.images = images
        self.store = store
        self.annotation_file = annotation_file
        self._last: tuple[int, np.ndarray] | None = None

    def pixels(self, index: int) -> StoredPixels:
        """The whole image of a record.

        Raises:
            PoseError: the file cannot be read, or has another size than the annotation file says.
        """
        number = int(self.image_index[index])
        if self._last is None or self._last[0] != number:
            image = decode_image(self.store.read(number), self.store.name(number))
            found_wh, expected_wh = (image.shape[1], image.shape[0]), self.images.size_wh[number].tolist()
            check_size(self.store.name(number), found_wh, expected_wh, self.annotation_file)
            self._last = number, image
        return StoredPixels(self._last[1], IDENTITY)


def record_pixels(source: PixelSource, index: int) -> StoredPixels:
    """The pixels of a record, whose number errors name."""
    with naming_record(index):
        return source.pixels(index)


@contextmanager
def naming_record(index: int) -> Iterator[None]:
    """Put a record's number before errors."""
    try:
        yield
    except PoseError as error:
        raise PoseError(f"record {index}: {error}") from error


def check_size(name: str, found_wh: tuple[int, int], expected_wh: Sequence[int], annotation_file: str) -> None:
    """Refuse an image that is not as large as its annotations think.

    Raises:
        PoseError: both sizes are named.
    """
    if found_wh != tuple(expected_wh):
        raise PoseError(
            f"image {name} has {found_wh[0]}x{found_wh[1]} stored pixels, {annotation_file} says "
            f"{expected_wh[0]}x{expected_wh[1]}; annotate the stored pixels (EXIF orientation is ignored) or "
            "correct the size."
        )

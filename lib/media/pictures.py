"""A picture file as an input."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from lib.media.source import Frame, Source
from lib.utils.image import read_image


@dataclass
class PictureSource(Source):
    """One picture, turned as its EXIF orientation says."""

    path: Path
    is_video: ClassVar[bool] = False
    is_live: ClassVar[bool] = False

    def frames(self) -> Iterator[Frame]:
        """See `Source.frames`."""
        yield Frame(read_image(self.path, apply_exif=True), 0, 0.0)

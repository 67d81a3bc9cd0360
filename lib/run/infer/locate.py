"""Where the boxes of the frames come from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from lib.detectors import BoxFile, Detector, full_frame, look
from lib.run.infer.events import Shown
from lib.utils.logging import get_logger
from lib.utils.people import Boxes


class Locator(Protocol):
    """A source of boxes."""

    @property
    def description(self) -> str:
        """Where the boxes come from, for the report."""

    def __call__(self, shown: Sequence[Shown]) -> list[Boxes | None]:
        """The boxes of frames; None for those in which the people of the frame before are followed."""


@dataclass(frozen=True)
class ByDetector:
    """Boxes of a detector, in videos on every `every`-th frame alone."""

    detector: Detector
    name: str
    every: int

    @property
    def description(self) -> str:
        """See `Locator`."""
        between = f" on every {self.every}th frame of videos, between them the poses before" if self.every > 1 else ""
        return f"detector {self.name}{between}"

    def __call__(self, shown: Sequence[Shown]) -> list[Boxes | None]:
        """See `Locator`."""
        chosen = [event for event in shown if not event.source.is_video or event.frame.index % self.every == 0]
        found = look(self.detector, [event.frame.image for event in chosen]) if chosen else []
        boxes = {id(event): own for event, own in zip(chosen, found, strict=True)}
        return [boxes.get(id(event)) for event in shown]


@dataclass(frozen=True)
class FromFile:
    """Boxes of a COCO-format file."""

    file: BoxFile

    @property
    def description(self) -> str:
        """See `Locator`."""
        return f"boxes of {self.file}"

    def __call__(self, shown: Sequence[Shown]) -> list[Boxes | None]:
        """See `Locator`."""
        return [self._boxes(event) for event in shown]

    def _boxes(self, shown: Shown) -> Boxes:
        """Boxes that are meant for pixels of another size would lie anywhere; they are left out, with a warning."""
        place = shown.source.file_name, shown.frame.index if shown.source.is_video else None
        listed_wh = self.file.size_of(*place)
        if listed_wh in (None, shown.size_wh):
            return self.file.boxes_of(*place)
        get_logger().warning(
            "warning: the boxes of %s are for %dx%d pixels and it has %dx%d (data sets do not turn pictures as EXIF "
            "says, and this command does); they are left out.",
            *(shown.source.name, *listed_wh, *shown.size_wh),
        )
        return Boxes.none()


@dataclass(frozen=True)
class FullFrame:
    """One person fills each picture."""

    description: str = "the whole picture as one box"

    def __call__(self, shown: Sequence[Shown]) -> list[Boxes | None]:
        """See `Locator`."""
        return [full_frame(event.size_wh) for event in shown]


@dataclass(frozen=True)
class NoBoxes:
    """For networks that see everybody at once."""

    description: str = "none (bottom-up)"

    def __call__(self, shown: Sequence[Shown]) -> list[Boxes | None]:
        """See `Locator`."""
        return [None] * len(shown)

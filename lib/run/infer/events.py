"""What travels through the steps: inputs begin, show frames and end."""

from dataclasses import dataclass, field

from lib.estimator import Estimate
from lib.media.source import Frame, Source
from lib.utils.people import Boxes


@dataclass(frozen=True)
class Opened:
    """An input begins."""

    source: Source


@dataclass
class Shown:
    """A frame of an input; each step adds what it finds out.

    Attributes:
        source: the input.
        frame: the picture.
        boxes: of the people to look for; None where those of the frame before are followed, or none are needed.
        estimate: the people that were found.
    """

    source: Source
    frame: Frame
    boxes: Boxes | None = None
    estimate: Estimate = field(init=False)

    @property
    def size_wh(self) -> tuple[int, int]:
        """Of the picture."""
        return self.frame.image.shape[1], self.frame.image.shape[0]


@dataclass(frozen=True)
class Closed:
    """An input ends; with a sentence where it could not be read at all.

    A text and not the exception, whose traceback would keep the bytes of every broken file.
    """

    source: Source
    error: str | None = None


Event = Opened | Shown | Closed
# Events that are worked on together.
Batch = list[Event]


def shown_in(batch: Batch) -> list[Shown]:
    """The frames of a batch."""
    return [event for event in batch if isinstance(event, Shown)]

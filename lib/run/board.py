"""TensorBoard, which may fail at any time without ending a run."""

import math
import time
from pathlib import Path

import numpy as np
from tensorboardX import summary
from tensorboardX.event_file_writer import EventsWriter
from tensorboardX.proto.event_pb2 import Event
from tensorboardX.proto.summary_pb2 import Summary

from lib.utils.logging import never_fatal


class Board:
    """Writes scalars and pictures.

    tensorboardX's SummaryWriter hands events to a thread through a short queue; when that thread dies, of a full disk
    for example, the run waits for the queue forever. Its file writer, used here, raises instead.
    """

    def __init__(self, folder: Path | None) -> None:
        """Open an event file.

        Args:
            folder: of the run's event files; None writes nothing, for all processes but the main one.
        """
        self._writer: EventsWriter | None = None
        self._what = f"TensorBoard's log in {folder}"
        if folder is not None:
            with never_fatal(self._what):
                folder.mkdir(parents=True, exist_ok=True)
                self._writer = EventsWriter(str(folder / "events"))

    def scalars(self, values: dict[str, float], step: int) -> None:
        """Write numbers by name; those that are not finite are left out."""
        self._write([summary.scalar(name, value) for name, value in values.items() if math.isfinite(value)], step)

    def picture(self, name: str, picture: np.ndarray, step: int) -> None:
        """Write a picture, (H, W, 3) uint8, RGB."""
        self._write([summary.image(name, picture, dataformats="HWC")], step)

    def close(self) -> None:
        """Close the event file."""
        if self._writer is not None:
            with never_fatal(self._what):
                self._writer.close()
            self._writer = None

    def _write(self, summaries: list[Summary], step: int) -> None:
        if self._writer is None:
            return
        written = False
        with never_fatal(self._what):
            for content in summaries:
                self._writer.write_event(Event(wall_time=time.time(), step=step, summary=content))
            self._writer.flush()
            written = True
        if not written:
            self._writer = None

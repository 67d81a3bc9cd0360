"""Everything that a run writes."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from lib.media import VideoWriter
from lib.media.source import Source, VideoInfo
from lib.run.infer.clock import StageClock
from lib.run.infer.events import Closed, Event, Opened, Shown
from lib.run.infer.ids import FrameIds
from lib.skeletons import Skeleton
from lib.utils.errors import PoseError
from lib.utils.logging import get_logger
from lib.writers import CocoResults, FrameFacts, InputJson, PoseCsv
from visualization.people_pictures import DrawingOptions, draw_people, person_labels
from visualization.raster import save_image

KINDS = ("pictures", "json", "coco", "csv")
PICTURES, JSON_FILES, RESULTS, TABLE = "pictures", "json", "results.json", "people.csv"


@dataclass(frozen=True)
class OutputSettings:
    """What is written and where.

    Attributes:
        folder: of everything.
        kinds: of `KINDS`: drawn pictures and videos; one JSON file per input; COCO results; a table.
        picture_suffix: ".jpg" or ".png".
        drawing: how people are drawn.
    """

    folder: Path
    kinds: frozenset[str]
    picture_suffix: str
    drawing: DrawingOptions


@dataclass
class Counts:
    """What a run has done so far.

    Attributes:
        inputs: that were opened.
        frames: that were written, pictures included.
        people: in them.
        failures: one sentence for each input that could not be read.
        undrawn: one sentence for each picture or video that could not be drawn to its file.
    """

    inputs: int = 0
    frames: int = 0
    people: int = 0
    failures: list[str] = field(default_factory=list)
    undrawn: list[str] = field(default_factory=list)


class Outputs:
    """Writes the frames of all inputs as they come; a context manager.

    Whatever ends the block, each file is whole or not there. What was written of an input that was finished stays; so
    does everything when the block is interrupted from the keyboard.

    Args:
        settings: what and where.
        skeleton: the keypoint set.
        ids: of the frames.
        facts: how the poses are made, for the JSON files.
        video_facts: what holds of videos beside.
        clock: of the run.
    """

    def __init__(
        self,
        settings: OutputSettings,
        skeleton: Skeleton,
        ids: FrameIds,
        facts: dict[str, Any],
        video_facts: dict[str, Any],
        clock: StageClock,
    ) -> None:
        self.counts = Counts()
        self._settings, self._skeleton, self._ids, self._clock = settings, skeleton, ids, clock
        self._facts, self._video_facts = facts, video_facts
        self._run, self._input = ExitStack(), ExitStack()
        self._tables: list[CocoResults | PoseCsv] = []
        self._json: InputJson | None = None
        self._drawn: _DrawnVideo | None = None

    @property
    def only_pictures(self) -> bool:
        """Whether nothing but drawn pictures and videos is written."""
        return self._settings.kinds == {"pictures"}

    def __enter__(self) -> "Outputs":
        folder, kinds = self._settings.folder, self._settings.kinds
        with ExitStack() as stack:
            if "coco" in kinds:
                self._tables.append(stack.enter_context(CocoResults(folder / RESULTS, self._skeleton)))
            if "csv" in kinds:
                self._tables.append(stack.enter_context(PoseCsv(folder / TABLE, self._skeleton)))
            self._run = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._run, self._input:
            if error is not None:
                raise error

    def handle(self, event: Event) -> None:
        """Take the next event of the run.

        Raises:
            PoseError: something cannot be written.
        """
        if isinstance(event, Opened):
            self.counts.inputs += 1
            self._input, self._json, self._drawn = ExitStack(), None, None
        elif isinstance(event, Closed):
            self._input.close()
            if event.error is not None:
                self.counts.failures.append(str(event.error))
                get_logger().warning("warning: %s", event.error)
        else:
            with self._clock.busy("write", 1):
                self._write(event)

    def _write(self, shown: Shown) -> None:
        people, source = shown.estimate.people, shown.source
        facts = FrameFacts(
            source.file_name, shown.size_wh, self._ids.next(shown), shown.frame.index, shown.frame.time, source.is_video
        )
        if shown.frame.index == 0:
            self._open_files(source)
        for writer in (*self._tables, self._json):
            if writer is not None:
                writer.add(facts, people)
        if "pictures" in self._settings.kinds:
            self._picture(shown)
        self.counts.frames += 1
        self.counts.people += len(people)

    def _open_files(self, source: Source) -> None:
        """Open the files of an input whose first frame is there."""
        if "json" in self._settings.kinds:
            rate = source.info.rate if source.info is not None else None
            self._json = self._input.enter_context(
                InputJson(
                    self._path(JSON_FILES, source, ".json"),
                    self._skeleton,
                    input_name=source.file_name,
                    rate=None if rate is None else float(rate),
                    facts=self._facts | (self._video_facts if source.is_video else {}),
                )
            )
        if "pictures" in self._settings.kinds and source.info is not None:
            video = _DrawnVideo(self._path(PICTURES, source, ".mp4"), source.info, source.path, self._report_undrawn)
            self._drawn = self._input.enter_context(video)

    def _path(self, kind: str, source: Source, suffix: str) -> Path:
        name = source.output_name
        return self._settings.folder / kind / name.parent / f"{name.name}{suffix}"

    def _picture(self, shown: Shown) -> None:
        drawn = draw_estimate(shown, self._skeleton, self._settings.drawing)
        if self._drawn is not None:
            self._drawn.write(drawn, shown.frame.time, shown.frame.duration)
        else:
            try:
                save_image(self._path(PICTURES, shown.source, self._settings.picture_suffix), drawn)
            except PoseError as error:
                self._report_undrawn(error)

    def _report_undrawn(self, error: PoseError) -> None:
        self.counts.undrawn.append(str(error))
        beside = "" if self.only_pictures else " The data of the input are written all the same."
        get_logger().warning("warning: %s%s", error, beside)


class _DrawnVideo:
    """A video that the run goes on without, where it cannot be written."""

    def __init__(
        self, path: Path, info: VideoInfo, sound_from: Path | None, report: Callable[[PoseError], None]
    ) -> None:
        self._writer: VideoWriter | None = VideoWriter(path, info, sound_from=sound_from)
        self._report = report

    def __enter__(self) -> "_DrawnVideo":
        with self._reported():
            if self._writer is not None:
                self._writer.__enter__()
        return self

    def write(self, image: np.ndarray, time: float, duration: float) -> None:
        if self._writer is None:
            return
        with self._reported():
            try:
                self._writer.write(image, time, duration)
            except PoseError as error:
                self._writer.__exit__(type(error), error, error.__traceback__)
                raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._reported():
            if self._writer is not None:
                self._writer.__exit__(kind, error, trace)

    @contextmanager
    def _reported(self) -> Iterator[None]:
        try:
            yield
        except PoseError as error:
            self._writer = None
            self._report(error)


def draw_estimate(shown: Shown, skeleton: Skeleton, options: DrawingOptions) -> np.ndarray:
    """The frame with its people, (H, W, 3) uint8 RGB; the best of them lie on top.

    Bottom-up networks have no boxes but those of the keypoints they find, so people without one to draw are left out.
    """
    estimate, backwards = shown.estimate, slice(None, None, -1)
    people, heat = estimate.people, estimate.heat
    wanted = people.scores >= options.score_threshold
    if shown.boxes is None:
        wanted &= (people.keypoints[..., 2] > options.kpt_threshold).any(axis=1)
    people = people.take(np.flatnonzero(wanted))
    return draw_people(
        shown.frame.image,
        people.keypoints[backwards],
        skeleton,
        boxes=people.boxes.xywh[backwards],
        labels=person_labels(people.scores, people.track_ids)[backwards] if options.show_labels else (),
        track_ids=people.track_ids[backwards],
        heatmaps=None if heat is None else (heat.maps, heat.to_image),
        options=options,
    )

"""The steps that overlap: reading, finding boxes, estimating poses. Writing is outputs.py's."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from lib.estimator import Estimator
from lib.media.source import Frame, Source
from lib.run.infer.clock import StageClock
from lib.run.infer.events import Batch, Closed, Opened, Shown, shown_in
from lib.run.infer.follow import Follower, FollowRules
from lib.run.infer.locate import Locator
from lib.utils.errors import PoseError
from lib.utils.overlap import newest

Size = tuple[int, int]
# Frames that are worked on together: enough that the people of several share the network's batches, and so few pixels
# that the pictures of a phone, of which a dozen batches can be on their way, fit into memory.
MOST_FRAMES, MOST_PIXELS = 8, 24_000_000


def read(sources: Iterable[Source], clock: StageClock, check_size: Callable[[Size], None]) -> Iterator[Batch]:
    """The frames of all inputs in batches; of live inputs the newest, one by one, so that none waits for the next.

    Args:
        sources: the inputs; one that cannot be read, or whose size is refused, ends with a sentence.
        clock: of the run.
        check_size: raises PoseError for pictures (width, height) that the network cannot look at.
    """
    batch: Batch = []
    for source in sources:
        batch.append(Opened(source))
        error: str | None = None
        try:
            for shown in _frames(source, clock):
                _check(shown, check_size)
                batch.append(shown)
                if source.is_live or _is_full(batch):
                    yield batch
                    batch = []
        except PoseError as caught:
            error = str(caught)
        batch.append(Closed(source, error))
        if error is not None:
            yield batch
            batch = []
    yield batch


def _check(shown: Shown, check_size: Callable[[Size], None]) -> None:
    try:
        check_size(shown.size_wh)
    except PoseError as error:
        raise PoseError(f"input {shown.source.name}: {error}") from error


def _frames(source: Source, clock: StageClock) -> Iterator[Shown]:
    frames = newest(source.frames()) if source.is_live else source.frames()
    index = 0
    while (frame := _timed(frames, clock)) is not None:
        # Frames that were left out are not counted, so that every Nth means every Nth that is worked on.
        yield Shown(source, replace(frame, index=index) if source.is_live else frame)
        index += 1


def _timed(frames: Iterator[Frame], clock: StageClock) -> Frame | None:
    start = time.perf_counter()
    frame = next(frames, None)
    clock.add("read", time.perf_counter() - start, frame is not None)
    return frame


def _is_full(batch: Batch) -> bool:
    sizes = [shown.size_wh for shown in shown_in(batch)]
    return len(sizes) >= MOST_FRAMES or sum(width * height for width, height in sizes) >= MOST_PIXELS


@dataclass(frozen=True)
class FindBoxes:
    """The step that finds boxes."""

    locator: Locator
    clock: StageClock

    def __call__(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """Give the frames their boxes."""
        for batch in batches:
            shown = shown_in(batch)
            with self.clock.busy("boxes", len(shown)):
                for event, boxes in zip(shown, self.locator(shown), strict=True):
                    event.boxes = boxes
            yield batch


@dataclass(frozen=True)
class Pose:
    """The step that estimates poses and follows people from frame to frame in videos.

    Attributes:
        estimator: the network.
        rules: what is done with the people of videos.
        with_heat: keep maps for the overlay.
        clock: of the run.
    """

    estimator: Estimator
    rules: FollowRules
    with_heat: bool
    clock: StageClock

    def __call__(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """Give the frames their people."""
        follower = Follower(self.rules, is_video=False)
        for batch in batches:
            with self.clock.busy("poses", len(shown_in(batch))):
                waiting: list[tuple[Shown, Follower]] = []
                for event in batch:
                    if isinstance(event, Opened):
                        follower = Follower(self.rules, is_video=event.source.is_video)
                    elif isinstance(event, Shown):
                        if event.boxes is None and self.estimator.needs_boxes:
                            self._finish(waiting)
                            waiting = []
                            event.boxes = follower.boxes(event.size_wh)
                        waiting.append((event, follower))
                self._finish(waiting)
            yield batch

    def _finish(self, waiting: list[tuple[Shown, Follower]]) -> None:
        """Estimate the poses of several frames together, then follow the people in their order."""
        pictures = [event.frame.image for event, _ in waiting]
        boxes = [event.boxes for event, _ in waiting if event.boxes is not None]
        estimates = self.estimator(pictures, boxes if self.estimator.needs_boxes else None, with_heat=self.with_heat)
        for (event, follower), estimate in zip(waiting, estimates, strict=True):
            event.estimate = estimate
            follower(event)

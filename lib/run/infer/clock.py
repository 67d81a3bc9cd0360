"""How fast each step is."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class StageClock:
    """Busy seconds and frames of each step; every step is timed by the one thread that it runs in."""

    seconds: dict[str, float] = field(default_factory=dict)
    frames: dict[str, int] = field(default_factory=dict)
    started: float = 0.0

    def start(self) -> None:
        """The first step begins."""
        self.started = time.perf_counter()

    @contextmanager
    def busy(self, stage: str, frames: int) -> Iterator[None]:
        """Count the time of the block, in which `frames` frames pass a step."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.add(stage, time.perf_counter() - start, frames)

    def add(self, stage: str, seconds: float, frames: int) -> None:
        """Count the time in which some frames passed a step."""
        self.seconds[stage] = self.seconds.get(stage, 0.0) + seconds
        self.frames[stage] = self.frames.get(stage, 0) + frames

    def lines(self, total_frames: int) -> list[str]:
        """Frames per second of each step by itself, and of all together, one a line."""
        elapsed = time.perf_counter() - self.started
        rows = [(stage, self.frames[stage], seconds) for stage, seconds in self.seconds.items()]
        rows.append(("all together", total_frames, elapsed))
        return [
            f"{stage:<14} {frames / seconds if seconds else 0:8.1f} frames/s  {1000 * seconds / max(frames, 1):8.1f} ms"
            for stage, frames, seconds in rows
        ]

"""Thousands of frames in memory that does not grow; tests/run/infer has 10,000 with all other steps."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from helpers.fresh_process import in_fresh_process
from helpers.made_videos import write_video

from lib.bench.process_memory import written_mb
from lib.media import VideoWriter, open_inputs

NUM_FRAMES, WARM, SIZE_WH = 3_000, 500, (64, 48)
# What allocators keep back; all frames would be 27 MB.
GROWTH_MB = 8


@pytest.mark.slow
def test_thousands_of_frames(rng: np.random.Generator, tmp_path: Path) -> None:
    texture = rng.integers(0, 256, (SIZE_WH[1], SIZE_WH[0] + 100, 3), dtype=np.uint8)

    def moving() -> Iterator[np.ndarray]:
        for index in range(NUM_FRAMES):
            yield texture[:, index % 100 : index % 100 + SIZE_WH[0]]

    write_video(tmp_path / "a.mp4", moving(), sound=True)
    num_frames, growth_mb = in_fresh_process(_rewrite, tmp_path / "a.mp4", tmp_path / "b.mp4")
    assert num_frames == NUM_FRAMES
    assert growth_mb < GROWTH_MB
    (again,) = open_inputs(str(tmp_path / "b.mp4"))
    assert next(iter(again.frames())).index == 0
    assert again.info is not None
    assert again.info.duration == pytest.approx(NUM_FRAMES / 25, abs=0.01)


def _rewrite(path: Path, copy: Path) -> tuple[int, float]:
    """Write a video again; the number of frames, and by how many MB memory grew after the first ones."""
    (source,) = open_inputs(str(path))
    memory, count = [], 0
    frames = source.frames()
    first = next(frames)
    assert source.info is not None
    with VideoWriter(copy, source.info, sound_from=source.path) as output:
        output.write(first.image, first.time, first.duration)
        for count, frame in enumerate(frames, 2):
            output.write(frame.image, frame.time, frame.duration)
            if count in (WARM, NUM_FRAMES):
                memory.append(written_mb())
    assert source.problem == ""
    return count, memory[-1] - memory[0]

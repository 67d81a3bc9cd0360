"""Poses of 10,000 frames in memory that does not grow."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from helpers.fresh_process import in_fresh_process
from helpers.infer_runs import run_inputs
from helpers.made_videos import write_video
from helpers.pattern_estimator import PatternEstimator

from lib.bench.process_memory import written_mb
from visualization.people_pictures import DrawingOptions

NUM_FRAMES, WARM_CALLS, ALL_CALLS = 10_000, 125, 1_250  # 8 frames per call
# What allocators keep back; all frames would be 92 MB.
GROWTH_MB = 10


@pytest.mark.slow
def test_ten_thousand_frames_need_no_more_memory_than_one_thousand(rng: np.random.Generator, tmp_path: Path) -> None:
    pictures = rng.integers(0, 255, (20, 48, 64, 3), np.uint8)
    write_video(tmp_path / "long.mp4", (pictures[number % 20] for number in range(NUM_FRAMES)), sound=True)

    num_frames, growth_mb = in_fresh_process(_infer, tmp_path / "long.mp4", tmp_path / "out")

    assert num_frames == NUM_FRAMES
    assert len(json.loads((tmp_path / "out" / "results.json").read_text())) == NUM_FRAMES
    assert growth_mb < GROWTH_MB


def _infer(path: Path, out: Path) -> tuple[int, float]:
    """Find poses; the number of frames, and by how many MB memory grew after the first ones."""
    memory = []

    def measure(_: Sequence[np.ndarray]) -> None:
        if len(estimator.calls) in (WARM_CALLS, ALL_CALLS):
            memory.append(written_mb())

    estimator = PatternEstimator(before=measure)
    # Lines take most of the time and no memory that stays.
    counts = run_inputs(out, path, estimator=estimator, drawing=DrawingOptions(kpt_threshold=1, show_boxes=False))
    return counts.frames, memory[-1] - memory[0]

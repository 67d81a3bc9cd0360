"""Batches of the reading step."""

from collections.abc import Iterator
from pathlib import Path, PurePath
from types import SimpleNamespace
from typing import Any

import numpy as np

from lib.media import Frame, open_inputs
from lib.run.infer.clock import StageClock
from lib.run.infer.events import Closed, shown_in
from lib.run.infer.stages import read


def _source(frames: list[np.ndarray], *, is_live: bool = False) -> Any:
    def give() -> Iterator[Frame]:
        for number, image in enumerate(frames):
            yield Frame(image, number, number / 25)

    return SimpleNamespace(frames=give, is_live=is_live, is_video=True, output_name=PurePath("x"))


def _any_size(_: tuple[int, int]) -> None:
    """Every size will do."""


def test_few_frames_and_few_pixels_in_a_batch() -> None:
    small = _source([np.zeros((10, 10, 3), np.uint8)] * 20)
    assert [len(shown_in(batch)) for batch in read([small], StageClock(), _any_size)] == [8, 8, 4]
    large = _source([np.zeros((3000, 3000, 3), np.uint8)] * 5)
    assert [len(shown_in(batch)) for batch in read([large], StageClock(), _any_size)] == [3, 2]


def test_live_frames_go_alone_and_are_counted_as_they_are_taken() -> None:
    live = _source([np.zeros((10, 10, 3), np.uint8)] * 30, is_live=True)
    batches = list(read([live], StageClock(), _any_size))
    shown = [event for batch in batches for event in shown_in(batch)]
    assert all(len(shown_in(batch)) <= 1 for batch in batches)
    assert 1 <= len(shown) <= 30
    assert [event.frame.index for event in shown] == list(range(len(shown)))
    times = [event.frame.time for event in shown]
    assert times == sorted(times)
    assert times[-1] == 29 / 25


def test_broken_inputs_are_passed_on_one_by_one_as_text(tmp_path: Path) -> None:
    for number in range(5):
        (tmp_path / f"{number}.jpg").write_bytes(b"no picture")
    batches = list(read(open_inputs(str(tmp_path)), StageClock(), _any_size))
    ends = [event for batch in batches for event in batch if isinstance(event, Closed)]
    assert [type(event.error) for event in ends] == [str] * 5
    assert max(len(batch) for batch in batches) <= 2

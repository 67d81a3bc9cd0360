import time

import cv2
import pytest
import torch

from lib.bench.contest import Contest, Way, hold, threads


def _sleeping(name: str, seconds: float, items: float = 1) -> Way:
    return Way(name, lambda: time.sleep(seconds), items)


def test_ratios_are_taken_against_the_plain_way() -> None:
    contest = Contest("row", "things/s", _sleeping("plain", 0.02), [_sleeping("ours", 0.005)], target=3.0, passes=2)
    plain, ours = hold(contest, repeats=3)
    assert (plain.way, plain.ratio, plain.target) == ("plain", 1.0, "")
    assert (ours.way, ours.target, ours.repeats) == ("ours", "3x", 3)
    assert ours.ratio == pytest.approx(4, rel=0.4)
    assert ours.median == pytest.approx(200, rel=0.4)
    assert ours.low <= ours.median <= ours.high


def test_items_are_counted_and_ways_take_turns() -> None:
    turns: list[str] = []

    def way(name: str, items: float) -> Way:
        return Way(name, lambda: turns.append(name) or time.sleep(0.01), items)

    _, ours = hold(Contest("row", "people/s", way("a", 1), [way("b", 8)], passes=1), repeats=2)
    assert turns == ["a", "b", "a", "b"]
    assert ours.ratio == pytest.approx(8, rel=0.5)


def test_quick_ways_are_warmed_up_and_repeated() -> None:
    runs: list[int] = []
    hold(Contest("row", "runs/s", Way("plain", lambda: runs.append(0), 1), []), repeats=1)
    assert len(runs) > 100


def test_threads_are_limited_and_given_back() -> None:
    before = torch.get_num_threads(), cv2.getNumThreads()
    with threads(1):
        assert (torch.get_num_threads(), cv2.getNumThreads()) == (1, 1)
    assert (torch.get_num_threads(), cv2.getNumThreads()) == before

import cv2
import pytest
import torch

from lib.bench.contest import Contest, Way, hold, threads


class _Clock:
    """Time that passes only where a way lets it."""

    def __init__(self) -> None:
        self.now = 0.0

    def perf_counter(self) -> float:
        return self.now

    def way(self, name: str, seconds: float, items: float = 1, turns: list[str] | None = None) -> Way:
        def run() -> None:
            self.now += seconds
            if turns is not None:
                turns.append(name)

        return Way(name, run, items)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> _Clock:
    """The clock of contests."""
    made = _Clock()
    monkeypatch.setattr("lib.bench.contest.time", made)
    return made


def test_ratios_are_taken_against_the_plain_way(clock: _Clock) -> None:
    ways = clock.way("plain", 0.02), [clock.way("ours", 0.005)]
    plain, ours = hold(Contest("row", "things/s", *ways, target=3.0, passes=2), repeats=3)
    assert (plain.way, plain.ratio, plain.target) == ("plain", 1.0, "")
    assert (ours.way, ours.target, ours.repeats) == ("ours", "3x", 3)
    assert (ours.ratio, ours.median) == pytest.approx((4, 200))
    assert (ours.low, ours.high) == pytest.approx((200, 200))


def test_a_busy_machine_changes_rates_and_not_ratios(clock: _Clock) -> None:
    def busy(name: str, seconds: float) -> Way:
        def run() -> None:
            clock.now += seconds * (1 + int(clock.now))

        return Way(name, run, 1)

    _, ours = hold(Contest("row", "things/s", busy("plain", 1e-3), [busy("ours", 5e-4)], passes=400), repeats=5)
    assert ours.ratio == pytest.approx(2, rel=0.4)
    assert ours.high / ours.low > 2


def test_items_are_counted_and_ways_take_turns(clock: _Clock) -> None:
    turns: list[str] = []
    ways = clock.way("a", 0.01, 1, turns), [clock.way("b", 0.01, 8, turns)]
    _, ours = hold(Contest("row", "people/s", *ways, passes=1), repeats=2)
    assert turns == ["a", "b", "a", "b"]
    assert ours.ratio == pytest.approx(8)


def test_quick_ways_are_warmed_up_and_repeated(clock: _Clock) -> None:
    runs: list[str] = []
    hold(Contest("row", "runs/s", clock.way("plain", 1 / 1024, 1, runs), []), repeats=1)
    # Two before the count, then as many as 0.2 seconds hold.
    assert len(runs) == 2 + 205


def test_threads_are_limited_and_given_back() -> None:
    before = torch.get_num_threads(), cv2.getNumThreads()
    with threads(1):
        assert (torch.get_num_threads(), cv2.getNumThreads()) == (1, 1)
    assert (torch.get_num_threads(), cv2.getNumThreads()) == before

import math

import pytest
import torch

from lib.utils.meters import Means, Stopwatch


def test_means_are_weighted_and_skip_counts_of_zero() -> None:
    means = Means()
    means.add("loss", torch.tensor(1.0), 1)
    means.add("loss", torch.tensor(4.0), 2)
    means.add("loss", torch.tensor(float("nan")), torch.tensor(0))
    assert means.read() == {"loss": pytest.approx(3.0)}


def test_a_name_without_items_is_nan() -> None:
    means = Means()
    means.add("loss", torch.tensor(2.0), 0)
    assert math.isnan(means.read()["loss"])


def test_means_continue_from_their_state() -> None:
    means, other = Means(), Means()
    means.add("loss", torch.tensor(0.1), 3)
    other.load_state_dict(means.state_dict(), torch.device("cpu"))
    for own in (means, other):
        own.add("loss", torch.tensor(0.7), 5)
    assert means.read(all_processes=True) == other.read()


def test_the_stopwatch_knows_waiting_from_working(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 0.0, 3.0, 4.0, 4.0, 4.0, 4.0])
    monkeypatch.setattr("time.perf_counter", lambda: next(clock))
    watch = Stopwatch()
    assert list(watch.waiting([1])) == [1]
    watch.count(8)
    assert watch.samples_per_second == pytest.approx(2.0)
    assert watch.waiting_share == pytest.approx(0.75)

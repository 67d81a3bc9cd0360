"""Steps that work at the same time."""

import threading
from collections.abc import Iterator

import pytest

from lib.utils.overlap import newest, overlapped, steps_at_work


def doubled(numbers: Iterator[int]) -> Iterator[int]:
    for number in numbers:
        yield 2 * number


def test_the_same_items_in_the_same_order() -> None:
    with overlapped(range(1000), depth=3) as items:
        assert list(items) == list(range(1000))


def test_steps_behind_each_other() -> None:
    with overlapped(range(50), doubled, doubled) as items:
        assert list(items) == list(range(0, 200, 4))


def test_works_ahead_but_no_further_than_its_depth() -> None:
    made: list[int] = []
    four_made = threading.Event()

    def numbers() -> Iterator[int]:
        for number in range(100):
            made.append(number)
            if number == 3:
                four_made.set()
            yield number

    with overlapped(numbers(), depth=2) as items:
        assert next(items) == 0
        # One taken, two waiting, and one in hand for which there is no room.
        assert four_made.wait(timeout=10)
        assert made == [0, 1, 2, 3]


@pytest.mark.parametrize("steps", [(), (doubled,), (doubled, doubled)])
def test_errors_come_where_the_item_would_have(steps: tuple[object, ...]) -> None:
    def numbers() -> Iterator[int]:
        yield 1
        raise ValueError("broken")

    with overlapped(numbers(), *steps) as items:  # type: ignore[arg-type]
        assert next(items) == 2 ** len(steps)
        with pytest.raises(ValueError, match="broken"):
            next(items)


def test_leaving_early_ends_all_threads_and_closes_the_generators() -> None:
    closed, asleep = threading.Event(), threading.Event()

    def numbers() -> Iterator[int]:
        try:
            yield 0
            # A camera that gives no more pictures: the step behind it waits for ever.
            asleep.wait(timeout=0.5)
            yield 1
        finally:
            closed.set()

    before = threading.active_count()
    with overlapped(numbers(), doubled) as items:
        assert next(items) == 0
    assert closed.is_set()
    assert threading.active_count() == before


def test_the_newest_item_alone_for_who_is_slow() -> None:
    taken = threading.Event()
    all_made = threading.Event()

    def numbers() -> Iterator[int]:
        yield 0
        assert taken.wait(timeout=10)
        yield from range(1, 50)
        all_made.set()
        yield 50

    items = newest(numbers())
    assert next(items) == 0
    taken.set()
    assert all_made.wait(timeout=10)
    rest = list(items)
    assert rest[-1] == 50 or rest == [49]
    assert len(rest) <= 2
    assert not steps_at_work()


def test_errors_of_live_items_arrive() -> None:
    def numbers() -> Iterator[int]:
        yield 1
        raise ValueError("unplugged")

    items = newest(numbers())
    with pytest.raises(ValueError, match="unplugged"):
        list(items)


def test_leaving_live_items_ends_their_thread() -> None:
    def numbers() -> Iterator[int]:
        number = 0
        while True:
            yield number
            number += 1

    items = newest(numbers())
    next(items)
    items.close()  # type: ignore[attr-defined]
    assert not steps_at_work()

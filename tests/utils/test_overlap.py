"""Steps that work at the same time."""

import threading
from collections.abc import Iterator

import pytest

from lib.utils.overlap import ahead


def test_the_same_items_in_the_same_order() -> None:
    with ahead(range(1000), depth=3) as items:
        assert list(items) == list(range(1000))


def test_chained_steps() -> None:
    with ahead(range(50)) as first, ahead(number * 2 for number in first) as second:
        assert sum(second) == 2450


def test_works_ahead_but_no_further_than_its_depth() -> None:
    made: list[int] = []
    four_made = threading.Event()

    def numbers() -> Iterator[int]:
        for number in range(100):
            made.append(number)
            if number == 3:
                four_made.set()
            yield number

    with ahead(numbers(), depth=2) as items:
        assert next(items) == 0
        # One taken, two waiting, and one in hand for which there is no room.
        assert four_made.wait(timeout=10)
        assert made == [0, 1, 2, 3]


def test_errors_come_where_the_item_would_have() -> None:
    def numbers() -> Iterator[int]:
        yield 1
        raise ValueError("broken")

    with ahead(numbers()) as items:
        assert next(items) == 1
        with pytest.raises(ValueError, match="broken"):
            next(items)


def test_leaving_early_ends_the_thread_and_closes_the_generator() -> None:
    closed = threading.Event()

    def numbers() -> Iterator[int]:
        try:
            number = 0
            while True:
                yield number
                number += 1
        finally:
            closed.set()

    before = threading.active_count()
    with ahead(numbers()) as items:
        assert next(items) == 0
    assert closed.is_set()
    assert threading.active_count() == before

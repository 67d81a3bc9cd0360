"""Whole columns of parsed JSON as checked arrays, without a look at each value from Python.

The checks are those of `lib.dataset.faults`, which names the record but takes longer.
"""

from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from lib.utils.errors import PoseError

LARGEST = 2.0**62  # fits into int64


class Unsound(Exception):
    """The parsed JSON has a fault; which one is for `lib.dataset.faults` to say."""


@contextmanager
def unsound_on_error() -> Iterator[None]:
    """Turn whatever strange values raise where they are put into arrays into `Unsound`."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, PoseError) as error:
        raise Unsound(str(error)) from error


def require(sound: bool | np.bool_, what: str) -> None:
    """Raise `Unsound` unless `sound`."""
    if not sound:
        raise Unsound(what)


def integers(values: Sequence[Any]) -> np.ndarray:
    """(N,) int64 of N integers; anything else, True and 1.0 included, is an error."""
    require(set(map(type, values)) <= {int}, "a value is no integer")
    return np.array(values, np.int64)


def unique_integers(values: Sequence[Any]) -> np.ndarray:
    """(N,) int64 of N different integers."""
    require(len(set(values)) == len(values), "a value occurs twice")
    return integers(values)


def numbers(rows: Sequence[Any], width: int) -> np.ndarray:
    """(N, width) float64 of N lists of `width` finite numbers; anything else is an error."""
    require(set(map(len, rows)) <= {width}, "a list has another length")
    # Takes numbers only, where numpy would also read text, at the same speed.
    values = array("d")
    for row in rows:
        values.fromlist(row)
    table = np.asarray(values).reshape(-1, width)
    require(np.isfinite(table).all(), "a number is not finite")
    return table


def texts(values: Sequence[Any]) -> np.ndarray:
    """(N,) bytes, UTF-8, of N texts that are not empty."""
    require(set(map(type, values)) <= {str} and all(values), "a text is empty or none")
    return np.array([value.encode() for value in values], np.bytes_)


def lenient(values: Sequence[Any], default: float) -> list[float]:
    """Numbers whose absence or strangeness does no harm; `default` stands for those that are none."""
    return [value if isinstance(value, (int, float)) and -LARGEST < value < LARGEST else default for value in values]

"""Rules for the value of one option: what it must be, in words, and whether it is."""

from collections.abc import Callable
from typing import Any, TypeAlias

Rule: TypeAlias = tuple[str, Callable[[Any], bool]]

POSITIVE: Rule = ("greater than 0", lambda value: value > 0)
NOT_NEGATIVE: Rule = ("0 or more", lambda value: value >= 0)
FRACTION: Rule = ("at least 0 and less than 1", lambda value: 0 <= value < 1)
UNIT: Rule = ("between 0 and 1", lambda value: 0 <= value <= 1)
SIZE: Rule = ("two numbers (width, height) greater than 0", lambda value: len(value) == 2 and min(value) > 0)

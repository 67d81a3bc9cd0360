"""One setting: where it comes from, and how its value is brought to the type of the option."""

import ast
import math
import re
from dataclasses import dataclass
from typing import Any

from yacs.config import CfgNode

from lib.utils.errors import PoseError

COMMAND_LINE = "the command line"

# Options whose default is None, with the type they take otherwise.
_OPTIONAL_TYPES: dict[str, type] = {"MODEL.WIDE_FUSION": bool, "MODEL.EXTRA.CONV_BIAS": bool}


@dataclass(frozen=True)
class Setting:
    """A value as somebody wrote it.

    Attributes:
        value: the value; text when it comes from the command line.
        source: the file, or "the command line", named in errors.
    """

    value: Any
    source: str


def typed_value(key: str, setting: Setting, default: Any) -> Any:
    """The value of a setting in the type of the option.

    Args:
        key: dotted name of the option.
        setting: its value; numbers, lists and truth values may be written as text, such as "1e-3" or "(0, 1)".
        default: the option's default, whose type counts. A list's first element gives the type of all.

    Raises:
        PoseError: the value is of another type.
    """
    expected = type(default) if default is not None else _OPTIONAL_TYPES[key]
    if default is None and _literal(setting.value) is None:
        return None
    value = _without_quotes(setting.value) if setting.source == COMMAND_LINE and expected is str else setting.value
    try:
        return _convert(value, expected, default)
    except ValueError:
        raise PoseError(
            f"{setting.source} sets {key} to {setting.value!r}, but it must be {_description(expected, default)}."
        ) from None


def plain_value(setting: Setting) -> Any:
    """The value of a setting without its option's type: what its text stands for, with lists in place of tuples."""
    return _plain(_literal(setting.value))


def _convert(value: Any, expected: type, default: Any) -> Any:
    if expected is str:
        return _to_text(value)
    value = _literal(value)
    if expected is bool and isinstance(value, bool):
        return value
    if expected in (int, float):
        return _to_number(value, expected)
    if expected is tuple:
        value = (value,) if isinstance(value, int) and not isinstance(value, bool) else value
    if expected is list:
        value = _words(value)
    if expected in (list, tuple) and isinstance(value, (list, tuple)):
        return expected(_convert(item, type(default[0]), None) if default else _plain(item) for item in value)
    raise ValueError


def _plain(value: Any) -> Any:
    """Nested tuples as the lists that YAML has for them."""
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def _to_text(value: Any) -> str:
    """Text as it is; an empty YAML value is the empty text."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValueError
    return value


def _without_quotes(value: Any) -> Any:
    """Text whose quotes a script has protected from the shell."""
    quoted = isinstance(value, str) and len(value) >= 2 and value[0] == value[-1] and value[0] in "'\""
    return value[1:-1] if quoted else value


def _to_number(value: Any, expected: type) -> int | float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError
    if expected is int and value != int(value):
        raise ValueError
    return expected(value)


def _literal(value: Any) -> Any:
    """The value that a text such as "(0,1)", "1e-3" or "true" stands for; anything else comes back unchanged."""
    if not isinstance(value, str):
        return value
    words = {"true": True, "false": False, "none": None, "null": None}
    if value.strip().lower() in words:
        return words[value.strip().lower()]
    try:
        return ast.literal_eval(value.strip())
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return value


def _words(value: Any) -> Any:
    """The texts of "[a, b]", whose quotes the shell has taken; anything else comes back unchanged."""
    inside = re.fullmatch(r"\s*\[([^\[\]]+)\]\s*", value) if isinstance(value, str) else None
    return [word.strip() for word in inside[1].split(",")] if inside else value


def _description(expected: type, default: Any) -> str:
    names = {bool: "true or false", int: "a whole number", float: "a number", str: "text", CfgNode: "a section of keys"}
    if expected in names:
        return names[expected]
    plural = {int: " of whole numbers", float: " of numbers", str: " of texts"}
    return "a list" + (plural.get(type(default[0]), "") if default else "")

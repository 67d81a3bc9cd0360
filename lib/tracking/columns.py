"""Dataclasses whose fields are columns: arrays with one row per person, or further such dataclasses."""

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

Columns = TypeVar("Columns")
Chosen = NDArray[np.bool_] | NDArray[np.intp]


def taken(columns: Columns, chosen: Chosen) -> Columns:
    """Some of the rows of every column: a mask or indices."""
    table: Any = columns
    if isinstance(table, np.ndarray):
        return cast(Columns, table[chosen])
    return cast(
        Columns, replace(table, **{field.name: taken(getattr(table, field.name), chosen) for field in fields(table)})
    )


def joined(parts: Sequence[Columns]) -> Columns:
    """The rows of all parts, one after the other."""
    tables: Any = parts
    if isinstance(tables[0], np.ndarray):
        return cast(Columns, np.concatenate(tables))
    columns = {field.name: joined([getattr(table, field.name) for table in tables]) for field in fields(tables[0])}
    return cast(Columns, replace(tables[0], **columns))

"""COCO result files written from columns."""

import json
import os
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lib.core.poses import Poses
from lib.utils.errors import PoseError
from lib.utils.files import atomic_path
from lib.utils.optional import optional_module

# Records turned into text at a time: about two megabytes.
BLOCK = 2048


def write_results(path: str | os.PathLike[str], poses: Poses, fields: Sequence[tuple[str, int]] = ()) -> None:
    """Write a COCO result file; it is either whole or not there, and every number reads back equal.

    Args:
        path: the file.
        poses: what it is to hold.
        fields: entries of a record that hold its keypoints and how many each; empty for `keypoints` alone.

    Raises:
        PoseError: NaN or infinity, which JSON does not have, or the folder cannot be written to.
    """
    columns = poses.columns(fields)
    for name, column in columns.items():
        if not np.isfinite(column).all():
            raise PoseError(f"{path} is not written: {name} has NaN or infinity; check the model's weights and input.")
    orjson = optional_module("orjson")
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        if orjson is None:
            file.write(json.dumps(poses.records(fields)).encode())
            return
        file.write(b"[")
        for start in range(0, len(poses), BLOCK):
            file.write(b"," if start else b"")
            file.write(_text({name: column[start : start + BLOCK] for name, column in columns.items()}, orjson))
        file.write(b"]")


def _text(columns: dict[str, NDArray[Any]], orjson: ModuleType) -> bytes:
    """Records without the brackets around them. Numbers become text a column at a time, never Python objects."""
    fields = ",".join(f'"{name}":%b' if column.ndim == 1 else f'"{name}":[%b]' for name, column in columns.items())
    record = f"{{{fields}}}".encode()
    numbers = [_numbers(column, orjson) for column in columns.values()]
    return b",".join([record % row for row in zip(*numbers, strict=True)])


def _numbers(column: NDArray[Any], orjson: ModuleType) -> list[bytes]:
    """The text of each number, or of each row without its brackets."""
    text = orjson.dumps(np.ascontiguousarray(column), option=orjson.OPT_SERIALIZE_NUMPY)
    return text[1:-1].split(b",") if column.ndim == 1 else text[2:-2].split(b"],[")

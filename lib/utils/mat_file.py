"""MATLAB files of level 5 (MATLAB 5 to 7): numbers, texts and cells of them, which is what pose data sets publish.

Source: MathWorks, MAT-File Format. Files of MATLAB 7.3 are HDF5 and are refused; structures, objects and sparse
matrices are left out.
"""

import math
import os
import struct
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lib.utils.errors import PoseError
from lib.utils.files import atomic_path

HEADER_BYTES, VERSION_5 = 128, 0x0100
MATRIX, COMPRESSED, INT8, INT32, UINT32, DOUBLE = 14, 15, 1, 5, 6, 9
NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
ENCODINGS = {1: "latin-1", 2: "latin-1", 4: "utf-16", 16: "utf-8", 17: "utf-16", 18: "utf-32"}
CELL, CHAR, DOUBLE_CLASS, LAST_CLASS = 1, 4, 6, 15
COMPLEX_FLAG = 0x08
# Type and bytes of an element, and the kind of one so small that it stands within its own tag.
Element = tuple[int, bytes]


def read_mat(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The variables of a file by name.

    Args:
        path: the file.

    Returns:
        Numeric matrices as arrays of float64 in MATLAB's shape, texts as lists with a str per row, cells as flat lists
        of values in MATLAB's (column by column) order.

    Raises:
        PoseError: the file is absent, cut short or of another format.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise PoseError(f"MATLAB file {path} cannot be read ({error.strerror}); check the path.") from error
    order = {b"IM": "<", b"MI": ">"}.get(content[126:HEADER_BYTES])
    if order is None or struct.unpack(f"{order}H", content[124:126])[0] != VERSION_5:
        raise PoseError(
            f"{path} is no MATLAB file of version 5 to 7; save it with MATLAB's -v7 or scipy.io.savemat, or give JSON."
        )
    found: dict[str, Any] = {}
    try:
        for kind, data in _elements(content[HEADER_BYTES:], order):
            if kind == COMPRESSED:
                ((kind, data),) = _elements(zlib.decompress(data), order)
            if kind == MATRIX:
                name, value = _matrix(data, order)
                found |= {} if value is None else {name: value}
    except (struct.error, zlib.error, ValueError, IndexError, KeyError, UnicodeDecodeError) as error:
        raise PoseError(f"MATLAB file {path} is damaged ({error}); fetch it again.") from error
    return found


def write_mat(path: str | os.PathLike[str], arrays: Mapping[str, np.ndarray]) -> None:
    """Write matrices of numbers as float64, atomically; `scipy.io.loadmat` and MATLAB read them.

    Raises:
        PoseError: the folder cannot be written to.
    """
    text = b"MATLAB 5.0 MAT-file, written by PlumbPose".ljust(124)
    parts = [text, struct.pack("<H", VERSION_5), b"IM"]
    for name, array in arrays.items():
        numbers = np.asarray(array, dtype="<f8")
        dims = np.array(numbers.shape if numbers.ndim > 1 else (1, numbers.size), "<i4")
        body = [
            element(UINT32, struct.pack("<II", DOUBLE_CLASS, 0)),
            element(INT32, dims.tobytes()),
            element(INT8, name.encode("ascii")),
            element(DOUBLE, numbers.tobytes(order="F")),
        ]
        parts.append(element(MATRIX, b"".join(body)))
    with atomic_path(path) as temporary:
        temporary.write_bytes(b"".join(parts))


def element(kind: int, data: bytes) -> bytes:
    """Data with its tag, little-endian, filled up to a multiple of 8 bytes."""
    return struct.pack("<II", kind, len(data)) + data + b"\0" * (-len(data) % 8)


def _elements(data: bytes, order: str) -> Iterator[Element]:
    position = 0
    while position + 8 <= len(data):
        kind, size = struct.unpack(f"{order}II", data[position : position + 8])
        start, following = position + 8, position + 8 + size + (-size % 8)
        if kind >> 16:
            # A small element: type and size share the first four bytes, the data has the others.
            kind, size, start, following = kind & 0xFFFF, kind >> 16, position + 4, position + 8
        elif kind == COMPRESSED:
            following = start + size
        if start + size > len(data):
            raise ValueError(f"an element of {size} bytes has {len(data) - start}")
        yield kind, data[start : start + size]
        position = following


def _matrix(data: bytes, order: str) -> tuple[str, Any]:
    """Name and value of a matrix; None for what is not read."""
    parts = list(_elements(data, order))
    if not parts:
        return "", np.zeros((0, 0))  # an empty cell may have no content at all
    flags = struct.unpack(f"{order}I", parts[0][1][:4])[0]
    shape = tuple(np.frombuffer(parts[1][1], f"{order}i4").tolist())
    name, kind = parts[2][1].decode("latin-1"), flags & 0xFF
    if kind == CELL:
        return name, [_matrix(content, order)[1] for _, content in parts[3:]]
    if kind == CHAR:
        return name, _texts(parts[3] if len(parts) > 3 else (16, b""), shape, order)
    if not DOUBLE_CLASS <= kind <= LAST_CLASS or flags >> 8 & COMPLEX_FLAG:
        return name, None
    stored, raw = parts[3]
    values = np.frombuffer(raw, order + NUMBERS[stored]).astype(np.float64)
    if len(values) != math.prod(shape):
        raise ValueError(f"{name} has {len(values)} numbers for the shape {shape}")
    return name, values.reshape(shape, order="F")


def _texts(part: Element, shape: tuple[int, ...], order: str) -> list[str]:
    """The rows of a matrix of characters."""
    kind, raw = part
    encoding = ENCODINGS[kind]
    suffix = {"<": "-le", ">": "-be"}[order] if encoding in ("utf-16", "utf-32") else ""
    characters = raw.decode(encoding + suffix)
    rows = shape[0] if characters else 0
    return [characters[row::rows].rstrip() for row in range(rows)]

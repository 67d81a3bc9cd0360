"""Read the weight files of PyTorch before version 0.1.10, such as torchvision's first ResNets.

Those files are tar archives of pickles and raw numbers, and `torch.load(weights_only=True)` refuses them. Nothing is
unpickled here either: the few pickle instructions that weights need are interpreted one by one, names of classes stay
text, and anything else is an error. So a file can only ever yield dicts, lists, tuples, numbers, text and tensors.

Layout: `storages` holds a count, then per storage the pickle (id, device, type) followed by its length (int64) and
numbers, at the end views into storages; `tensors` holds a count, then per tensor the pickle (id, storage id, type)
followed by its dimensions (int32, 4 unused bytes), shape, strides and offset (int64); `pickle` is the object, with
tensors as persistent ids. Source: torch/serialization.py, function legacy_load.
"""

import os
import pickletools
import struct
import tarfile
from collections.abc import Callable
from typing import IO, Any

import torch
from torch import Tensor

DTYPES = {
    "HalfStorage": torch.float16,
    "FloatStorage": torch.float32,
    "DoubleStorage": torch.float64,
    "ByteStorage": torch.uint8,
    "CharStorage": torch.int8,
    "ShortStorage": torch.int16,
    "IntStorage": torch.int32,
    "LongStorage": torch.int64,
}
# Instructions whose argument is the value itself.
NUMBERS = {"BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT"}
TEXTS = {"BINUNICODE", "SHORT_BINUNICODE", "BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES"}
VALUES = NUMBERS | TEXTS
CONSTANTS: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_TUPLE": tuple,
    "EMPTY_LIST": list,
    "EMPTY_DICT": dict,
}
TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
ORDERED_DICT = "collections OrderedDict"
PARAMETER = "torch.nn.parameter Parameter"


class ForbiddenNameError(Exception):
    """The file asks for a function or class that weights have no need of; the argument is its name."""


class _Global(str):
    """Name of a class in a pickle, "module name"; never looked up."""

    __slots__ = ()


def read_legacy_tar(path: str | os.PathLike[str]) -> Any:
    """Read a weight file in tar format.

    Returns:
        The object that was saved, mostly a dict of names and tensors.

    Raises:
        ForbiddenNameError: the file refers to anything but weights.
        Exception: of many kinds, where the file is damaged.
    """
    with tarfile.open(path, "r:") as archive:
        storages = _read_storages(_member(archive, "storages"))
        tensors = _read_tensors(_member(archive, "tensors"), storages)
        return _Interpreter(_member(archive, "pickle"), lambda key: tensors[int(key)]).run()


def _member(archive: tarfile.TarFile, name: str) -> IO[bytes]:
    file = archive.extractfile(name)
    if file is None:
        raise ValueError(f"{name} is not a file")
    return file


def _read_storages(file: IO[bytes]) -> dict[int, Tensor]:
    """The flat tensors by id."""
    storages = {}
    for _ in range(_value(file)):
        key, _device, kind = _value(file)
        dtype = DTYPES[kind.split()[-1]]
        (length,) = struct.unpack("<q", file.read(8))
        data = file.read(length * dtype.itemsize)
        storages[key] = torch.frombuffer(bytearray(data), dtype=dtype, count=length)
    for key, root, offset, length in _value(file):
        storages[key] = storages[root][offset : offset + length]
    return storages


def _read_tensors(file: IO[bytes], storages: dict[int, Tensor]) -> dict[int, Tensor]:
    """The tensors by id, views of the storages."""
    tensors = {}
    for _ in range(_value(file)):
        key, storage, _kind = _value(file)
        dimensions, _unused = struct.unpack("<ii", file.read(8))
        numbers = struct.unpack(f"<{2 * dimensions + 1}q", file.read(8 * (2 * dimensions + 1)))
        shape, strides, offset = numbers[:dimensions], numbers[dimensions:-1], numbers[-1]
        tensors[key] = storages[storage].as_strided(shape, strides, offset)
    return tensors


def _value(file: IO[bytes]) -> Any:
    """The next pickle of a file."""
    return _Interpreter(file, None).run()


class _Interpreter:
    """Executes the instructions of one pickle on plain values.

    Args:
        file: positioned at the pickle; afterwards just behind it.
        persistent: gives the object for a persistent id.
    """

    def __init__(self, file: IO[bytes], persistent: Callable[[Any], Tensor] | None) -> None:
        self.file = file
        self.persistent = persistent
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}

    def run(self) -> Any:
        """The value that the pickle describes."""
        for opcode, argument, _position in pickletools.genops(self.file):
            self._execute(opcode.name, argument)
        return self.stack.pop()

    def _execute(self, name: str, argument: Any) -> None:
        stack = self.stack
        if name in VALUES:
            stack.append(argument)
        elif name in CONSTANTS:
            stack.append(CONSTANTS[name]())
        elif name == "GLOBAL":
            stack.append(_Global(argument))
        elif name in ("BINPUT", "LONG_BINPUT"):
            self.memo[argument] = stack[-1]
        elif name in ("BINGET", "LONG_BINGET"):
            stack.append(self.memo[argument])
        elif name == "MARK":
            self.marks.append(len(stack))
        elif name == "TUPLE":
            stack.append(tuple(self._pop_to_mark()))
        elif name in TUPLES:
            stack[-TUPLES[name] :] = [tuple(stack[-TUPLES[name] :])]
        elif name in ("REDUCE", "NEWOBJ"):
            arguments = stack.pop()
            stack.append(_construct(stack.pop(), arguments))
        elif name == "BUILD":
            stack.pop()  # state of a Parameter (requires_grad, hooks): of no use in weights
        elif name in ("APPEND", "APPENDS", "SETITEM", "SETITEMS"):
            self._extend(name)
        elif name == "BINPERSID" and self.persistent is not None:
            stack.append(self.persistent(stack.pop()))
        elif name not in ("PROTO", "STOP"):
            raise ValueError(f"pickle instruction {name} has no place in weights")

    def _extend(self, name: str) -> None:
        """Add the newest item, or all items since the last mark, to the list or dict below them."""
        if name.endswith("S"):
            items = self._pop_to_mark()
        else:
            count = 1 if name == "APPEND" else 2
            items = self.stack[-count:]
            del self.stack[-count:]
        if name.startswith("APPEND"):
            self.stack[-1].extend(items)
        else:
            self.stack[-1].update(zip(items[::2], items[1::2], strict=True))

    def _pop_to_mark(self) -> list[Any]:
        start = self.marks.pop()
        items = self.stack[start:]
        del self.stack[start:]
        return items


def _construct(name: Any, arguments: tuple[Any, ...]) -> Any:
    """The two classes that weights consist of: a dict, and a parameter, of which only the tensor matters."""
    if name == ORDERED_DICT:
        return dict(*arguments)
    if name == PARAMETER:
        return arguments[0]
    raise ForbiddenNameError(str(name).replace(" ", "."))

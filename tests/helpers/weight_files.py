"""Write weight files in the formats and with the extras that published ones have."""

import io
import pickle
import struct
import tarfile
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

STORAGES = {torch.float32: "FloatStorage", torch.int64: "LongStorage"}


class RunsCode:
    """Calls a function with one argument when it is unpickled without care."""

    def __init__(self, function: Any, argument: str) -> None:
        self.call = (function, (argument,))

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return self.call


class OldParameter:
    """Pickled as PyTorch 0.1 pickled a Parameter: its class, the tensor and a state."""

    def __init__(self, data: Tensor) -> None:
        self.data = data


def write_legacy_tar(path: Path, content: Mapping[str, Any]) -> None:
    """Write the tar format of PyTorch 0.1.9 and before.

    Tensors and OldParameters anywhere in `content` are stored as such; two tensors that share memory share a storage.
    """
    tensors: dict[int, Tensor] = {}

    class Pickler(pickle._Pickler):  # the one in Python, so that instructions can be written by hand
        def persistent_id(self, value: Any) -> str | None:
            if not isinstance(value, Tensor):
                return None
            tensors[id(value)] = value
            return str(id(value))

        def save(self, value: Any, save_persistent_id: bool = True) -> Any:
            if not isinstance(value, OldParameter):
                return super().save(value, save_persistent_id)
            self.write(pickle.GLOBAL + b"torch.nn.parameter\nParameter\n")
            super().save((value.data,))
            self.write(pickle.NEWOBJ)
            super().save((True, False, OrderedDict()))
            self.write(pickle.BUILD)
            return None

    body = io.BytesIO()
    Pickler(body, protocol=2).dump(content)
    parts = {"tensors": _tensor_part(tensors), "storages": _storage_part(tensors), "pickle": body.getvalue()}
    with tarfile.open(path, "w:", format=tarfile.PAX_FORMAT) as archive:
        for name, data in parts.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))


def _tensor_part(tensors: dict[int, Tensor]) -> bytes:
    part = pickle.dumps(len(tensors), protocol=2)
    for key, tensor in tensors.items():
        storage = tensor.untyped_storage().data_ptr()
        part += pickle.dumps((key, storage, torch.FloatTensor), protocol=2)
        part += struct.pack("<ii", tensor.ndim, 0)
        part += struct.pack(f"<{2 * tensor.ndim + 1}q", *tensor.shape, *tensor.stride(), tensor.storage_offset())
    return part


def _storage_part(tensors: dict[int, Tensor]) -> bytes:
    storages = {tensor.untyped_storage().data_ptr(): tensor for tensor in tensors.values()}
    part = pickle.dumps(len(storages), protocol=2)
    for key, tensor in storages.items():
        part += pickle.dumps((key, "cpu", getattr(torch, STORAGES[tensor.dtype])), protocol=2)
        whole = torch.empty(0, dtype=tensor.dtype).set_(tensor.untyped_storage())
        part += struct.pack("<q", whole.numel()) + whole.numpy().tobytes()
    return part + pickle.dumps([], protocol=2)

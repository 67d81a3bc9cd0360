"""Read weight files of any origin without running anything that is in them.

`torch.load(weights_only=True)` builds tensors and plain containers only. Published files hold a little more beside the
weights (numbers of NumPy, mmengine's training history); for those names there are stand-ins here that either give a
plain number or hold nothing, so that no code of another library runs. Any other name is refused.
"""

import os
import re
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lib.utils.errors import PoseError
from lib.utils.legacy_tar import ForbiddenNameError, read_legacy_tar

GIT_LFS_POINTER = b"version https://git-lfs"
PLAIN_NUMBER = re.compile(r"[biuf][1248]")


def read_checkpoint(path: str | os.PathLike[str]) -> Any:
    """Read a file that torch.save has written, in any of its formats, on the CPU.

    Args:
        path: zip format, the older plain format, or the tar format of PyTorch's first versions.

    Returns:
        The object in the file, of tensors, dicts, lists, tuples, numbers and text. NumPy numbers become Python's; NumPy
        arrays become empty stand-ins.

    Raises:
        PoseError: the file is absent, empty, damaged or no weight file, or it refers to anything that could run code.
    """
    path = Path(path)
    _check_begin(path)
    try:
        if tarfile.is_tarfile(path):
            return read_legacy_tar(path)
        with torch.serialization.safe_globals(STAND_INS):
            return torch.load(path, map_location="cpu", weights_only=True)
    except ForbiddenNameError as error:
        raise _forbidden(path, str(error)) from error
    except Exception as error:  # whatever a damaged file makes the readers stumble over
        name = re.search(r"GLOBAL (\S+)", str(error))
        if name:
            raise _forbidden(path, name[1]) from error
        raise PoseError(
            f"checkpoint {path} is damaged or no PyTorch weight file ({_first_sentence(error)}); fetch or save it "
            "again."
        ) from error


def _check_begin(path: Path) -> None:
    """Refuse what is not even a file with data, and the two things that downloads often yield instead of weights."""
    try:
        with path.open("rb") as file:
            begin = file.read(64)
    except FileNotFoundError as error:
        raise PoseError(f"checkpoint {path} does not exist; check the path.") from error
    except OSError as error:
        raise PoseError(f"checkpoint {path} cannot be read ({error.strerror}).") from error
    if not begin:
        raise PoseError(f"checkpoint {path} is empty; fetch or save it again.")
    if begin.lstrip().startswith(b"<"):
        raise PoseError(f"checkpoint {path} is a web page, not weights; open the link in a browser and save the file.")
    if begin.startswith(GIT_LFS_POINTER):
        raise PoseError(f"checkpoint {path} is a pointer of git-lfs, not weights; fetch the file with git lfs pull.")


def _forbidden(path: Path, name: str) -> PoseError:
    return PoseError(
        f"checkpoint {path} refers to {name}, which weights have no need of and which could run code, so it was not "
        "loaded; save only the model's state_dict in it."
    )


def _first_sentence(error: Exception) -> str:
    text = str(error).strip().splitlines()
    return (text[0].split(". ")[0] if text else type(error).__name__).rstrip(".")[:160]


class _Inert:
    """Takes any arguments and any state, and keeps nothing."""

    def __new__(cls, *_arguments: Any) -> "_Inert":
        return super().__new__(cls)

    def __setstate__(self, _state: Any) -> None:
        pass


class _Dtype:
    """A NumPy dtype by its code, for example "f8", and byte order."""

    def __init__(self, code: Any, *_flags: Any) -> None:
        self.code = code
        self.order = "="

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.order = state[1]


class _Scalar:
    """A NumPy number: becomes Python's bool, int or float; of any other type it becomes a stand-in."""

    def __new__(cls, dtype: Any, data: Any = b"") -> Any:
        plain = isinstance(dtype, _Dtype) and PLAIN_NUMBER.fullmatch(str(dtype.code)) and dtype.order in ("<", ">", "|")
        if not plain or not isinstance(data, bytes):
            return _Inert()
        return np.frombuffer(data, np.dtype(dtype.order + dtype.code), count=1)[0].item()


def _stand_in(base: type, module: str, name: str) -> type:
    """A class that takes the place of module.name in a file."""
    return type(name, (base,), {"__module__": module, "__qualname__": name})


STAND_INS: list[Any] = [
    _stand_in(_Dtype, "numpy", "dtype"),
    _stand_in(_Inert, "numpy", "ndarray"),
    # NumPy 2 has moved its functions; files name the place of the version that wrote them.
    *(_stand_in(_Scalar, module, "scalar") for module in ("numpy.core.multiarray", "numpy._core.multiarray")),
    *(_stand_in(_Inert, module, "_reconstruct") for module in ("numpy.core.multiarray", "numpy._core.multiarray")),
    # Training checkpoints of mmpose 1.x keep their loss curves, which look up their own methods by name.
    _stand_in(_Inert, "mmengine.logging.history_buffer", "HistoryBuffer"),
    _stand_in(_Inert, "builtins", "getattr"),
]

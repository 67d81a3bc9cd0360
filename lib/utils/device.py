"""The device a run computes on, chosen by name, and what it computes fast."""

import os
import shutil
from pathlib import Path

import torch

from lib.utils import distributed
from lib.utils.errors import PoseError

# NVIDIA's Ampere generation, the first with tensor cores for bf16.
BF16_CAPABILITY = (8, 0)
# Linux' name for the matrix units of Xeons from Sapphire Rapids on. Without them bf16 is slower than float32 on a CPU.
AMX_FLAG = "amx_bf16"
CPU_FACTS = Path("/proc/cpuinfo")
COMPILERS = ("c++", "g++", "clang++", "cl")


def choose_device(name: str) -> torch.device:
    """The device that `name` asks for.

    Args:
        name: 'auto' (a GPU where there is one, else the CPU), 'cpu', 'cuda' or 'cuda:N'. Under torchrun 'cuda' is the
            GPU of this process's local rank.

    Raises:
        PoseError: an unknown name, or a device that is not there.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise PoseError(f"DEVICE {name!r} is unknown; use auto, cpu, cuda or cuda:N.") from error
    if device.type == "cuda":
        return _cuda_device(device)
    if device.type != "cpu":
        raise PoseError(f"DEVICE {name!r} is not supported; use auto, cpu, cuda or cuda:N.")
    return device


def _cuda_device(device: torch.device) -> torch.device:
    if not torch.cuda.is_available():
        raise PoseError(
            f"DEVICE '{device}' asks for a GPU, but PyTorch {torch.__version__} finds none here; use --device cpu or "
            "install the driver and a CUDA build of PyTorch."
        )
    if device.index is not None and distributed.local_size() > 1:
        raise PoseError(
            f"DEVICE '{device}' gives {distributed.local_size()} processes the same GPU, on which NCCL cannot run; use "
            "--device cuda, which gives each its own (CUDA_VISIBLE_DEVICES chooses among them)."
        )
    index = device.index if device.index is not None else distributed.local_rank()
    if index >= torch.cuda.device_count():
        raise PoseError(
            f"GPU {index} is asked for, but there are {torch.cuda.device_count()} on this machine; start as many "
            "processes as GPUs (--nproc-per-node) or choose another --device."
        )
    torch.cuda.set_device(index)
    return torch.device("cuda", index)


def bf16_support(device: torch.device) -> tuple[bool, str]:
    """Whether bf16 is faster than float32 on a device, and the reason in a few words."""
    if device.type == "cuda":
        name, capability = torch.cuda.get_device_name(device), torch.cuda.get_device_capability(device)
        if capability >= BF16_CAPABILITY:
            return True, f"{name} has tensor cores for bf16"
        return False, f"{name} has no tensor cores for bf16"
    if has_amx():
        return True, "this CPU has AMX units for bf16"
    return False, "this CPU has no AMX units for bf16"


def has_amx() -> bool:
    """Whether the CPU multiplies bf16 matrices in hardware; false where the system does not say (not Linux)."""
    try:
        return AMX_FLAG in CPU_FACTS.read_text().split()
    except OSError:
        return False


def check_compiler(option: str) -> None:
    """Refuse torch.compile where it cannot work.

    Args:
        option: the option that asks for it, named in the error.

    Raises:
        PoseError: no C++ compiler, without which PyTorch compiles neither for the CPU nor for a GPU.
    """
    if not any(shutil.which(name) for name in (os.environ.get("CXX", ""), *COMPILERS) if name):
        raise PoseError(
            f"{option} needs a C++ compiler, and there is none on the PATH or in CXX; install one (Debian and Ubuntu: "
            "apt install g++) or leave the option at its default."
        )

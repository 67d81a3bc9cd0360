"""The device a run computes on, chosen by name."""

import torch

from lib.utils import distributed
from lib.utils.errors import PoseError


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

"""Small constant tensors, made once per device."""

from functools import lru_cache

import torch
from torch import Tensor


@lru_cache(maxsize=512)
def constant(values: tuple[float, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    """A tensor that must not be written to, (N,).

    Making one anew copies it to a GPU, and that copy waits for all that the GPU has been given before.
    """
    return torch.tensor(values, dtype=dtype, device=device)

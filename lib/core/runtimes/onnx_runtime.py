"""ONNX Runtime, on the CPU or an NVIDIA GPU."""

from typing import Any

import torch
from torch import Tensor, nn

from lib.core.precision import Precision
from lib.core.runtimes.export import HEATMAPS, IMAGES, onnx_model
from lib.utils.errors import PoseError

CUDA_PROVIDER, CPU_PROVIDER = "CUDAExecutionProvider", "CPUExecutionProvider"


class OnnxRuntimeNetwork(nn.Module):
    """A network exported to ONNX and run by ONNX Runtime in float32, for any batch size.

    Args:
        model: the network, in evaluation mode.
        example: (B, 3, H, W), float32.
        precision: its device counts: on a GPU batches pass through the host's memory.

    Raises:
        PoseError: the installed ONNX Runtime has no support for the GPU.
    """

    def __init__(self, model: nn.Module, example: Tensor, precision: Precision) -> None:
        super().__init__()
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        self._session = onnxruntime.InferenceSession(
            to_onnx(model, example), options, providers=[_provider(precision.device, onnxruntime)]
        )

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) to heatmaps (B, C, h, w), float32, on the images' device."""
        (heatmaps,) = self._session.run([HEATMAPS], {IMAGES: images.contiguous().cpu().numpy()})
        return torch.from_numpy(heatmaps).to(images.device)


def to_onnx(model: nn.Module, example: Tensor) -> bytes:
    """A network in ONNX: input "images" (batch, 3, H, W), output "heatmaps" (batch, C, h, w).

    Args:
        model: in evaluation mode.
        example: (B, 3, H, W); H and W are fixed by it.
    """
    return bytes(onnx_model(model, example).SerializeToString())


def _provider(device: torch.device, onnxruntime: Any) -> str | tuple[str, dict[str, int]]:
    if device.type == "cpu":
        return CPU_PROVIDER
    if CUDA_PROVIDER not in onnxruntime.get_available_providers():
        raise PoseError(
            f"the installed ONNX Runtime does not run on {device}; install onnxruntime-gpu in place of onnxruntime, or "
            "add --device cpu."
        )
    return CUDA_PROVIDER, {"device_id": device.index or 0}

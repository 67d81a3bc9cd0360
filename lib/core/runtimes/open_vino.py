"""Intel's OpenVINO, on CPUs of any make."""

import torch
from torch import Tensor, nn

from lib.core.precision import Precision
from lib.core.runtimes.export import openvino_model
from lib.utils.errors import PoseError

# Precision -> OpenVINO's name for it, and its name for the CPU's ability.
HINTS = {"none": ("f32", "FP32"), "bf16": ("bf16", "BF16")}


class OpenVinoNetwork(nn.Module):
    """A network compiled by OpenVINO for any batch size, on as many threads as PyTorch has.

    Args:
        model: the network, in evaluation mode.
        example: (B, 3, H, W), on the CPU.
        precision: 'none' or 'bf16'. OpenVINO would choose by itself; it is told, so that numbers do not change
            unasked.

    Raises:
        PoseError: bf16 is asked for and the CPU lacks it, which OpenVINO would ignore.
    """

    def __init__(self, model: nn.Module, example: Tensor, precision: Precision) -> None:
        super().__init__()
        import openvino

        core = openvino.Core()
        hint, ability = HINTS[precision.name]
        if ability not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
            raise PoseError(f"OpenVINO has no {precision.name} on this CPU; use --amp auto or --amp none.")
        options = {
            "INFERENCE_PRECISION_HINT": hint,
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        }
        self._network = core.compile_model(openvino_model(model, example), "CPU", options)

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) to heatmaps (B, C, h, w), float32."""
        return torch.from_numpy(self._network(images.contiguous().numpy())[0])

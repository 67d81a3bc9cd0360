"""Mixed precision: which type the network computes in."""

from dataclasses import dataclass

import torch

TYPES = {"none": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True)
class Precision:
    """The type of the network's arithmetic; losses, targets and decoding stay in float32.

    Attributes:
        device: where the network runs.
        name: 'none' (float32), 'bf16' or 'fp16' (AMP).
    """

    device: torch.device
    name: str = "none"

    def autocast(self) -> torch.autocast:
        """The context in which the network is called."""
        return torch.autocast(self.device.type, TYPES[self.name], enabled=self.name != "none")

    def scaler(self) -> torch.amp.GradScaler:
        """Loss scaling, which keeps fp16 gradients from vanishing; it does nothing for the other types."""
        return torch.amp.GradScaler(self.device.type, enabled=self.name == "fp16")

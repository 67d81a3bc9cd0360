"""Which type the network computes in, and why."""

from dataclasses import dataclass

import torch

from lib.utils.device import bf16_support

TYPES = {"none": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
# Runtimes that compute in float32 and nothing else.
FLOAT32_RUNTIMES = ("onnxruntime",)


@dataclass(frozen=True)
class Precision:
    """The type of the network's arithmetic; losses, targets and decoding stay in float32.

    Attributes:
        device: where the network runs.
        name: 'none' (float32), 'bf16' or 'fp16' (AMP).
        reason: why this type was chosen, for people.
    """

    device: torch.device
    name: str = "none"
    reason: str = ""

    def autocast(self) -> torch.autocast:
        """The context in which the network is called."""
        return torch.autocast(self.device.type, TYPES[self.name], enabled=self.name != "none")

    def scaler(self) -> torch.amp.GradScaler:
        """Loss scaling, which keeps fp16 gradients from vanishing; it does nothing for the other types."""
        return torch.amp.GradScaler(self.device.type, enabled=self.name == "fp16")

    @property
    def label(self) -> str:
        """The type's usual name."""
        return "float32" if self.name == "none" else self.name

    def __str__(self) -> str:
        return f"{self.label} ({self.reason})" if self.reason else self.label


def choose_precision(name: str, device: torch.device, *, for_training: bool, runtime: str = "eager") -> Precision:
    """The precision that AMP asks for.

    Args:
        name: AMP: 'none', 'bf16' or 'fp16' are taken as they are; 'auto' is bf16 for a test where the hardware
            computes it faster, else float32.
        device: where the network runs.
        for_training: the published recipes train in float32, and so does 'auto'.
        runtime: TEST.RUNTIME.
    """
    if name != "auto":
        return Precision(device, name, f"AMP {name}")
    if for_training:
        return Precision(device, reason="AMP auto trains as the recipes were made")
    if runtime in FLOAT32_RUNTIMES:
        return Precision(device, reason=f"AMP auto; {runtime} computes in nothing else")
    is_faster, reason = bf16_support(device)
    return Precision(device, "bf16" if is_faster else "none", f"AMP auto; {reason}")


def training_notice(name: str, device: torch.device) -> str | None:
    """What to print at the start of a training that could be faster in bf16; None where it could not."""
    is_faster, reason = bf16_support(device)
    if name != "auto" or not is_faster:
        return None
    return f"AMP is auto, so the training computes in float32 as its recipe does; --amp bf16 is faster here: {reason}."

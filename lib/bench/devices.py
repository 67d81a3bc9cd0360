"""What the rows on networks share: a published network with usable weights, and the peak of a device."""

import time
from collections.abc import Callable, Iterable
from pathlib import Path

import torch
from torch import nn
from yacs.config import CfgNode

from lib.config import load_config
from lib.core.precision import FLOAT32_RUNTIMES, Precision
from lib.models import build_model
from lib.utils.device import bf16_support, has_amx

EXPERIMENTS = Path(__file__).resolve().parents[2] / "experiments"
W32 = "coco/hrnet/w32_256x192_adam_lr1e-3.yaml"
# Dense peaks of NVIDIA's data sheets, Tflop/s: float32 convolutions as PyTorch does them (TF32 from Ampere on), bf16.
PEAKS = {
    "V100": (15.7, 0.0),
    "A100": (156.0, 312.0),
    "H100 PCIe": (378.0, 756.0),
    "H100": (495.0, 989.0),
    "H200": (495.0, 989.0),
}
MATRIX, MATRIX_RUNS = 2048, 5


def published_config(name: str = W32) -> CfgNode:
    """One of the experiments as it stands."""
    return load_config(EXPERIMENTS / name)


def make_network(cfg: CfgNode, device: str) -> nn.Module:
    """A network whose activations keep their size from layer to layer; published starting weights let them vanish,
    and numbers near zero are slow on CPUs.
    """
    torch.manual_seed(0)
    model = build_model(cfg)
    for module in model.modules():
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
    return model.to(device)


def worthwhile(device: str) -> list[Precision]:
    """float32, and bf16 where the hardware is faster in it."""
    place = torch.device(device)
    names = ("none", "bf16") if bf16_support(place)[0] else ("none",)
    return [Precision(place, name) for name in names]


def runs_of(runtimes: Iterable[str], device: str) -> list[tuple[str, Precision]]:
    """Runtimes in each worthwhile precision that they compute in."""
    pairs = [(runtime, precision) for runtime in runtimes for precision in worthwhile(device)]
    return [pair for pair in pairs if pair[0] not in FLOAT32_RUNTIMES or pair[1].name == "none"]


def synchronised(work: Callable[[], object], device: str) -> Callable[[], object]:
    """`work` until the device is done with it."""
    if torch.device(device).type != "cuda":
        return work

    def run() -> object:
        result = work()
        torch.cuda.synchronize()
        return result

    return run


def data_sheet_peak(gpu: str, *, bf16: bool) -> float | None:
    """Peak of a GPU in Gflop/s by the name that CUDA gives it; None for one that is not listed."""
    for name, peaks in PEAKS.items():
        if all(word in gpu for word in name.split()):
            return peaks[bf16] * 1000 or None
    return None


def measured_peak(device: str, *, bf16: bool) -> float:
    """Gflop/s of the fastest of a few products of two large matrices, which no network can exceed."""
    matrix = torch.randn(MATRIX, MATRIX, device=device, dtype=torch.bfloat16 if bf16 else torch.float32)
    product = synchronised(lambda: matrix @ matrix, device)
    product()
    seconds = []
    for _ in range(MATRIX_RUNS):
        started = time.perf_counter()
        product()
        seconds.append(time.perf_counter() - started)
    return 2 * MATRIX**3 / min(seconds) / 1e9


def amx_target(targets: dict[str, str], way: str, device: str) -> str:
    """The ratio that a way is to reach: set for bf16 on CPUs that multiply bf16 matrices in hardware.

    Args:
        targets: by the first word of a way.
        way: "<runtime>, <precision>".
        device: that was measured on.
    """
    target = targets.get(way.partition(",")[0])
    if target is None or torch.device(device).type != "cpu":
        return ""
    if not has_amx():
        return f"{target}, AMX only"
    return target if way.endswith("bf16") else ""

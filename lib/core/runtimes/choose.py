"""TEST.RUNTIME: from a name to a network that runs that way."""

from collections.abc import Callable
from importlib import import_module

from torch import Tensor, nn

from lib.core.outputs import FinalOutput
from lib.core.precision import FLOAT32_RUNTIMES, Precision
from lib.core.runtimes.compiled import CompiledNetwork
from lib.core.runtimes.onnx_runtime import OnnxRuntimeNetwork
from lib.core.runtimes.open_vino import OpenVinoNetwork
from lib.utils.device import check_compiler
from lib.utils.errors import PoseError

RUNTIMES: dict[str, Callable[[nn.Module, Tensor, Precision], nn.Module]] = {
    "eager": lambda model, example, precision: model,  # noqa: ARG005 - the others need them
    "compile": CompiledNetwork,
    "openvino": OpenVinoNetwork,
    "onnxruntime": OnnxRuntimeNetwork,
}
# Packages that are not part of requirements.txt, by the runtime that needs them.
PACKAGES = {"openvino": ("openvino",), "onnxruntime": ("onnxruntime", "onnx", "onnxscript")}


def check_runtime(name: str, precision: Precision) -> None:
    """Refuse a runtime that cannot work here, before anything is read.

    Args:
        name: TEST.RUNTIME.
        precision: of the network's arithmetic, and its device.

    Raises:
        PoseError: a package or compiler is absent, or the runtime lacks the device or the precision.
    """
    if name == "compile":
        check_compiler("TEST.RUNTIME compile")
    for package in PACKAGES.get(name, ()):
        try:
            import_module(package)
        except ImportError as error:
            raise PoseError(
                f"TEST.RUNTIME {name} needs the package {package}, which cannot be imported ({error}); run `pip "
                f"install {' '.join(PACKAGES[name])}` or leave TEST.RUNTIME at eager."
            ) from error
    if name == "openvino" and precision.device.type != "cpu":
        raise PoseError(f"TEST.RUNTIME openvino runs on the CPU, not on {precision.device}; add --device cpu.")
    lacks = (name in FLOAT32_RUNTIMES and precision.name != "none") or (name == "openvino" and precision.name == "fp16")
    if lacks:
        raise PoseError(f"TEST.RUNTIME {name} does not compute in {precision.name}; use --amp auto or --amp none.")


def make_runtime(name: str, model: nn.Module, example: Tensor, precision: Precision) -> nn.Module:
    """Prepare a network to be run many times on inputs like an example; it takes seconds, compiling minutes.

    Args:
        name: one of `RUNTIMES`.
        model: the network with its final weights on the precision's device; it is left in evaluation mode. Later
            changes of its weights have no effect.
        example: (B, 3, H, W), float32, on the device and in the memory order of the calls to come; B is the usual
            batch. Calls may have any other.
        precision: of the network's arithmetic.

    Returns:
        The network itself for 'eager'; otherwise a module that gives the final heatmaps alone, where the network
        returns several.

    Raises:
        PoseError: see `check_runtime`; or the engine refuses the network.
    """
    check_runtime(name, precision)
    model.eval()
    return model if name == "eager" else RUNTIMES[name](FinalOutput(model), example, precision)

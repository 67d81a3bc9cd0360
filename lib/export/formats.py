"""The formats: how a graph is written to files, and how the files are run in the engine that they are for."""

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch

from lib.core.runtimes.export import export_network, onnx_model, openvino_model, quiet
from lib.export.description import KEY
from lib.export.graph import PoseGraph
from lib.utils.errors import PoseError

# Crops (B, H, W, 3) uint8 to the outputs of the graph.
Engine = Callable[[np.ndarray], Sequence[np.ndarray]]
# ONNX operations: what PyTorch's exporter makes without converting, and every engine of the last years reads.
DEFAULT_OPSET = 18
# Older ones lack operations that the graphs consist of, and newer ones the installed packages may not know.
OPSETS = range(18, 24)


class Format(ABC):
    """One format of exported networks.

    Attributes:
        label: how messages call it.
        suffixes: endings of its files, the first one that people name.
        packages: what it needs that requirements.txt lacks.
    """

    label: ClassVar[str]
    suffixes: ClassVar[tuple[str, ...]]
    packages: ClassVar[tuple[str, ...]] = ()

    def require(self) -> None:
        """See to it that the packages are there.

        Raises:
            PoseError: one is not.
        """
        for package in self.packages:
            try:
                import_module(package)
            except ImportError as error:
                raise PoseError(
                    f"an export to {self.label} needs the package {package}, which cannot be imported ({error}); run "
                    f"`pip install {' '.join(self.packages)}` or choose another --format."
                ) from error

    @abstractmethod
    def write(self, graph: PoseGraph, description: dict[str, Any], paths: Sequence[Path]) -> None:
        """Write the graph with its description to files, one for each of `suffixes`."""

    @abstractmethod
    def load(self, paths: Sequence[Path]) -> Engine:
        """The written files in their engine, on the CPU in float32."""


class Onnx(Format):
    """ONNX; the description is an entry of metadata_props.

    Args:
        opset: version of ONNX's operations.

    Raises:
        PoseError: a version that cannot be written.
    """

    label = "ONNX"
    suffixes = (".onnx",)
    packages = ("onnx", "onnxscript", "onnxruntime")

    def __init__(self, opset: int = DEFAULT_OPSET) -> None:
        if opset not in OPSETS:
            raise PoseError(f"--opset is {opset}; give {OPSETS[0]} to {OPSETS[-1]} (default {DEFAULT_OPSET}).")
        self.opset = opset

    def write(self, graph: PoseGraph, description: dict[str, Any], paths: Sequence[Path]) -> None:
        """See `Format`."""
        parts = graph.parts
        model = onnx_model(graph, graph.example(), parts.outputs, batch=parts.batch, opset=self.opset)
        written = {entry.domain: entry.version for entry in model.opset_import}
        if written.get("") != self.opset:
            raise PoseError(
                f"PyTorch wrote opset {written.get('')} and not {self.opset} for this network; name that one, or leave "
                f"--opset at {DEFAULT_OPSET}."
            )
        _tidy(model)
        model.producer_name, model.producer_version = description["producer"].split(" ", 1)
        entry = model.metadata_props.add()
        entry.key, entry.value = KEY, json.dumps(description)
        paths[0].write_bytes(model.SerializeToString())

    def load(self, paths: Sequence[Path]) -> Engine:
        """See `Format`."""
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        session = onnxruntime.InferenceSession(str(paths[0]), options, providers=["CPUExecutionProvider"])
        (images,) = session.get_inputs()
        return lambda crops: list(session.run(None, {images.name: crops}))


def _tidy(model: Any) -> None:
    """Call the size of batches "batch", and drop the notes where each operation stood on this machine."""
    graph = model.graph
    for node in [*graph.node, *(node for function in model.functions for node in function.node)]:
        del node.metadata_props[:]
    symbol = graph.input[0].type.tensor_type.shape.dim[0].dim_param
    for value in [*graph.input, *graph.output, *graph.value_info]:
        for dim in value.type.tensor_type.shape.dim:
            if symbol and dim.dim_param == symbol:
                dim.dim_param = "batch"


class OpenVino(Format):
    """OpenVINO's two files; the description is an entry of rt_info."""

    label = "OpenVINO"
    suffixes = (".xml", ".bin")
    packages = ("openvino",)

    def write(self, graph: PoseGraph, description: dict[str, Any], paths: Sequence[Path]) -> None:
        """See `Format`."""
        import openvino

        model = openvino_model(graph, graph.example(), graph.parts.batch)
        model.inputs[0].get_tensor().set_names({description["input"]["name"]})
        for output, name in zip(model.outputs, graph.parts.outputs, strict=True):
            output.get_tensor().set_names({name})
        model.set_rt_info(json.dumps(description), KEY)
        openvino.serialize(model, *map(str, paths))

    def load(self, paths: Sequence[Path]) -> Engine:
        """See `Format`."""
        import openvino

        core = openvino.Core()
        # Left to itself it would compute in bf16 where the CPU can.
        options = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": torch.get_num_threads()}
        network = core.compile_model(core.read_model(*map(str, paths)), "CPU", options)
        return lambda crops: [np.array(output) for output in network(crops).values()]


class TorchExport(Format):
    """A program of torch.export; the description is its extra file plumbpose.json."""

    label = "torch.export"
    suffixes = (".pt2",)

    def write(self, graph: PoseGraph, description: dict[str, Any], paths: Sequence[Path]) -> None:
        """See `Format`."""
        program = export_network(graph, graph.example(), graph.parts.batch)
        for module in program.graph_module.modules():
            for node in getattr(getattr(module, "graph", None), "nodes", ()):
                node.meta.pop("stack_trace", None)  # the paths of this machine
        with quiet():
            torch.export.save(program, paths[0], extra_files={f"{KEY}.json": json.dumps(description)})

    def load(self, paths: Sequence[Path]) -> Engine:
        """See `Format`."""
        network = torch.export.load(paths[0]).module()

        def run(crops: np.ndarray) -> Sequence[np.ndarray]:
            with torch.no_grad():
                return [output.numpy() for output in network(torch.from_numpy(crops))]

        return run


# Names of --format.
FORMATS = ("onnx", "openvino", "torch_export")


def make_format(name: str, opset: int | None = None) -> Format:
    """One of `FORMATS`.

    Args:
        name: which.
        opset: for ONNX; None for the default.

    Raises:
        PoseError: an opset that cannot be written, or that the format does not have.
    """
    if name == "onnx":
        return Onnx(DEFAULT_OPSET if opset is None else opset)
    if opset is not None:
        raise PoseError(f"--opset belongs to --format onnx; leave it out for {name}.")
    return OpenVino() if name == "openvino" else TorchExport()

"""Every format holds the network and what is needed to use it, or nothing is left behind."""

import importlib
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.codecs import finest_targets, make_codec
from helpers.small_models import ThreeLayers, randomized
from torch import Tensor, nn

from lib.codecs.base import Codec
from lib.codecs.tracing import graph_forms
from lib.core.inference import Preparation
from lib.export.description import describe
from lib.export.export import export
from lib.export.formats import FORMATS, Format, make_format
from lib.export.graph import Parts, Pixels, PoseGraph
from lib.export.parity import Parity, compare, make_reference, settled_joints
from lib.skeletons import load_skeleton
from lib.utils.errors import PoseError

PIXELS = Pixels((0.4, 0.5, 0.6), (0.2, 0.2, 0.2), True)
PREPARE = Preparation(torch.device("cpu"), PIXELS.mean, PIXELS.std)
CODEC = make_codec("udp_gaussian", input_size_wh=(48, 64), heatmap_size_wh=(12, 16))
SKELETON = load_skeleton("coco")
# What the others consist of, too; a graph of all takes exporters a minute.
ENGINE_DECODERS = [
    ("dark", "dark", "original"),
    ("udp_gaussian", "udp", "original"),
    ("udp_gaussian", "exact", "original"),
    ("udp_offset", "offset", "original"),
    ("udp_offset", "exact", "original"),
    ("megvii", "megvii", "original"),
]


def _format(name: str) -> Format:
    form = make_format(name)
    for package in form.packages:
        pytest.importorskip(package)
    return form


def _graph(parts: Parts) -> PoseGraph:
    return PoseGraph(randomized(ThreeLayers(17)), CODEC, PIXELS, parts)


def _export(form: Format, graph: PoseGraph, path: Path, rng: np.random.Generator) -> tuple[Parity, dict[str, Any]]:
    """Export with the comparison; the parity, and the description that went into the file."""
    images = torch.from_numpy(rng.integers(0, 256, (12, 3, 64, 48), dtype=np.uint8))
    parts, codec = graph.parts, graph.codec
    reference = make_reference(
        graph.network, codec, PREPARE, images, color_rgb=PIXELS.color_rgb, flip_test=parts.flip_test
    )
    description = describe(codec, SKELETON, PIXELS, parts, name="three_layers")
    return export(graph, description, form, path, lambda run: compare(run, codec, reference, parts)), description


def _stored_description(name: str, path: Path) -> Any:
    if name == "onnx":
        import onnx

        model = onnx.load(path)
        onnx.checker.check_model(model)
        assert model.opset_import[0].version == 18
        assert [value.name for value in model.graph.output] == ["keypoints", "scores"]
        images = model.graph.input[0].type.tensor_type
        assert images.elem_type == onnx.TensorProto.UINT8
        assert [dim.dim_param or dim.dim_value for dim in images.shape.dim] == ["batch", 64, 48, 3]
        return json.loads(next(entry.value for entry in model.metadata_props if entry.key == "plumbpose"))
    if name == "openvino":
        import openvino

        model = openvino.Core().read_model(path)
        assert model.input("images").element_type == openvino.Type.u8
        assert model.output("keypoints").partial_shape[1:] == openvino.PartialShape([17, 2])
        return json.loads(model.get_rt_info("plumbpose").astype(str))
    extra = {"plumbpose.json": ""}
    torch.export.load(path, extra_files=extra)
    return json.loads(extra["plumbpose.json"])


@pytest.mark.slow
@pytest.mark.parametrize(("name", "batch"), [*((name, None) for name in FORMATS), ("openvino", 2)])
def test_files_find_what_pytorch_finds(
    tmp_path: Path, rng: np.random.Generator, name: str, batch: int | None, repository: Path
) -> None:
    form = _format(name)
    path = tmp_path / f"pose{form.suffixes[0]}"
    parity, description = _export(form, _graph(Parts(True, True, batch)), path, rng)
    assert parity.holds
    assert parity.joints > 100
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted(f"pose{suffix}" for suffix in form.suffixes)
    assert _stored_description(name, path) == description
    assert description["input"]["batch"] == batch
    # Nobody learns where the repository lay.
    content = [zipfile.ZipFile(path).read(part) for part in zipfile.ZipFile(path).namelist()] if name[0] == "t" else []
    assert not any(str(repository).encode() in part for part in [*content, path.read_bytes()])


def test_a_difference_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "pose.pt2"
    path.write_bytes(b"old")
    bad = Parity((1,), 10, 0, 0.25, 0.01, 0.0, 0.0)
    graph = _graph(Parts())
    with pytest.raises(PoseError, match=r"differs from PyTorch by 0\.25 px.*pose\.pt2 was not written"):
        export(graph, {}, make_format("torch_export"), path, lambda _: bad)
    assert [file.name for file in tmp_path.iterdir()] == ["pose.pt2"]
    assert path.read_bytes() == b"old"
    with pytest.raises(PoseError, match=r"end with \.pt2"):
        export(graph, {}, make_format("torch_export"), tmp_path / "pose.onnx", lambda _: bad)


@pytest.mark.slow
def test_constants_stay_numbers_after_a_trace(tmp_path: Path) -> None:
    """A constant made within a trace and kept would break every later call; DARK's blur is made in graphs alone."""
    codec = make_codec("dark", num_keypoints=3, input_size_wh=(40, 56), heatmap_size_wh=(10, 14))
    good = Parity((1,), 10, 0, 0.0, 0.0, 0.0, 0.0)
    graph = PoseGraph(randomized(ThreeLayers(3)), codec, PIXELS, Parts(True, True))
    export(graph, {}, make_format("torch_export"), tmp_path / "pose.pt2", lambda _: good)
    with graph_forms():
        points, _ = codec.decode(torch.rand(2, 3, 14, 10))
    assert bool(torch.isfinite(points).all())


class _AllDecoders(nn.Module):
    """Several codecs on maps of their own, in one graph: one export instead of many."""

    def __init__(self, codecs: list[Codec]) -> None:
        super().__init__()
        self.codecs = codecs

    def forward(self, maps: Tensor) -> tuple[Tensor, ...]:
        """(B, sum of channels, h, w) to the points of each codec, (B, K, 2) each."""
        parts = maps.split([codec.num_channels for codec in self.codecs], dim=1)
        return tuple(codec.decode(part)[0] for codec, part in zip(self.codecs, parts, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["onnx", "openvino"])
def test_decoders_in_other_engines(rng: np.random.Generator, engine: str) -> None:
    _format(engine)
    from lib.core.runtimes.export import onnx_model, openvino_model

    sizes = {"input_size_wh": (48, 64), "heatmap_size_wh": (12, 16), "num_keypoints": 4, "sigma": 1.5}
    names = ["_".join(words) for words in ENGINE_DECODERS]
    codecs = [make_codec(encoding, decoder, variant=variant, **sizes) for encoding, decoder, variant in ENGINE_DECODERS]
    maps = [finest_targets(codec, rng.uniform(0, 1, (5, 4, 2)) * (47, 63))[0] for codec in codecs]
    maps = [part + torch.randn_like(part) * 0.01 * part.abs().max() for part in maps]
    model = _AllDecoders(codecs)
    joined = torch.cat(maps, dim=1)
    with graph_forms():
        model(joined[:2])
    if engine == "onnx":
        import onnxruntime

        content = onnx_model(model, joined, names).SerializeToString()
        session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
        outputs = {count: session.run(None, {"images": joined[:count].numpy()}) for count in (5, 1)}
    else:
        import openvino

        options = {"INFERENCE_PRECISION_HINT": "f32"}
        network = openvino.Core().compile_model(openvino_model(model, joined), "CPU", options)
        outputs = {count: list(network(joined[:count].numpy()).values()) for count in (5, 1)}
    for count, found in outputs.items():
        for name, codec, part, points in zip(names, codecs, maps, found, strict=True):
            expected, _ = codec.decode(part[:count])
            settled = settled_joints(codec, part[:count]).numpy()
            assert settled.mean() > 0.7, name
            distance = np.linalg.norm(points - expected.numpy(), axis=-1)
            assert distance[settled].max() < 0.02, name


def test_absent_packages_and_wrong_opsets(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str, *_: object) -> Any:
        raise ModuleNotFoundError(f"No module named {name!r}")

    monkeypatch.setattr("lib.export.formats.import_module", absent)
    with pytest.raises(PoseError, match=r"ONNX needs the package onnx,.*pip install onnx onnxscript onnxruntime"):
        make_format("onnx").require()
    with pytest.raises(PoseError, match="OpenVINO needs the package openvino"):
        make_format("openvino").require()
    make_format("torch_export").require()
    monkeypatch.setattr("lib.export.formats.import_module", importlib.import_module)
    with pytest.raises(PoseError, match=r"--opset is 12; give 18"):
        make_format("onnx", 12)
    with pytest.raises(PoseError, match=r"belongs to --format onnx"):
        make_format("openvino", 18)

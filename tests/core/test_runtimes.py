"""Every runtime answers as eager PyTorch does."""

import builtins
import importlib
import sys
from typing import Any

import numpy as np
import pytest
import torch
from helpers.dot_batches import INPUT_WH, NUM_KEYPOINTS, PREPARE, dot_batch
from helpers.small_models import (
    ThreeLayers,
    TwoOutputs,
    randomized,
    small_hrformer_with_bias,
    small_hrnet,
    small_resnet,
    small_rsn,
)
from torch import Tensor, nn

from lib.codecs.base import Codec
from lib.codecs.udp import UdpGaussianCodec
from lib.codecs.udp_offset import UdpOffsetCodec
from lib.config.checks import CHOICES
from lib.core.inference import forward_with_flip, predict
from lib.core.outputs import final_heatmaps
from lib.core.precision import Precision
from lib.core.runtimes import RUNTIMES, check_runtime, make_runtime
from lib.core.runtimes.choose import PACKAGES
from lib.core.runtimes.compiled import CompiledNetwork
from lib.utils.errors import PoseError
from lib.utils.geometry import UdpCrop

FLOAT32 = Precision(torch.device("cpu"))
# Of the outputs' standard deviation: other orders of summation, BatchNorm folded into the weights.
TOLERANCE = 2e-5
OTHERS = ("compile", "openvino", "onnxruntime")
SIZE = (INPUT_WH[0] // 4, INPUT_WH[1] // 4)


def _codec(kind: str) -> Codec:
    crop, pairs = UdpCrop(INPUT_WH, SIZE), (0, 2, 1)
    if kind == "offset":
        return UdpOffsetCodec(crop, pairs, variant="original", decoder="offset", radius=2.0)
    return UdpGaussianCodec(crop, pairs, variant="original", decoder="udp", sigma=1.0)


def _need(runtime: str) -> None:
    for package in PACKAGES.get(runtime, ()):
        pytest.importorskip(package)
    if runtime == "compile":
        try:
            check_runtime("compile", FLOAT32)
        except PoseError as error:
            pytest.skip(str(error))


def _images(count: int, size_wh: tuple[int, int] = INPUT_WH) -> Tensor:
    return torch.randn(count, 3, size_wh[1], size_wh[0]).contiguous(memory_format=torch.channels_last)


def _assert_close(found: Tensor, expected: Tensor) -> None:
    assert found.dtype == torch.float32
    assert found.shape == expected.shape
    assert float((found - expected).abs().max() / expected.std()) < TOLERANCE


def test_the_configuration_knows_the_runtimes() -> None:
    assert tuple(RUNTIMES) == CHOICES["TEST.RUNTIME"]


def test_eager_is_the_network_itself() -> None:
    model = ThreeLayers(3)
    assert make_runtime("eager", model, _images(2), FLOAT32) is model
    assert not model.training


@pytest.mark.slow
@pytest.mark.parametrize("runtime", OTHERS)
def test_of_several_outputs_the_final_one_is_run(runtime: str) -> None:
    _need(runtime)
    model = randomized(TwoOutputs(3))
    network = make_runtime(runtime, model, _images(2), FLOAT32)
    images = _images(3)
    with torch.no_grad():
        _assert_close(network(images), model(images)[-1])


@pytest.mark.slow
@pytest.mark.parametrize("runtime", OTHERS)
@pytest.mark.parametrize("kind", ["gaussian", "offset"])
def test_predictions_are_those_of_eager(runtime: str, kind: str, rng: np.random.Generator) -> None:
    _need(runtime)
    codec = _codec(kind)
    model = randomized(ThreeLayers(codec.num_channels))
    # The flip test doubles batches; 5 and 3 are neither what it was made for nor a part of it.
    network = make_runtime(runtime, model, _images(4), FLOAT32)
    # No other batch may have the network compiled again.
    with torch.no_grad(), torch._dynamo.config.patch(error_on_recompile=True):
        for count in (1, 4, 5):
            images = _images(count)
            _assert_close(network(images), model(images))
            flipped = forward_with_flip(network, codec, images, FLOAT32)
            _assert_close(flipped, forward_with_flip(model, codec, images, FLOAT32))
    batches = [dot_batch(rng, [0, 1, 2, 3]), dot_batch(rng, [4, 5, 6])]
    for flip_test in (False, True):
        with torch._dynamo.config.patch(error_on_recompile=True):
            own = predict(network, codec, batches, PREPARE, flip_test=flip_test)
        eager = predict(model, codec, batches, PREPARE, flip_test=flip_test)
        assert own.index.tolist() == list(range(7))
        assert own.image_keypoints.shape == (7, NUM_KEYPOINTS, 2)
        np.testing.assert_allclose(own.scores, eager.scores, rtol=1e-3, atol=1e-4)
        # Random maps may have two equal maxima; a point that stays moves by rounding alone.
        distance = np.linalg.norm(own.image_keypoints - eager.image_keypoints, axis=-1)
        assert np.median(distance) < 1e-2


@pytest.mark.slow
@pytest.mark.parametrize("runtime", ["openvino", "onnxruntime"])
@pytest.mark.parametrize("make", [small_hrnet, small_resnet, small_hrformer_with_bias, small_rsn])
def test_networks_in_other_engines(runtime: str, make: Any) -> None:
    _need(runtime)
    model, size = randomized(make()).to(memory_format=torch.channels_last), (64, 96)
    network = make_runtime(runtime, model, _images(2, size), FLOAT32)
    with torch.no_grad():
        for count in (2, 1, 3):
            images = _images(count, size)
            _assert_close(network(images), final_heatmaps(model(images)))


class _Plain(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[int] = []

    def forward(self, images: Tensor) -> Tensor:
        self.sizes.append(len(images))
        return images[:, :1] * 2


def test_compiled_networks_see_one_batch_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "compile", lambda model, **_: model)
    model = _Plain()
    network = CompiledNetwork(model, _images(4), FLOAT32)
    for count in (4, 3, 1, 9):
        images = _images(count)
        assert torch.equal(network(images), images[:, :1] * 2)
    assert set(model.sizes) == {4}
    assert len(model.sizes) == 1 + 1 + 1 + 1 + 3


def test_a_compiler_that_fails_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> Any:
        def call(_: Tensor) -> Tensor:
            raise torch._dynamo.exc.TorchDynamoException("Python.h is\nnot there")

        return call

    monkeypatch.setattr(torch, "compile", fail)
    with pytest.raises(PoseError, match=r"Python\.h is not there.*TEST\.RUNTIME at eager"):
        CompiledNetwork(_Plain(), _images(1), FLOAT32)


@pytest.mark.parametrize("runtime", ["openvino", "onnxruntime"])
def test_an_absent_package_names_the_command(monkeypatch: pytest.MonkeyPatch, runtime: str) -> None:
    package = PACKAGES[runtime][0]
    monkeypatch.delitem(sys.modules, package, raising=False)
    original = importlib.import_module

    def absent(name: str, *rest: Any) -> Any:
        if name == package:
            raise ModuleNotFoundError(f"No module named {name!r}")
        return original(name, *rest)

    monkeypatch.setattr("lib.core.runtimes.choose.import_module", absent)
    with pytest.raises(PoseError, match=rf"needs the package {package}.*pip install {package}"):
        check_runtime(runtime, FLOAT32)


def test_an_absent_compiler_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(PoseError, match=r"TEST\.RUNTIME compile needs a C\+\+ compiler"):
        check_runtime("compile", FLOAT32)


@pytest.mark.parametrize(
    ("runtime", "precision", "message"),
    [
        ("openvino", Precision(torch.device("cuda", 0)), "--device cpu"),
        ("openvino", Precision(torch.device("cpu"), "fp16"), "does not compute in fp16"),
        ("onnxruntime", Precision(torch.device("cpu"), "bf16"), "does not compute in bf16"),
    ],
)
def test_what_a_runtime_lacks_is_refused(
    monkeypatch: pytest.MonkeyPatch, runtime: str, precision: Precision, message: str
) -> None:
    monkeypatch.setattr("lib.core.runtimes.choose.import_module", builtins.id)
    with pytest.raises(PoseError, match=message):
        check_runtime(runtime, precision)


def test_openvino_does_not_ignore_bf16(monkeypatch: pytest.MonkeyPatch) -> None:
    openvino = pytest.importorskip("openvino")
    monkeypatch.setattr(openvino.Core, "get_property", lambda *_: ["FP32", "INT8"])
    with pytest.raises(PoseError, match="OpenVINO has no bf16 on this CPU"):
        make_runtime("openvino", ThreeLayers(3), _images(1), Precision(torch.device("cpu"), "bf16"))

"""A compiled network takes the same training steps."""

import copy
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed
from helpers.dot_batches import INPUT_WH, NUM_KEYPOINTS, PREPARE, dot_batch
from helpers.small_models import ThreeLayers
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from lib.codecs.udp import UdpGaussianCodec
from lib.core.ema import AverageModel
from lib.core.function import StepSettings, train_one_epoch
from lib.core.hooks import Silence
from lib.core.loss import HeatmapLoss
from lib.core.optim import Schedule
from lib.core.precision import Precision
from lib.core.runtimes.compiled import naming_compiler_errors
from lib.core.state import RunState
from lib.utils.device import check_compiler
from lib.utils.errors import PoseError
from lib.utils.geometry import UdpCrop

pytestmark = pytest.mark.slow


@pytest.fixture
def _compiler() -> None:
    try:
        check_compiler("TRAIN.COMPILE")
    except PoseError as error:
        pytest.skip(str(error))


@pytest.fixture
def _process_group(tmp_path: Path) -> Iterator[None]:
    torch.distributed.init_process_group("gloo", init_method=f"file://{tmp_path / 'store'}", rank=0, world_size=1)
    yield
    torch.distributed.destroy_process_group()


def _train(model: nn.Module, network: nn.Module, precision: Precision) -> RunState:
    """Two epochs of four batches, the last one smaller, two of them per step."""
    size = (INPUT_WH[0] // 4, INPUT_WH[1] // 4)
    codec = UdpGaussianCodec(UdpCrop(INPUT_WH, size), (0, 2, 1), variant="original", decoder="argmax", sigma=1.0)
    rng = np.random.default_rng(0)
    batches = [dot_batch(rng, list(range(start, min(start + 4, 14)))) for start in range(0, 14, 4)]
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    state = RunState(model, optimizer, precision.scaler(), average=AverageModel(model, 0.9))
    settings = StepSettings(PREPARE, precision, Schedule(0.1, (), 0.1), 2, 0.5, 100, 0, np.arange(14))
    for _ in range(2):
        train_one_epoch(network, codec, HeatmapLoss(), batches, state, settings, Silence())
        state.finish_epoch()
    return state


@pytest.mark.usefixtures("_compiler", "_process_group")
@pytest.mark.parametrize("name", ["none", "bf16"])
@pytest.mark.parametrize("is_distributed", [False, True])
def test_compiled_steps_are_the_same_steps(name: str, is_distributed: bool) -> None:
    precision = Precision(torch.device("cpu"), name)
    plain = ThreeLayers(NUM_KEYPOINTS).to(memory_format=torch.channels_last)
    model = copy.deepcopy(plain)
    network = torch.compile(model, dynamic=False)
    expected = _train(plain, plain, precision)
    found = _train(model, DistributedDataParallel(network) if is_distributed else network, precision)
    assert found.updates == expected.updates == 4
    assert model.state_dict().keys() == plain.state_dict().keys()
    tolerance = 1e-5 if name == "none" else 5e-3
    for own, other in ((model, plain), (found.evaluated_model, expected.evaluated_model)):
        for one, two in zip(own.state_dict().values(), other.state_dict().values(), strict=True):
            assert torch.allclose(one.float(), two.float(), atol=tolerance)


def test_the_compiler_s_errors_are_one_sentence() -> None:
    sentence = r"torch\.compile fails on this machine \(a b\); set TRAIN\.COMPILE to False\."
    with pytest.raises(PoseError, match=sentence), naming_compiler_errors("set TRAIN.COMPILE to False"):
        raise torch._dynamo.exc.InternalTorchDynamoError("a\n  b")

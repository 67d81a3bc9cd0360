"""The training loop on a codec, network and batches that need no files."""

from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.dot_batches import INPUT_WH, NUM_KEYPOINTS, PREPARE, DotBatch, DotNet, dot_batch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from lib.codecs.base import Codec
from lib.codecs.udp import UdpGaussianCodec
from lib.core import inference
from lib.core.finite import LossGuard
from lib.core.function import StepSettings, train_one_epoch, validate
from lib.core.hooks import Silence, StepReport
from lib.core.inference import forward_with_flip, predict
from lib.core.loss import HeatmapLoss
from lib.core.optim import Schedule
from lib.core.outputs import Outputs
from lib.core.precision import Precision
from lib.core.state import RunState
from lib.utils.errors import PoseError
from lib.utils.geometry import UdpCrop

PRECISION = Precision(torch.device("cpu"))


@pytest.fixture
def codec() -> Codec:
    size = (INPUT_WH[0] // 4, INPUT_WH[1] // 4)
    return UdpGaussianCodec(UdpCrop(INPUT_WH, size), (0, 2, 1), variant="original", decoder="argmax", sigma=1.0)


def _state(learning_rate: float = 0.1) -> RunState:
    torch.manual_seed(0)
    model = DotNet()
    return RunState(model, torch.optim.SGD(model.parameters(), learning_rate), PRECISION.scaler())


def _settings(**changes: object) -> StepSettings:
    values: dict[str, object] = {
        "prepare": PREPARE,
        "precision": PRECISION,
        "schedule": Schedule(0.1, (), 0.1),
        "accumulate": 1,
        "max_norm": 0.0,
        "check_every": 100,
        "save_every": 0,
        "image_ids": np.arange(100) + 500,
    }
    return StepSettings(**{**values, **changes})  # type: ignore[arg-type]


class _Recorder:
    def __init__(self) -> None:
        self.reports: list[StepReport] = []

    def after_step(self, report: StepReport) -> None:
        self.reports.append(report)


def _split(batch: DotBatch, size: int) -> list[DotBatch]:
    count = len(batch.index)
    return [DotBatch(*(field[start : start + size] for field in batch)) for start in range(0, count, size)]


def test_accumulated_batches_make_the_step_of_one_large_batch(codec: Codec, rng: np.random.Generator) -> None:
    whole = dot_batch(rng, list(range(8)))
    large, small = _state(), _state()
    train_one_epoch(large.model, codec, HeatmapLoss(), [whole], large, _settings(), Silence())
    train_one_epoch(small.model, codec, HeatmapLoss(), _split(whole, 2), small, _settings(accumulate=4), Silence())
    assert (large.updates, small.updates, small.step) == (1, 1, 4)
    for one, other in zip(large.model.parameters(), small.model.parameters(), strict=True):
        assert torch.allclose(one, other, atol=1e-7)
    assert large.measures.losses()["loss"] == pytest.approx(small.measures.losses()["loss"], rel=1e-6)


class _Twice(DotNet):
    """Answers twice: half as high at first."""

    def forward(self, images: Tensor) -> list[Tensor]:  # type: ignore[override]
        maps = super().forward(images)
        return [maps * 0.5, maps]


def test_networks_with_several_outputs(codec: Codec, rng: np.random.Generator) -> None:
    def both(outputs: Outputs, targets: Tensor, weights: Tensor) -> dict[str, Tensor]:
        if isinstance(outputs, Tensor):
            return HeatmapLoss()(outputs, targets, weights)
        return {str(i): HeatmapLoss()(one, targets, weights)["heatmap"] for i, one in enumerate(outputs)}

    batch, recorder = dot_batch(rng, [0, 1, 2]), _Recorder()
    torch.manual_seed(0)
    model = _Twice()
    images = PREPARE(batch.image)
    with torch.no_grad():
        expected = DotNet.forward(model, images)
    single = DotNet()
    single.load_state_dict(model.state_dict())
    for flip_test in (False, True):
        own, other = (
            validate(one, codec, both, [batch], PREPARE, PRECISION, flip_test=flip_test, listener=recorder)
            for one in (model, single)
        )
        assert own.loss == other.loss
        np.testing.assert_array_equal(own.predictions.image_keypoints, other.predictions.image_keypoints)
    state = RunState(model, torch.optim.SGD(model.parameters(), 0.1), PRECISION.scaler())
    train_one_epoch(model, codec, both, [batch], state, _settings(), recorder)
    assert set(state.measures.losses()) == {"loss", "loss_0", "loss_1"}
    assert torch.equal(recorder.reports[-1].outputs, expected)
    assert not any(report.outputs.requires_grad for report in recorder.reports)


def test_the_last_group_may_be_smaller(codec: Codec, rng: np.random.Generator) -> None:
    batches = _split(dot_batch(rng, list(range(10))), 2)
    state = _state()
    train_one_epoch(state.model, codec, HeatmapLoss(), batches, state, _settings(accumulate=3), Silence())
    assert (state.step, state.updates) == (5, 2)


def test_the_last_step_of_a_training_may_lie_within_an_epoch(codec: Codec, rng: np.random.Generator) -> None:
    batches = _split(dot_batch(rng, list(range(10))), 2)
    state, recorder = _state(), _Recorder()
    settings = _settings(accumulate=2, max_updates=2)
    for _ in range(2):  # the second time there is nothing to do
        train_one_epoch(state.model, codec, HeatmapLoss(), batches, state, settings, recorder)
        assert (state.step, state.updates) == (4, 2)
    assert [report.is_last for report in recorder.reports] == [False, False, False, True]
    whole = _Recorder()
    train_one_epoch(_state().model, codec, HeatmapLoss(), batches, _state(), _settings(), whole)
    assert [report.is_last for report in whole.reports] == [False] * 4 + [True]


def test_every_parameter_receives_a_finite_gradient(codec: Codec, rng: np.random.Generator) -> None:
    state = _state()
    before = [parameter.clone() for parameter in state.model.parameters()]
    train_one_epoch(state.model, codec, HeatmapLoss(), [dot_batch(rng, [0, 1])], state, _settings(), Silence())
    for old, new in zip(before, state.model.parameters(), strict=True):
        assert torch.isfinite(new).all()
        assert not torch.equal(old, new)


def test_clipping_bounds_the_step(codec: Codec, rng: np.random.Generator) -> None:
    state = _state()
    before = [parameter.clone() for parameter in state.model.parameters()]
    settings = _settings(max_norm=1e-3)
    train_one_epoch(state.model, codec, HeatmapLoss(), [dot_batch(rng, [0, 1])], state, settings, Silence())
    pairs = zip(before, state.model.parameters(), strict=True)
    moved = torch.cat([(new - old).detach().flatten() for old, new in pairs]).norm()
    assert float(moved) == pytest.approx(0.1 * 1e-3, rel=1e-3)


def test_listeners_see_every_batch_and_the_save_points(codec: Codec, rng: np.random.Generator) -> None:
    batches = _split(dot_batch(rng, list(range(8))), 1)
    state, recorder = _state(), _Recorder()
    settings = _settings(accumulate=2, save_every=2)
    train_one_epoch(state.model, codec, HeatmapLoss(), batches, state, settings, recorder)
    assert [report.step for report in recorder.reports] == list(range(1, 9))
    assert [report.step for report in recorder.reports if report.is_save_point] == [4, 8]
    assert not any(report.outputs.requires_grad for report in recorder.reports)


def test_inputs_are_not_changed(codec: Codec, rng: np.random.Generator) -> None:
    batch = dot_batch(rng, [0, 1])
    copies = [field.clone() for field in batch]
    state = _state()
    train_one_epoch(state.model, codec, HeatmapLoss(), [batch], state, _settings(), Silence())
    assert all(torch.equal(field, copy) for field, copy in zip(batch, copies, strict=True))


def test_a_loss_that_is_no_number_names_step_and_images(codec: Codec, rng: np.random.Generator) -> None:
    batches = _split(dot_batch(rng, list(range(6))), 2)

    def spoilt(outputs: Tensor, targets: Tensor, weights: Tensor) -> dict[str, Tensor]:
        terms = HeatmapLoss()(outputs, targets, weights)
        factor = float("nan") if state.step == 1 else 1.0
        return {name: value * factor for name, value in terms.items()}

    state = _state()
    state.epoch = 7
    with pytest.raises(PoseError, match=r"nan in epoch 7, step 2 \(images \[502, 503\]\)"):
        train_one_epoch(state.model, codec, spoilt, batches, state, _settings(), Silence())


def test_the_guard_is_silent_about_finite_losses() -> None:
    guard = LossGuard(0, np.arange(3))
    guard.check()
    guard.add(1, torch.tensor(1.0), torch.tensor([0]))
    guard.check()
    guard.add(2, torch.tensor(float("inf")), torch.tensor([2]))
    with pytest.raises(PoseError, match="inf"):
        guard.check()
    guard.check()


def test_the_flip_test_is_one_batch_and_the_mean_of_two(codec: Codec, rng: np.random.Generator) -> None:
    model = DotNet().eval()
    images = PREPARE(dot_batch(rng, [0, 1, 2]).image)
    with torch.no_grad():
        both = forward_with_flip(model, codec, images, PRECISION)
        assert model.calls == [6]
        expected = (model(images) + codec.flip_back(model(images.flip(-1)))) / 2
    assert torch.allclose(both, expected, atol=1e-6)


def test_predictions_are_in_the_order_of_the_records(codec: Codec, rng: np.random.Generator) -> None:
    batches = [dot_batch(rng, [4, 1]), dot_batch(rng, [0])]
    model = DotNet()
    predictions = predict(model, codec, batches, PREPARE, flip_test=False)
    assert predictions.index.tolist() == [0, 1, 4]
    assert predictions.with_scores().shape == (3, NUM_KEYPOINTS, 3)
    alone = predict(model, codec, batches[1:], PREPARE, flip_test=False)
    np.testing.assert_allclose(predictions.image_keypoints[0], alone.image_keypoints[0], atol=1e-4)


@pytest.mark.parametrize("fetch_every", [1, 3, 16])
def test_when_results_are_fetched_changes_nothing(
    codec: Codec, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch, fetch_every: int
) -> None:
    batches = [dot_batch(rng, [2 * index + 1, 2 * index]) for index in range(20)]
    model = DotNet()
    one_by_one = [predict(model, codec, [batch], PREPARE, flip_test=True) for batch in batches]
    monkeypatch.setattr(inference, "FETCH_EVERY", fetch_every)
    together = predict(model, codec, batches, PREPARE, flip_test=True)
    assert together.index.tolist() == list(range(40))
    np.testing.assert_array_equal(together.with_scores(), np.concatenate([part.with_scores() for part in one_by_one]))


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="counts open files in /proc")
def test_batches_of_workers_do_not_keep_files_open(codec: Codec, rng: np.random.Generator) -> None:
    batches = [dot_batch(rng, [index]) for index in range(30)]
    counts = []

    def count_files(*_: object) -> None:
        counts.append(len(list(Path("/proc/self/fd").iterdir())))

    loader = DataLoader(_Listed(batches), batch_size=None, num_workers=1, prefetch_factor=1)
    predict(DotNet(), codec, loader, PREPARE, flip_test=False, watch=count_files)
    guard = LossGuard(0, np.arange(30))
    for step, batch in enumerate(loader):
        guard.add(step, torch.tensor(1.0), batch.index)
        count_files()
    assert len(counts) == 60
    assert max(counts) - min(counts) < 10, "tensors of worker processes hold a file each"


class _Listed(Dataset[DotBatch]):
    def __init__(self, batches: list[DotBatch]) -> None:
        self.batches = batches

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, index: int) -> DotBatch:
        return self.batches[index]


def test_no_record_is_no_error(codec: Codec) -> None:
    assert predict(DotNet(), codec, [], PREPARE, flip_test=True).image_keypoints.shape == (0, NUM_KEYPOINTS, 2)


def test_outputs_that_are_no_numbers_name_their_records(codec: Codec, rng: np.random.Generator) -> None:
    model = DotNet()
    with torch.no_grad():
        model.second.bias.fill_(float("nan"))
    with pytest.raises(PoseError, match=r"records \[3, 5\]"):
        predict(model, codec, [dot_batch(rng, [3, 5])], PREPARE, flip_test=False)


@pytest.mark.parametrize("faulty", [2, 17, 19])
def test_a_record_without_numbers_is_named_wherever_it_is(codec: Codec, rng: np.random.Generator, faulty: int) -> None:
    class Failing(DotNet):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            maps = super().forward(images)
            maps[1] += float("nan") if len(self.calls) == faulty + 1 else 0.0
            return maps

    batches = [dot_batch(rng, [2 * index, 2 * index + 1]) for index in range(20)]
    with pytest.raises(PoseError, match=rf"records \[{2 * faulty + 1}\]"):
        predict(Failing(), codec, batches, PREPARE, flip_test=False)


def test_validation_leaves_records_without_targets_out(codec: Codec, rng: np.random.Generator) -> None:
    batches = [dot_batch(rng, [0, 1]), dot_batch(rng, [2, 3], visible=0.0)]
    model, options = DotNet(), {"flip_test": False}
    mixed = validate(model, codec, HeatmapLoss(), batches, PREPARE, PRECISION, **options)
    first = validate(model, codec, HeatmapLoss(), batches[:1], PREPARE, PRECISION, **options)
    none = validate(model, codec, HeatmapLoss(), batches[1:], PREPARE, PRECISION, **options)
    assert mixed.loss == pytest.approx(first.loss)
    assert mixed.pck.mean == first.pck.mean
    assert np.isnan(none.loss)
    assert str(none.pck) == "n/a"

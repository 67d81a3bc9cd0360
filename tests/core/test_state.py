import torch
from torch import nn

from lib.core.ema import AverageModel
from lib.core.state import RunState


def _state() -> RunState:
    torch.manual_seed(0)
    model = nn.Linear(2, 1)
    optimizer = torch.optim.Adam(model.parameters(), 0.1)
    return RunState(model, optimizer, torch.amp.GradScaler("cpu", enabled=False), AverageModel(model, 0.9))


def test_the_first_score_is_the_best_and_equal_ones_are_not() -> None:
    state = _state()
    assert state.is_best(-1.0)
    state.epoch = 3
    assert not state.is_best(-1.0)
    assert not state.is_best(float("nan"))
    assert state.is_best(0.5)
    assert (state.best_score, state.best_epoch) == (0.5, 3)


def test_a_best_by_another_figure_is_forgotten() -> None:
    state = _state()
    state.judge_by("Mean@0.5")
    state.is_best(88.0)
    assert not state.judge_by("Mean@0.5")
    assert state.best_score == 88.0
    assert state.judge_by("AP")
    assert (state.best_score, state.best_epoch) == (None, None)
    assert state.is_best(0.7)
    stored = state.state_dict()
    del stored["criterion"]  # as in checkpoints from when there was only AP
    other = _state()
    other.load_state_dict(stored)
    assert not other.judge_by("AP")
    assert other.best_score == 0.7


def test_a_state_survives_being_saved_as_plain_data(tmp_path: object) -> None:
    state = _state()
    state.model(torch.ones(1, 2)).sum().backward()
    state.optimizer.step()
    assert state.average is not None
    state.average.update(state.model, 1)
    state.epoch, state.step, state.updates = 4, 2, 9
    state.history.append({"epoch": 0, "AP": None})
    state.is_best(0.25)
    torch.save(state.state_dict(), f"{tmp_path}/state.pth")

    other = _state()
    other.load_state_dict(torch.load(f"{tmp_path}/state.pth", weights_only=True))
    assert (other.epoch, other.step, other.updates, other.best_score, other.best_epoch) == (4, 2, 9, 0.25, 4)
    assert other.history == state.history
    assert other.average is not None
    assert torch.equal(other.average.module.weight, state.average.module.weight)
    own, theirs = state.optimizer.state_dict()["state"][0], other.optimizer.state_dict()["state"][0]
    assert torch.equal(own["exp_avg"], theirs["exp_avg"])


def test_a_continued_optimiser_keeps_its_new_options_and_its_last_rate() -> None:
    model = nn.Linear(2, 1)
    earlier = RunState(model, torch.optim.SGD(model.parameters(), 0.1, weight_decay=0.5), _state().scaler)
    state = RunState(model, torch.optim.SGD(model.parameters(), 0.7, weight_decay=0.25), _state().scaler)
    state.load_state_dict(earlier.state_dict())
    (group,) = state.optimizer.param_groups
    assert (group["weight_decay"], group["lr"]) == (0.25, 0.1)


def test_finishing_an_epoch_starts_its_measures_anew() -> None:
    state = _state()
    state.step = 7
    state.measures.add_loss({"heatmaps": torch.tensor(1.0)}, 4)
    state.finish_epoch()
    assert (state.epoch, state.step, state.measures.losses()) == (1, 0, {})

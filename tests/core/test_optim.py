import warnings

import pytest
import torch
from torch import nn

from lib.core.optim import Schedule, build_optimizer
from lib.utils.errors import PoseError


def _build(name: str, **changes: float) -> torch.optim.Optimizer:
    settings = {"weight_decay": 0.1, "adam_weight_decay": 0.0, "momentum": 0.9, "nesterov": False, **changes}
    return build_optimizer(name, [("weight", nn.Parameter(torch.ones(2)))], 0.01, **settings)  # type: ignore[arg-type]


def test_adam_goes_without_weight_decay_unless_its_own_key_asks() -> None:
    assert _build("adam").param_groups[0]["weight_decay"] == 0
    assert _build("adam", adam_weight_decay=0.2).param_groups[0]["weight_decay"] == 0.2
    assert _build("AdamW").param_groups[0]["weight_decay"] == 0.1
    sgd = _build("sgd", nesterov=True).param_groups[0]
    assert (sgd["weight_decay"], sgd["momentum"], sgd["nesterov"]) == (0.1, 0.9, True)
    muon = _build("muon", momentum=0.7).param_groups[0]
    assert (muon["weight_decay"], muon["momentum"]) == (0.1, 0.7)


def test_unknown_optimisers_and_nesterov_without_momentum_are_refused() -> None:
    with pytest.raises(PoseError, match="adam, adamw, muon or sgd"):
        _build("rmsprop")
    with pytest.raises(PoseError, match=r"TRAIN\.MOMENTUM"):
        _build("sgd", nesterov=True, momentum=0.0)


def test_parameters_without_gradient_are_left_out() -> None:
    fixed = nn.Parameter(torch.ones(1), requires_grad=False)
    optimizer = build_optimizer(
        "sgd",
        [("fixed", fixed), ("weight", nn.Parameter(torch.ones(1)))],
        0.1,
        weight_decay=0,
        adam_weight_decay=0,
        momentum=0,
        nesterov=False,
    )
    assert len(optimizer.param_groups[0]["params"]) == 1


class _Biased(nn.Module):
    """Two matrices, of which one is a table of biases, and a vector."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer = nn.Linear(3, 2)
        self.bias_table = nn.Parameter(torch.randn(4, 2))


@pytest.mark.parametrize("name", ["adam", "adamw", "muon", "sgd"])
def test_named_parameters_have_no_weight_decay(name: str) -> None:
    """With gradients of zero only the weight decay changes a parameter."""
    model = _Biased()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    settings = {"weight_decay": 0.5, "adam_weight_decay": 0.5, "momentum": 0.9, "nesterov": False}
    optimizer = build_optimizer(name, model.named_parameters(), 0.1, no_decay=["table"], **settings)  # type: ignore[arg-type]
    Schedule(0.2, (), 0.1).apply(optimizer, 0, 0)
    assert {group["lr"] for group in optimizer.param_groups} == {0.2}
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    assert torch.equal(model.bias_table.detach(), before["bias_table"])
    assert not torch.equal(model.layer.weight.detach(), before["layer.weight"])


def test_a_name_part_that_matches_nothing_is_refused() -> None:
    model = _Biased()
    settings = {"weight_decay": 0.5, "adam_weight_decay": 0.5, "momentum": 0.9, "nesterov": False}
    with pytest.raises(PoseError, match=r"TRAIN\.NO_DECAY names 'tabel', which is part of no parameter's name"):
        build_optimizer("adamw", model.named_parameters(), 0.1, no_decay=["bias", "tabel"], **settings)  # type: ignore[arg-type]
    model.bias_table.requires_grad_(False)
    optimizer = build_optimizer("adamw", model.named_parameters(), 0.1, no_decay=["table"], **settings)  # type: ignore[arg-type]
    assert [len(group["params"]) for group in optimizer.param_groups] == [2]


def test_drops_are_those_of_multi_step_lr() -> None:
    schedule = Schedule(0.001, (3, 5), 0.1)
    optimizer = _build("adam")
    optimizer.param_groups[0]["lr"] = optimizer.param_groups[0]["initial_lr"] = 0.001
    published = torch.optim.lr_scheduler.MultiStepLR(optimizer, [5, 3], 0.1)
    for epoch in range(8):
        assert schedule.rate_at(epoch, 10) == pytest.approx(published.get_last_lr()[0])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            published.step()


def test_a_linear_schedule_falls_to_zero_at_the_end() -> None:
    schedule = Schedule(1.0, (2,), 0.1, warmup_steps=10, warmup_factor=0.0, line=(2, 6))
    places = (2, 0, 0.0), (2, 10, 0.0), (3, 25, 0.5), (5, 75, 0.9), (6, 80, 0.0), (9, 90, 0.0)
    assert [schedule.rate_at(*place) for place in places] == pytest.approx([0.0, 1.0, 0.625, 0.025, 0.0, 0.0])
    assert Schedule(1.0, (), 0.1, line=(5, 5)).rate_at(5, 0) == 0.0


def test_warm_up_rises_linearly() -> None:
    schedule = Schedule(1.0, (), 0.1, warmup_steps=500, warmup_factor=0.001)
    assert schedule.rate_at(0, 0) == pytest.approx(0.001)
    assert schedule.rate_at(0, 250) == pytest.approx(0.5005)
    assert schedule.rate_at(0, 500) == 1.0
    optimizer = _build("adam")
    assert schedule.apply(optimizer, 0, 0) == optimizer.param_groups[0]["lr"] == pytest.approx(0.001)


def test_a_line_by_steps_is_rsns() -> None:
    """Published: a factor from 0.1 to 1 in 2,400 steps, then a line from there to 0 at 96,000."""
    schedule = Schedule(0.004, (), 0.1, warmup_steps=2400, warmup_factor=0.1, line_end=96000)

    def published(step: int) -> float:
        if step < 2400:
            return 0.1 + 0.9 * step / 2400
        return 1 - (step - 2400) / (96000 - 2400)

    for step in (0, 1, 1200, 2399, 2400, 2401, 50000, 95999, 96000):
        assert schedule.rate_at(7, step, 0.3) == pytest.approx(0.004 * published(step), abs=1e-15)
    assert schedule.rate_at(0, 96001) == 0.0

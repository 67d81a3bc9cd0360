import torch
from torch import nn

from lib.core.ema import AverageModel


def test_the_average_follows_the_weights_and_copies_the_buffers() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    average = AverageModel(model, 0.9)
    start = average.module[0].weight.clone()
    with torch.no_grad():
        model[0].weight.add_(1.0)
        model[1].running_mean.fill_(5.0)
    average.update(model, updates=1000)
    assert torch.allclose(average.module[0].weight, start + 0.1)
    assert torch.equal(average.module[1].running_mean, model[1].running_mean)
    assert not average.module.training
    assert not any(parameter.requires_grad for parameter in average.module.parameters())


def test_the_first_updates_forget_the_start() -> None:
    model = nn.Linear(1, 1)
    average = AverageModel(model, 0.9999)
    start = average.module.weight.clone()
    with torch.no_grad():
        model.weight.add_(1.0)
    average.update(model, updates=1)
    assert torch.allclose(average.module.weight, start + (1 - 2 / 11))

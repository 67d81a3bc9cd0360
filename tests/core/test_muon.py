import numpy as np
import pytest
import torch
from torch import nn

from lib.core.muon import Muon, orthogonalize


@pytest.mark.parametrize("shape", [(1, 16, 144), (3, 64, 16), (2, 32, 32), (1, 1, 9)])
def test_singular_values_come_near_one_and_vectors_stay(shape: tuple[int, int, int]) -> None:
    matrices = torch.randn(shape, generator=torch.Generator().manual_seed(3))
    result = orthogonalize(matrices)
    assert result.shape == shape
    for before, after in zip(matrices.double().numpy(), result.double().numpy(), strict=True):
        left, values, right = np.linalg.svd(before, full_matrices=False)
        scaled = left.T @ after @ right.T
        kept = values > 0.003 * np.linalg.norm(before)
        assert np.abs(scaled - np.diag(np.diag(scaled))).max() < 1e-4
        assert np.all((np.diag(scaled)[kept] > 0.68) & (np.diag(scaled)[kept] < 1.21))


def test_rounds_on_the_square_equal_rounds_on_the_matrix() -> None:
    matrix = torch.randn(24, 200, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    plain = matrix / matrix.norm()
    for _ in range(5):
        square = plain @ plain.T
        plain = 3.4445 * plain - 4.7750 * square @ plain + 2.0315 * square @ square @ plain
    torch.testing.assert_close(orthogonalize(matrix.float()[None])[0], plain.float(), atol=1e-5, rtol=0)


def test_a_zero_matrix_stays_zero() -> None:
    assert torch.equal(orthogonalize(torch.zeros(1, 4, 6)), torch.zeros(1, 4, 6))


def test_vectors_are_optimised_as_by_adam() -> None:
    ours, theirs = (nn.Parameter(torch.tensor([1.0, -2.0, 3.0])) for _ in range(2))
    muon, adam = Muon([ours], 0.1), torch.optim.Adam([theirs], 0.1)
    for step in range(5):
        for parameter, optimizer in ((ours, muon), (theirs, adam)):
            parameter.grad = torch.sin(parameter.detach() * (step + 1))
            optimizer.step()
    torch.testing.assert_close(ours, theirs)


def test_parameters_without_gradient_wait_and_then_start_like_the_others() -> None:
    late, early = nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(2))
    matrix = nn.Parameter(torch.ones(2, 2))
    optimizer = Muon([late, early, matrix], 0.1)
    early.grad = torch.ones(2)
    for _ in range(3):
        optimizer.step()
    assert torch.equal(late.detach(), torch.ones(2))
    assert torch.equal(matrix.detach(), torch.ones(2, 2))
    torch.testing.assert_close(early.detach(), torch.full((2,), 0.7))
    late.grad = torch.ones(2)
    optimizer.step()
    torch.testing.assert_close(late.detach(), torch.full((2,), 0.9))
    torch.testing.assert_close(early.detach(), torch.full((2,), 0.6))


def test_weight_decay_shrinks_matrices_only() -> None:
    matrix, vector = nn.Parameter(torch.ones(2, 2)), nn.Parameter(torch.ones(2))
    optimizer = Muon([matrix, vector], 0.1, weight_decay=0.5)
    matrix.grad, vector.grad = torch.zeros(2, 2), torch.zeros(2)
    optimizer.step()
    torch.testing.assert_close(matrix.detach(), torch.full((2, 2), 0.95))
    assert torch.equal(vector.detach(), torch.ones(2))


def test_steps_are_as_large_as_adams() -> None:
    matrix = nn.Parameter(torch.zeros(16, 3, 3, 3))
    matrix.grad = torch.randn(matrix.shape, generator=torch.Generator().manual_seed(5))
    Muon([matrix], 0.01).step()
    assert matrix.detach().square().mean().sqrt().item() == pytest.approx(0.2 * 0.01, rel=0.2)


def test_a_restored_state_continues_equally() -> None:
    def network() -> nn.Module:
        torch.manual_seed(0)
        return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Conv2d(4, 2, 1))

    def train(model: nn.Module, optimizer: torch.optim.Optimizer, steps: range) -> None:
        for step in steps:
            images = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(step))
            optimizer.zero_grad()
            model(images).square().mean().backward()
            optimizer.step()

    straight, first, second = network(), network(), network()
    train(straight, Muon(straight.parameters(), 0.01), range(4))
    optimizer = Muon(first.parameters(), 0.01)
    train(first, optimizer, range(2))
    second.load_state_dict(first.state_dict())
    restored = Muon(second.parameters(), 0.01)
    restored.load_state_dict(optimizer.state_dict())
    train(second, restored, range(2, 4))
    for one, other in zip(straight.parameters(), second.parameters(), strict=True):
        assert torch.equal(one, other)

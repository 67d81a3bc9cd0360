"""Window attention against a slow version, on maps that fill their windows and on maps that do not."""

import numpy as np
import pytest
import torch
from reference.window_attention_loops import Layer, window_attention
from torch import Tensor, nn

from lib.models.window_attention import RelativeAttention, WindowAttention, relative_positions, split_padding


def attention(channels: int, num_heads: int, window: int, *, with_bias: bool) -> WindowAttention:
    """With random values everywhere, those of the table large enough to be seen."""
    module = WindowAttention(channels, num_heads, window, with_bias=with_bias).eval()
    for value in module.parameters():
        nn.init.normal_(value.data, std=0.5)
    return module


def reference(module: WindowAttention, x: Tensor) -> Tensor:
    def layer(projection: nn.Linear) -> Layer:
        return projection.weight.detach().double().numpy(), projection.bias.detach().double().numpy()

    inner = module.attn
    layers = [layer(projection) for projection in (inner.q_proj, inner.k_proj, inner.v_proj, inner.out_proj)]
    table = inner.relative_position_bias_table.detach().double().numpy() if inner.with_bias else None
    options = {"window": module.window, "num_heads": inner.num_heads, "table": table}
    return torch.from_numpy(np.stack([window_attention(image, *layers, **options) for image in x.double().numpy()]))


@pytest.mark.parametrize("with_bias", [False, True])
@pytest.mark.parametrize(
    ("height", "width", "window", "num_heads"), [(7, 7, 7, 1), (8, 6, 7, 2), (5, 9, 3, 4), (4, 7, 4, 2), (1, 2, 7, 1)]
)
def test_equals_the_slow_version(height: int, width: int, window: int, num_heads: int, with_bias: bool) -> None:
    module = attention(8, num_heads, window, with_bias=with_bias)
    x = torch.randn(2, height, width, 8)
    with torch.inference_mode():
        found = module(x)
    torch.testing.assert_close(found.double(), reference(module, x), rtol=1e-4, atol=1e-5)


def test_only_the_bias_distinguishes_both_kinds() -> None:
    with_bias = attention(8, 2, 3, with_bias=True)
    without = attention(8, 2, 3, with_bias=False)
    without.load_state_dict(with_bias.state_dict())
    x = torch.randn(1, 6, 6, 8)
    assert not torch.allclose(with_bias(x), without(x))
    nn.init.zeros_(with_bias.attn.relative_position_bias_table)
    torch.testing.assert_close(with_bias(x), without(x))


@pytest.mark.parametrize("with_bias", [False, True])
def test_the_table_is_trained_only_where_it_is_used(with_bias: bool) -> None:
    module = attention(8, 2, 3, with_bias=with_bias).train()
    module(torch.randn(2, 4, 5, 8)).square().sum().backward()
    for name, parameter in module.named_parameters():
        is_used = with_bias or not name.endswith("table")
        assert parameter.requires_grad == is_used, name
        assert (parameter.grad is not None and bool(parameter.grad.isfinite().all())) == is_used, name


def test_gradients_are_those_of_float64() -> None:
    module = attention(4, 2, 3, with_bias=True).double()
    x = torch.randn(1, 4, 2, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(module, (x,))


def test_positions_are_counted_from_the_key() -> None:
    rows = relative_positions(7)
    assert rows.shape == (49, 49)
    assert (rows.diagonal() == 84).all()
    assert rows[0, 48] == 0
    assert rows[48, 0] == 168
    assert rows[1, 0] == 85  # the query one token to the right of its key
    assert rows[7, 0] == 97  # one below


@pytest.mark.parametrize(("length", "expected"), [(7, (0, 0)), (48, (0, 1)), (64, (3, 3)), (12, (1, 1)), (72, (2, 3))])
def test_padding_is_centred(length: int, expected: tuple[int, int]) -> None:
    assert split_padding(length, 7) == expected


def test_input_is_not_changed() -> None:
    x = torch.randn(1, 5, 5, 8)
    before = x.clone()
    attention(8, 2, 3, with_bias=True)(x)
    assert torch.equal(x, before)


def test_bias_follows_the_precision_of_the_tokens() -> None:
    module = RelativeAttention(8, 2, 3, with_bias=True)
    windows = torch.randn(4, 9, 8)
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        found = module(windows)
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.float(), module(windows), rtol=0.05, atol=0.05)

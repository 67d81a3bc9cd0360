"""Self-attention within windows, as in HRFormer.

Yuan et al., HRFormer: High-Resolution Transformer for Dense Prediction, NeurIPS 2021, section 3.1. Parameter names are
those of its published code.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

# Standard deviation of the relative position biases' initial values.
BIAS_STD = 0.02


class RelativeAttention(nn.Module):
    """Attention of several heads between the tokens of a window, with or without a bias by relative position.

    Args:
        channels: channels of the tokens, a multiple of `num_heads`.
        num_heads: heads.
        window: side of the square windows, tokens.
        with_bias: add the relative position bias to the attention's logits.

    HRFormer's published pose code computes the bias and then does not add it, mmpose's adds it. Without it the table
    is still an entry of the state dict, as published, but is not trained: no gradient reaches it, and parameters that
    wait for one in vain stop DistributedDataParallel.
    """

    relative_position_index: Tensor

    def __init__(self, channels: int, num_heads: int, window: int, *, with_bias: bool) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.with_bias = with_bias
        self.relative_position_bias_table = nn.Parameter(
            torch.zeros((2 * window - 1) ** 2, num_heads), requires_grad=with_bias
        )
        self.register_buffer("relative_position_index", relative_positions(window))
        self.k_proj = nn.Linear(channels, channels)
        self.v_proj = nn.Linear(channels, channels)
        self.q_proj = nn.Linear(channels, channels)
        self.out_proj = nn.Linear(channels, channels)
        nn.init.trunc_normal_(self.relative_position_bias_table, std=BIAS_STD)

    def forward(self, windows: Tensor) -> Tensor:
        """Tokens (N, window², C) of N windows -> what each attends to, the same shape, before `out_proj`."""
        query, key, value = (self._split(project(windows)) for project in (self.q_proj, self.k_proj, self.v_proj))
        attended = functional.scaled_dot_product_attention(query, key, value, attn_mask=self._bias(query.dtype))
        return attended.transpose(1, 2).flatten(2)

    def _split(self, tokens: Tensor) -> Tensor:
        """(N, L, C) -> (N, heads, L, C / heads)."""
        return tokens.unflatten(2, (self.num_heads, -1)).transpose(1, 2)

    def _bias(self, dtype: torch.dtype) -> Tensor | None:
        """What is added to the logits, (1, heads, L, L): PyTorch's fused CPU kernel does not take three dimensions."""
        if not self.with_bias:
            return None
        bias = self.relative_position_bias_table[self.relative_position_index]
        return bias.permute(2, 0, 1).unsqueeze(0).to(dtype)


class WindowAttention(nn.Module):
    """Attention within windows that tile a map; the map is padded with zeros around its centre to whole windows.

    Args:
        channels, num_heads, window, with_bias: as in `RelativeAttention`.

    Padded tokens take part like all others, as published: their keys and values are the projections' biases.
    """

    def __init__(self, channels: int, num_heads: int, window: int, *, with_bias: bool) -> None:
        super().__init__()
        self.window = window
        self.attn = RelativeAttention(channels, num_heads, window, with_bias=with_bias)

    def forward(self, x: Tensor) -> Tensor:
        """(B, H, W, C) -> (B, H, W, C)."""
        height, width, channels = x.shape[1:]
        side = self.window
        above, below = split_padding(height, side)
        left, right = split_padding(width, side)
        padded = functional.pad(x, (0, 0, left, right, above, below)) if above + below + left + right else x
        rows, columns = padded.shape[1] // side, padded.shape[2] // side

        tiles = padded.reshape(-1, rows, side, columns, side, channels).transpose(2, 3)
        attended = self.attn(tiles.reshape(-1, side * side, channels))
        tiles = attended.reshape(-1, rows, columns, side, side, channels).transpose(2, 3)
        merged = tiles.reshape(-1, rows * side, columns * side, channels)
        # Each token is projected for itself, so those that were padded need not be.
        return self.attn.out_proj(merged[:, above : above + height, left : left + width])


def split_padding(length: int, side: int) -> tuple[int, int]:
    """Tokens to add before and after `length` of them for a multiple of `side`; an odd one comes after."""
    missing = -length % side
    return missing // 2, missing - missing // 2


def relative_positions(window: int) -> Tensor:
    """The row of the bias table for each pair of a window's tokens (query, key), (window², window²), int64.

    Row (dy + window - 1) * (2 * window - 1) + (dx + window - 1) belongs to a query that lies (dx, dy) from its key.
    """
    places = torch.arange(window)
    offsets = places[:, None] - places[None, :] + window - 1
    rows = offsets[:, None, :, None] * (2 * window - 1) + offsets[None, :, None, :]
    return rows.reshape(window**2, window**2)

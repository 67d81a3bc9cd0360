"""Decoders of our own that invert the encoders everywhere on the input, its corners and borders included.

The published ones need several pixels on every side of a peak and err by several input pixels at the border. Both
decoders here use whatever pixels there are, take many of them so that the noise of real outputs averages out, and
can only move a limited way from the arg-max.
"""

import math

import torch
from torch import Tensor

from lib.codecs.peaks import Peaks
from lib.codecs.tracing import solve_positive
from lib.utils.constants import constant
from lib.utils.geometry import precise

# The largest move from the arg-max on each axis, heatmap pixels. Half a pixel is the rounding of a point inside the
# map, less than one reaches the input's edge beyond the outermost pixel centres, and noise can move an arg-max by one.
MAX_SHIFT = 1.5
# Strength of the belief that a peak has the target's width, against the weight 1 of the pixel at the peak, and how
# much wider it may be at most. Both matter only where noise has left too few pixels to tell.
WIDTH_BELIEF = 0.1
MAX_WIDENING = 2.0
# Keeps the fit solvable when the peak is a single positive pixel; moves a point by less than 1e-6 pixels.
SLOPE_BELIEF = 1e-6


def fit_shift(maps: Tensor, peaks: Peaks, sigma: float) -> Tensor:
    """Fit a Gaussian to the pixels around each peak and return where its middle is.

    Args:
        maps: (B, K, h, w), float32.
        peaks: their arg-max.
        sigma: width of the Gaussian that the network learnt, heatmap pixels.

    Returns:
        shifts (x, y) from the peaks, (B, K, 2), float32, at most MAX_SHIFT; NaN where the map has NaN.

    The logarithm of a Gaussian is a quadratic, so weighted least squares for
    log f = a + bx dx + by dy + cx dx^2 + cy dy^2 over the pixels within 1.5 sigma that lie on the map finds it in one
    step, also where there are pixels on one side only. The weight f^2 undoes what the logarithm does to the noise
    (Guo 2011, "A simple algorithm for fitting a Gaussian function").
    """
    steps = _window(math.ceil(1.5 * sigma), maps.device)
    values, on_map = _around(maps[:, :, None], peaks.x, peaks.y, steps)
    ratio = precise(values[:, :, 0]) / peaks.scores[..., None]
    usable = on_map & ~(ratio <= 0)  # NaN stays in, to come out as NaN
    ratio = torch.where(usable, ratio, 1.0)
    weights = torch.where(usable, ratio * ratio, 0.0)

    dx, dy = precise(steps).unbind(-1)
    terms = torch.stack([torch.ones_like(dx), dx, dy, dx * dx, dy * dy], dim=-1)
    curvature = -0.5 / sigma**2
    belief = constant((0.0, SLOPE_BELIEF, SLOPE_BELIEF, WIDTH_BELIEF, WIDTH_BELIEF), terms.dtype, terms.device)
    expected = constant((0.0, 0.0, 0.0, curvature, curvature), terms.dtype, terms.device)
    products = (terms[:, :, None] * terms[:, None, :]).flatten(1)
    matrix = (weights @ products).unflatten(-1, (5, 5)) + torch.diag(belief)
    right_side = (weights * torch.log(ratio)) @ terms + belief * expected
    solution = solve_positive(matrix, right_side)
    slopes, curvatures = solution[..., 1:3], solution[..., 3:].clamp(max=curvature / MAX_WIDENING**2)
    return (-0.5 * slopes / curvatures).clamp(-MAX_SHIFT, MAX_SHIFT).to(torch.float32)


def vote_shift(maps: Tensor, peaks: Peaks, radius: float) -> Tensor:
    """Let the pixels around each peak of the mask vote for the point that their offsets lead to.

    Args:
        maps: mask and x and y offsets in units of `radius`, (B, K, 3, h, w), float32.
        peaks: arg-max of the mask.
        radius: of the disc that the network learnt, heatmap pixels.

    Returns:
        shifts (x, y) from the peaks, (B, K, 2), float32; NaN where the maps have NaN.

    On targets every pixel of the disc votes for the same point. The arg-max of a real mask can be anywhere on its
    plateau, so a second vote is held around the result of the first. Votes count by how far the mask is above half its
    peak: lower pixels lie outside the disc, where a network has not learnt offsets.
    """
    steps = _window(math.ceil(radius), maps.device)
    x, y = peaks.x, peaks.y
    size_wh = constant((maps.shape[-1], maps.shape[-2]), torch.int64, maps.device)
    for _ in range(2):
        values, on_map = _around(maps, x, y, steps)
        share = values[:, :, 0] / peaks.scores[..., None]
        weights = torch.where(on_map, (share - 0.5).clamp(min=0), 0.0)
        # Offsets of the target never leave [-1, 1]; this bounds what a wrong one can do.
        votes = steps + values[:, :, 1:].clamp(-1, 1).transpose(-1, -2) * radius
        mean = (weights[..., None] * votes).sum(dim=-2) / weights.sum(dim=-1, keepdim=True)
        points = torch.stack([x, y], dim=-1) + mean
        nearest = torch.nan_to_num(points).round().long().clamp(min=0)
        x, y = torch.minimum(nearest, size_wh - 1).unbind(-1)
    return points - peaks.points


def _window(radius: int, device: torch.device) -> Tensor:
    """The steps (dx, dy) of a square of 2 radius + 1 pixels, (M, 2), int64."""
    steps = torch.arange(-radius, radius + 1, device=device)
    return torch.stack(torch.meshgrid(steps, steps, indexing="xy"), dim=-1).flatten(0, 1)


def _around(maps: Tensor, x: Tensor, y: Tensor, steps: Tensor) -> tuple[Tensor, Tensor]:
    """Values at steps from pixels.

    Args:
        maps: (B, K, C, h, w).
        x, y: pixels, (B, K).
        steps: (M, 2).

    Returns:
        (B, K, C, M), with the nearest pixel's value beyond the border, and whether each lies on the map, (B, K, M).
    """
    height, width = maps.shape[-2:]
    columns, rows = x[..., None] + steps[:, 0], y[..., None] + steps[:, 1]
    on_map = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
    index = rows.clamp(0, height - 1) * width + columns.clamp(0, width - 1)
    return maps.flatten(-2).gather(-1, index[:, :, None].expand(-1, -1, maps.shape[2], -1)), on_map

"""The published ways to move an arg-max to a position between pixels.

Each function takes maps (B, K, h, w) and their peaks and returns shifts (x, y) in heatmap pixels, (B, K, 2), float32.
The arithmetic follows the published code in float32 or float64, as there: where a Hessian is nearly singular the
shift is huge there too, and it is not NaN or infinite more or less often than there.
"""

import torch
from torch import Tensor

from lib.codecs.blur import blur, blur_around
from lib.codecs.peaks import Peaks, sample_around
from lib.codecs.tracing import is_traced
from lib.utils.geometry import precise

_CROSS = [(1, 0), (-1, 0), (0, 1), (0, -1)]
# What a Newton step over one pixel reads, (x, y).
NEIGHBOURS = [(0, 0), *_CROSS, (1, 1), (-1, -1)]
# A blur of a constant map differs from it by this part of its value at most.
BLUR_ROUNDING = 1e-6
# DARK's floor under the logarithm, and UDP's range of it.
LOWEST = 1e-10
LOG_RANGE = (0.001, 50.0)
# What mmpose adds to UDP's second derivatives.
MMPOSE_EPSILON = torch.finfo(torch.float32).eps


def quarter_shift(maps: Tensor, peaks: Peaks, tolerance: float = 0.0) -> Tensor:
    """A quarter of a pixel towards the higher neighbour, on each axis; nothing in the outermost pixels.

    Neighbours that differ by up to `tolerance` of the peak count as equal.
    Source: HRNet lib/core/inference.py, get_final_preds. Its first column and row to refine is 2, its last w - 2.
    """
    right, left, below, above = sample_around(maps, peaks, _CROSS)
    rise = torch.stack([right - left, below - above], dim=-1)
    shift = torch.where(rise.abs() <= tolerance * peaks.scores[..., None], 0.0, torch.sign(rise) * 0.25)
    return torch.where(inside_map(peaks, maps, 2, 1)[..., None], shift, 0.0)


def dark_shift(maps: Tensor, peaks: Peaks, kernel: int) -> Tensor:
    """One Newton step on the logarithm of the blurred map, with derivatives over two pixels.

    Args:
        maps: (B, K, h, w).
        peaks: of the maps as they are.
        kernel: side of the blur, odd; the map is zero outside.

    Peaks within two pixels of the border or with a singular Hessian do not move.
    Source: DarkPose lib/core/inference.py, gaussian_blur and taylor; mmpose's _gaussian_blur and _taylor are the same.
    """
    inside = inside_map(peaks, maps, 2, 2)
    flat = maps.flatten(0, 1)[:, None]
    # Peaks near the border do not move, so any pixel will do for them (mmpose's (-1, -1) is not even on the map).
    x, y = peaks.x.clamp(min=0).flatten(), peaks.y.clamp(min=0).flatten()
    values = blur_around(flat, torch.arange(flat.shape[0], device=maps.device), x, y, kernel, 2, zero_border=True)[:, 0]
    # The published code stretches the blurred map to the old maximum. In the logarithm that is a constant which the
    # derivatives lose, unless a value is clipped; only then is the maximum worth finding.
    clipped = inside.flatten() & (values < LOWEST).flatten(1).any(dim=1)
    if is_traced():  # a graph cannot choose maps
        values = torch.where(clipped[:, None, None], values * _stretch(flat, kernel)[..., None], values)
    else:
        values[clipped] *= _stretch(flat[clipped], kernel)[..., None]
    logs = torch.log(values.clamp(min=LOWEST)).view(*peaks.x.shape, 5, 5)
    center = logs[..., 2, 2]
    gradient = torch.stack(
        [0.5 * (logs[..., 2, 3] - logs[..., 2, 1]), 0.5 * (logs[..., 3, 2] - logs[..., 1, 2])], dim=-1
    )
    dxx = 0.25 * (logs[..., 2, 4] - 2 * center + logs[..., 2, 0])
    dyy = 0.25 * (logs[..., 4, 2] - 2 * center + logs[..., 0, 2])
    dxy = 0.25 * (logs[..., 3, 3] - logs[..., 1, 3] - logs[..., 3, 1] + logs[..., 1, 1])
    shift = _newton_step(gradient, dxx, dxy, dyy)
    return torch.where(inside[..., None], shift, 0.0)


def _stretch(maps: Tensor, kernel: int) -> Tensor:
    """How much lower the blurred maps' maxima are, (N, 1)."""
    return maps.amax(dim=(-2, -1)) / blur(maps, kernel, zero_border=True).amax(dim=(-2, -1))


def udp_shift(maps: Tensor, peaks: Peaks, kernel: int, *, rescale: bool) -> Tensor:
    """One Newton step on the logarithm of the blurred map, with derivatives over one pixel and repeated borders.

    Args:
        maps: (B, K, h, w).
        peaks: of the maps as they are.
        kernel: side of the blur, odd; the map is mirrored outside.
        rescale: stretch the blurred map from 0 to the old maximum, and leave peaks with a singular Hessian where they
            are (UDP); otherwise take the blurred map as it is and add a tiny number to the Hessian (mmpose).

    Source: UDP lib/core/inference.py, post; mmpose 0.29 post_dark_udp.
    """
    blurred = blur(maps, kernel)
    values = torch.stack(sample_around(blurred, peaks, NEIGHBOURS, border=1))
    if rescale:
        low, high = blurred.amin(dim=-2).amin(dim=-1), blurred.amax(dim=-2).amax(dim=-1)
        # A constant map gives 0 / 0 in the published code; here rounding may have left it not quite constant.
        spread = torch.where(high - low <= BLUR_ROUNDING * high.abs(), torch.nan, high - low)
        values = (values - low) / spread * peaks.scores
    return log_newton_step(values, 0.0 if rescale else MMPOSE_EPSILON)


def log_newton_step(values: Tensor, epsilon: float) -> Tensor:
    """One Newton step on the logarithm of a map, with derivatives over one pixel.

    Args:
        values: of the peak, right, left, below, above, below right and above left of it, (7, ...).
        epsilon: added to the second derivatives.

    Returns:
        Shifts (x, y), (..., 2), float32; zero where the Hessian is singular.
    """
    logs = precise(torch.log(values.clamp(*LOG_RANGE)))
    center, right, left, below, above, down_right, up_left = logs.unbind(0)
    gradient = torch.stack([0.5 * (right - left), 0.5 * (below - above)], dim=-1)
    dxx = right - 2 * center + left
    dyy = below - 2 * center + above
    dxy = 0.5 * (down_right - right - below + 2 * center - left - above + up_left)
    return _newton_step(gradient, dxx + epsilon, dxy, dyy + epsilon)


def _newton_step(gradient: Tensor, dxx: Tensor, dxy: Tensor, dyy: Tensor) -> Tensor:
    """-H^-1 g, (B, K, 2), float32; zero where H is singular."""
    determinant = dxx * dyy - dxy * dxy
    step_x = dyy * gradient[..., 0] - dxy * gradient[..., 1]
    step_y = dxx * gradient[..., 1] - dxy * gradient[..., 0]
    step = -torch.stack([step_x, step_y], dim=-1) / determinant[..., None]
    return torch.where((determinant == 0)[..., None], 0.0, step).to(torch.float32)


def inside_map(peaks: Peaks, maps: Tensor, first: int, margin: int) -> Tensor:
    """Whether first <= p < size - margin on both axes, (B, K), bool."""
    height, width = maps.shape[-2:]
    in_x = (peaks.x >= first) & (peaks.x < width - margin)
    return in_x & (peaks.y >= first) & (peaks.y < height - margin)

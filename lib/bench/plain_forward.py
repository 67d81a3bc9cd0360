"""The network's part of a test as the published code does it: two passes, the mirroring on the CPU, pair by pair."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn


@torch.no_grad()
def plain_forward(model: nn.Module, images: Tensor, pairs: Sequence[tuple[int, int]], *, shift: bool) -> Tensor:
    """Heatmaps averaged with those of the mirrored images.

    Args:
        model: in evaluation mode, float32, NCHW.
        images: (B, 3, H, W), on the model's device.
        pairs: keypoints that change places in a mirrored image.
        shift: move the mirrored maps right by a pixel, as HRNet does.

    Returns:
        (B, K, h, w). After HRNet lib/core/function.py, validate.
    """
    heatmaps = model(images)
    mirrored_images = np.flip(images.cpu().numpy(), 3).copy()
    mirrored = model(torch.from_numpy(mirrored_images).to(images.device)).cpu().numpy()
    mirrored = mirrored[:, :, :, ::-1]
    for left, right in pairs:
        kept = mirrored[:, left].copy()
        mirrored[:, left] = mirrored[:, right]
        mirrored[:, right] = kept
    back = torch.from_numpy(mirrored.copy()).to(images.device)
    if shift:
        back[:, :, :, 1:] = back.clone()[:, :, :, :-1]
    return (heatmaps + back) * 0.5

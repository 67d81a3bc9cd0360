"""Heatmap PCK against a scalar form."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from lib.codecs.udp_offset import UdpOffsetCodec
from lib.core.pck import Pck, heatmap_pck, keypoint_pck
from lib.utils.geometry import UdpCrop


def scalar_pck(outputs: Tensor, targets: Tensor, threshold: float) -> tuple[list[int], list[int]]:
    """Counts of correct and of all keypoints per joint, one keypoint at a time."""

    def peak(heatmap: np.ndarray) -> tuple[int, int]:
        y, x = np.unravel_index(heatmap.argmax(), heatmap.shape)
        return (int(x), int(y)) if heatmap[y, x] > 0 else (0, 0)

    batch, joints, height, width = outputs.shape
    correct, total = [0] * joints, [0] * joints
    for sample in range(batch):
        for joint in range(joints):
            x, y = peak(outputs[sample, joint].numpy())
            true_x, true_y = peak(targets[sample, joint].numpy())
            if true_x > 1 and true_y > 1:
                total[joint] += 1
                distance = math.hypot((x - true_x) / (width / 10), (y - true_y) / (height / 10))
                correct[joint] += distance < threshold
    return correct, total


@pytest.mark.parametrize("threshold", [0.5, 1.5])
def test_equals_scalar_reference(threshold: float) -> None:
    outputs, targets = torch.randn(40, 6, 32, 24), torch.zeros(40, 6, 32, 24)
    for sample in range(40):
        for joint in range(5):  # the last joint never has a target
            y, x = np.random.default_rng(sample * 7 + joint).integers(0, (32, 24))
            targets[sample, joint, y, x] = 1.0
            near_y, near_x = min(y + joint, 31), max(x - 2 * joint, 0)
            outputs[sample, joint, near_y, near_x] = 9.0
    pck = heatmap_pck(outputs, targets, threshold)
    correct, total = scalar_pck(outputs, targets, threshold)
    assert 0 < sum(correct) < sum(total)
    assert pck.correct.tolist() == correct
    assert pck.total.tolist() == total
    assert pck.mean == pytest.approx(np.mean([c / t for c, t in zip(correct, total, strict=True) if t]))
    assert pck.per_joint[5].isnan()


def test_x_is_measured_by_the_width() -> None:
    truth, present = torch.tensor([[[30.0, 30.0]]]), torch.ones(1, 1, dtype=torch.bool)
    size_wh = (48, 96)  # half a tenth: 2.4 px in x, 4.8 px in y
    for offset, expected in (((2.3, 0), 1.0), ((2.5, 0), 0.0), ((0, 4.7), 1.0), ((0, 4.9), 0.0)):
        moved = truth + torch.tensor(offset)
        assert keypoint_pck(moved, truth, present, size_wh).mean == expected


def test_flat_discs_of_the_offset_encoding() -> None:
    crop = UdpCrop((192, 256), (48, 64))
    codec = UdpOffsetCodec(crop, range(4), variant="original", decoder="offset", radius=4.0)
    keypoints = torch.rand(16, 4, 2) * torch.tensor([120.0, 180.0]) + 35
    targets, _ = codec.encode(keypoints, torch.ones(16, 4))
    noisy = targets + 0.05 * torch.randn_like(targets)
    assert heatmap_pck(codec.score_maps(noisy), codec.score_maps(targets)).mean == 1.0


def test_no_target_is_not_available() -> None:
    pck = heatmap_pck(torch.rand(2, 3, 8, 8), torch.zeros(2, 3, 8, 8))
    assert pck.mean is None
    assert str(pck) == "n/a"


def test_batches_add_up() -> None:
    outputs, targets = torch.rand(8, 3, 16, 12), torch.rand(8, 3, 16, 12)
    whole = heatmap_pck(outputs, targets, 3.0)
    parts = heatmap_pck(outputs[:3], targets[:3], 3.0) + heatmap_pck(outputs[3:], targets[3:], 3.0)
    assert isinstance(parts, Pck)
    assert torch.equal(whole.correct, parts.correct)
    assert torch.equal(whole.total, parts.total)
    assert str(whole) == f"{whole.mean:.3f}"

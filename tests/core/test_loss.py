"""Losses against scalar loops, published values, and what training relies on."""

from pathlib import Path

import numpy as np
import pytest
import torch
from reference import loss_loops as loops
from torch import nn
from yacs.config import CfgNode

from lib.config import default_config
from lib.core import build_loss
from lib.core.loss import HardKeypointLoss, HeatmapLoss, OffsetLoss
from lib.utils.errors import PoseError

Arrays = tuple[np.ndarray, np.ndarray, np.ndarray]


def gaussian_case(rng: np.random.Generator, *, binary: bool = False) -> Arrays:
    weights = rng.choice([0.0, 1.0] if binary else [0.0, 1.0, 1.5], (3, 5))
    return rng.normal(0, 1, (3, 5, 8, 6)), rng.uniform(0, 1, (3, 5, 8, 6)), weights


def offset_case(rng: np.random.Generator) -> Arrays:
    target = rng.uniform(-1, 1, (3, 15, 8, 6))
    target[:, ::3] = rng.uniform(size=(3, 5, 8, 6)) < 0.3
    return rng.normal(0, 1.5, (3, 15, 8, 6)), target, rng.choice([0.0, 1.0, 1.5], (3, 5))


def terms(loss: nn.Module, case: Arrays) -> dict[str, float]:
    return {name: float(value) for name, value in loss(*(torch.from_numpy(array).float() for array in case)).items()}


def test_heatmap_loss(rng: np.random.Generator) -> None:
    case = gaussian_case(rng)
    assert terms(HeatmapLoss(), case) == {"heatmap": pytest.approx(loops.joints_mse(*case), rel=1e-5)}
    assert terms(HeatmapLoss(mmpose=True), case) == {"heatmap": pytest.approx(loops.joints_mse_mmpose(*case), rel=1e-5)}


def test_the_published_heatmap_losses_differ_by_a_factor_for_binary_weights(rng: np.random.Generator) -> None:
    case = gaussian_case(rng, binary=True)
    ratio = terms(HeatmapLoss(mmpose=True), case)["heatmap"] / terms(HeatmapLoss(), case)["heatmap"]
    assert ratio == pytest.approx(2)


@pytest.mark.parametrize("top", [1, 3, 5])
@pytest.mark.parametrize("mmpose", [False, True])
def test_hard_keypoint_loss(rng: np.random.Generator, top: int, mmpose: bool) -> None:
    case = gaussian_case(rng)
    expected = loops.hard_keypoints(*case, top, 1.0 if mmpose else 0.5)
    assert terms(HardKeypointLoss(top, mmpose=mmpose), case) == {"heatmap": pytest.approx(expected, rel=1e-5)}


@pytest.mark.parametrize(("smooth_l1", "mmpose"), [(False, False), (True, False), (False, True)])
def test_offset_loss(rng: np.random.Generator, smooth_l1: bool, mmpose: bool) -> None:
    case = offset_case(rng)
    heatmap, offset = loops.offsets(*case, smooth_l1=smooth_l1, mmpose=mmpose)
    loss = OffsetLoss(smooth_l1=smooth_l1, mmpose=mmpose)
    assert terms(loss, case) == {"heatmap": pytest.approx(heatmap, rel=1e-5), "offset": pytest.approx(offset, rel=1e-5)}


def test_without_weights_every_keypoint_counts(rng: np.random.Generator) -> None:
    for kind, case in ((HeatmapLoss, gaussian_case(rng)), (OffsetLoss, offset_case(rng))):
        everything = (case[0], case[1], np.ones_like(case[2]))
        assert terms(kind(use_weights=False), case) == pytest.approx(terms(kind(), everything))


def test_gradients_are_finite_and_absent_where_the_weight_is_zero(rng: np.random.Generator) -> None:
    for loss, case in (
        (HeatmapLoss(), gaussian_case(rng)),
        (HardKeypointLoss(3), gaussian_case(rng)),
        (OffsetLoss(mmpose=True), offset_case(rng)),
    ):
        outputs, targets, weights = (torch.from_numpy(array).float() for array in case)
        outputs.requires_grad_()
        sum(loss(outputs, targets, weights).values()).backward()
        assert torch.isfinite(outputs.grad).all()
        assert outputs.grad.abs().sum() > 0
        assert not outputs.grad.unflatten(1, (5, -1))[weights == 0].any()


def test_half_precision_is_computed_in_float32(rng: np.random.Generator) -> None:
    outputs, targets, weights = (torch.from_numpy(array).float() for array in gaussian_case(rng))
    half = outputs.bfloat16()
    value = HeatmapLoss()(half, targets, weights)["heatmap"]
    assert value.dtype == torch.float32
    assert torch.equal(value, HeatmapLoss()(half.float(), targets, weights)["heatmap"])


def settings(target_type: str = "gaussian", **loss: object) -> CfgNode:
    cfg = default_config()
    cfg.MODEL.TARGET_TYPE = target_type
    for key, value in loss.items():
        cfg.LOSS[key] = value
    return cfg


def test_configuration_chooses_the_loss() -> None:
    assert isinstance(build_loss(settings()), HeatmapLoss)
    assert isinstance(build_loss(settings("offset")), OffsetLoss)
    hard = build_loss(settings(USE_OHKM=True, TOPK=4, USE_TARGET_WEIGHT=False))
    assert isinstance(hard, HardKeypointLoss)
    assert (hard.top, hard.use_weights) == (4, False)


def test_losses_that_do_not_exist_are_refused() -> None:
    with pytest.raises(PoseError, match=r"LOSS\.USE_OHKM"):
        build_loss(settings("offset", USE_OHKM=True))
    with pytest.raises(PoseError, match=r"LOSS\.SMOOTH_L1"):
        build_loss(settings(SMOOTH_L1=True))


def test_published_losses(shared: Path) -> None:
    folder = shared / "golden" / "codecs"
    if not folder.is_dir():
        pytest.skip("no published codec values beside the data")
    inputs, udp = np.load(folder / "inputs.npz"), np.load(folder / "udp.npz")
    weights = inputs["joints_vis"][..., 0]
    case = inputs["heatmaps"], udp["target_gaussian"], weights
    assert terms(HeatmapLoss(), case)["heatmap"] == pytest.approx(float(udp["loss_mse"]), rel=1e-5)
    unweighted = terms(HeatmapLoss(use_weights=False), case)
    assert unweighted["heatmap"] == pytest.approx(float(udp["loss_mse_noweight"]), rel=1e-5)
    assert terms(HardKeypointLoss(8), case)["heatmap"] == pytest.approx(float(udp["loss_ohkm"]), rel=1e-5)
    case = inputs["heatmaps_offset"], udp["target_offset"], weights
    for smooth_l1, name in ((False, "loss_offset"), (True, "loss_offset_l1")):
        assert list(terms(OffsetLoss(smooth_l1=smooth_l1), case).values()) == pytest.approx(udp[name], rel=1e-5)

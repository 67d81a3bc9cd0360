"""The loss of RSN's units against scalar loops and published values, and which loss a configuration means."""

from pathlib import Path

import numpy as np
import pytest
import torch
from reference import loss_loops as loops
from torch import Tensor
from yacs.config import CfgNode

from lib.config import default_config
from lib.core import build_loss
from lib.core.loss import HardKeypointLoss, HeatmapLoss, OffsetLoss
from lib.core.unit_loss import LevelLoss, UnitLoss
from lib.utils.errors import PoseError

KEYPOINTS = 5


def make_case(rng: np.random.Generator, stages: int) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """Outputs of all units, level targets and flags."""
    outputs = [rng.normal(0, 50, (3, KEYPOINTS, 8, 6)) for _ in range(4 * stages)]
    targets = rng.uniform(0, 255, (3, 5, KEYPOINTS, 8, 6))
    return outputs, targets, rng.choice([0.0, 1.0, 2.0], (3, KEYPOINTS))


def tensors(case: tuple[list[np.ndarray], np.ndarray, np.ndarray]) -> tuple[list[Tensor], Tensor, Tensor]:
    outputs, targets, flags = case
    return (
        [torch.from_numpy(one).float() for one in outputs],
        torch.tensor(targets).float(),
        torch.tensor(flags).float(),
    )


def values(terms: dict[str, Tensor]) -> dict[str, float]:
    return {name: float(value.detach()) for name, value in terms.items()}


def level_loss(top: int = 3, *, zeroes_hidden: bool = True, joint_weights: list[float] | None = None) -> LevelLoss:
    final = HardKeypointLoss(top, mmpose=True) if top else HeatmapLoss(mmpose=True)
    return LevelLoss(final, HeatmapLoss(mmpose=True), zeroes_hidden=zeroes_hidden, joint_weights=joint_weights)


@pytest.mark.parametrize("stages", [1, 2, 4])
@pytest.mark.parametrize("top", [0, 3])
@pytest.mark.parametrize("zeroes_hidden", [True, False])
@pytest.mark.parametrize("joint_weights", [None, [1.0, 1.5, 1.2, 0.5, 2.0]])
def test_levels(
    rng: np.random.Generator, stages: int, top: int, zeroes_hidden: bool, joint_weights: list[float] | None
) -> None:
    case = make_case(rng, stages)
    factors = np.array(joint_weights or [1.0] * KEYPOINTS)
    coarse, final = loops.unit_losses(*case, factors, top, zeroes_hidden=zeroes_hidden)
    terms = level_loss(top, zeroes_hidden=zeroes_hidden, joint_weights=joint_weights)(*tensors(case))
    assert values(terms) == {"coarse": pytest.approx(coarse, rel=1e-5), "heatmap": pytest.approx(final, rel=1e-5)}


def test_one_output_learns_the_finest_level(rng: np.random.Generator) -> None:
    outputs, targets, flags = tensors(make_case(rng, 1))
    terms = level_loss(0)(outputs[-1], targets, flags)
    assert values(terms) == values(HeatmapLoss(mmpose=True)(outputs[-1], targets[:, -1], (flags > 0).float()))
    assert terms["heatmap"] == level_loss(0)(outputs, targets, flags)["heatmap"]


@pytest.mark.parametrize("stages", [1, 3])
def test_deep_supervision(rng: np.random.Generator, stages: int) -> None:
    outputs, targets, _ = tensors(make_case(rng, stages))
    weights = torch.from_numpy(rng.choice([0.0, 1.0], (3, KEYPOINTS))).float()
    target, coarse, final = targets[:, 0], HeatmapLoss(), HardKeypointLoss(2)
    terms = values(UnitLoss(final, coarse)(outputs, target, weights))
    each = [[float(loss(one, target, weights)["heatmap"]) for one in outputs] for loss in (coarse, final)]
    expected_coarse = sum(value for index, value in enumerate(each[0]) if index % 4 < 3) / 4
    assert terms == {"coarse": pytest.approx(expected_coarse), "heatmap": pytest.approx(sum(each[1][3::4]))}
    assert values(UnitLoss(final, coarse)(outputs[-1], target, weights)) == {"heatmap": pytest.approx(each[1][-1])}


def test_offset_terms_of_units() -> None:
    outputs = [torch.randn(2, 6, 8, 6) for _ in range(4)]
    targets, weights = torch.rand(2, 6, 8, 6), torch.ones(2, 2)
    loss = OffsetLoss()
    terms = values(UnitLoss(loss, loss)(outputs, targets, weights))
    each = [values(loss(one, targets, weights)) for one in outputs]
    assert terms.pop("coarse") == pytest.approx(sum(sum(one.values()) for one in each[:3]) / 4)
    assert terms == pytest.approx(each[3])


def test_half_precision_and_gradients(rng: np.random.Generator) -> None:
    outputs, targets, flags = tensors(make_case(rng, 2))
    half = [one.bfloat16().requires_grad_() for one in outputs]
    terms = level_loss()(half, targets, flags)
    assert all(value.dtype == torch.float32 for value in terms.values())
    assert values(terms) == values(level_loss()([one.detach().float() for one in half], targets, flags))
    torch.stack(list(terms.values())).sum().backward()
    gradients = [one.grad for one in half]
    for gradient in gradients:
        assert gradient is not None
        assert torch.isfinite(gradient).all()
        assert gradient.abs().sum() > 0
    assert gradients[7] is not None
    assert not gradients[7][flags == 0].any()


def test_inputs_are_not_changed(rng: np.random.Generator) -> None:
    outputs, targets, flags = tensors(make_case(rng, 1))
    copies = [one.clone() for one in (*outputs, targets, flags)]
    level_loss()(outputs, targets, flags)
    assert all(torch.equal(*pair) for pair in zip(copies, (*outputs, targets, flags), strict=True))


def test_published_values(shared: Path) -> None:
    folder = shared / "golden" / "codecs"
    if not folder.is_dir():
        pytest.skip("no published codec values beside the data")
    inputs, rsn = np.load(folder / "inputs.npz"), np.load(folder / "rsn.npz")
    maps = torch.from_numpy(inputs["heatmaps"]) * 255
    flags = torch.from_numpy(inputs["joints_vis"][..., 0]).float() * 2
    targets = torch.zeros(6, 5, 17, 64, 48)
    targets[:, 1:] = maps.flip(0)[:, None]
    terms = level_loss(8)([maps] * 4, targets, flags)
    assert float(terms["coarse"]) == pytest.approx(3 * float(rsn["loss_l2"]) / 4, rel=1e-5)
    assert float(terms["heatmap"]) == pytest.approx(float(rsn["loss_ohkm"]), rel=1e-5)


def settings(**model: object) -> CfgNode:
    cfg = default_config()
    for key, value in model.items():
        cfg.MODEL[key] = value
    return cfg


def test_configuration_chooses_the_loss() -> None:
    single, deep = build_loss(settings(CODEC="msra")), build_loss(settings(NAME="rsn", CODEC="msra"))
    assert isinstance(single, HeatmapLoss)
    assert type(deep) is UnitLoss
    assert isinstance(deep.final, HeatmapLoss)
    offset = build_loss(settings(NAME="rsn", CODEC="udp", TARGET_TYPE="offset"))
    assert isinstance(offset, UnitLoss)
    assert isinstance(offset.final, OffsetLoss)
    for name in ("rsn", "pose_hrnet"):
        for variant in ("original", "mmpose"):
            cfg = settings(NAME=name, CODEC="megvii", CODEC_VARIANT=variant)
            cfg.LOSS.USE_OHKM, cfg.LOSS.USE_DIFFERENT_JOINTS_WEIGHT = True, True
            loss = build_loss(cfg)
            assert isinstance(loss, LevelLoss)
            assert isinstance(loss.final, HardKeypointLoss)
            assert (loss.final.factor, loss.coarse.mmpose) == (1.0, True)
            assert loss.zeroes_hidden == (variant == "original")
            assert loss.joint_weights is not None
            assert loss.joint_weights[9] == 1.5


def test_offset_maps_have_no_hard_keypoints() -> None:
    cfg = settings(NAME="rsn", CODEC="udp", TARGET_TYPE="offset")
    cfg.LOSS.USE_OHKM = True
    with pytest.raises(PoseError, match=r"LOSS\.USE_OHKM"):
        build_loss(cfg)

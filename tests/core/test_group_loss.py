"""Losses of bottom-up networks against scalar loops, and what training relies on."""

import numpy as np
import pytest
import torch
from helpers.group_scenes import make_group_codec
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import grouping_loops as loops
from torch import Tensor

from lib.codecs.group.people import GroupTargets
from lib.config import default_config
from lib.core.build import build_group_loss
from lib.core.group_loss import GroupLoss, masked_error, tag_losses
from lib.utils.errors import PoseError

KEYPOINTS = 5
SIZES = [(16, 12), (32, 24)]  # (w, h)


def made_case(
    rng: np.random.Generator, people: int = 3, seen: float = 0.7, batch: int = 2
) -> tuple[list[Tensor], GroupTargets, list[Tensor]]:
    codec = make_group_codec(KEYPOINTS, input_size_wh=(64, 48), output_sizes_wh=SIZES)
    points = rng.uniform(-5, 68, (batch, people, KEYPOINTS, 2))
    targets = codec.encode(points, rng.uniform(size=points.shape[:3]) < seen)
    outputs = [torch.randn(batch, 2 * KEYPOINTS, 12, 16), torch.randn(batch, KEYPOINTS, 24, 32)]
    masks = [torch.from_numpy(rng.uniform(size=(batch, height, width)) < 0.8) for width, height in SIZES]
    return outputs, targets, masks


@pytest.mark.parametrize("kind", ["exp", "max"])
def test_against_loops(rng: np.random.Generator, kind: str) -> None:
    outputs, targets, masks = made_case(rng)
    loss = GroupLoss(kind, heatmap_factor=0.5, push_factor=2.0, pull_factor=3.0)
    terms = {name: float(value) for name, value in loss(outputs, targets, masks).items()}
    tags = outputs[0][:, KEYPOINTS:].numpy()
    pairs = [
        loops.tag_losses(tags[b], targets.tag_index[b].numpy(), targets.tag_visible[b].numpy(), kind) for b in range(2)
    ]
    push, pull = np.mean(pairs, axis=0)
    errors = [
        loops.masked_error(output[:, :KEYPOINTS].numpy(), target.numpy(), mask.numpy())
        for output, target, mask in zip(outputs, targets.heatmaps, masks, strict=True)
    ]
    expected = {"heatmap_0": 0.5 * errors[0], "heatmap_1": 0.5 * errors[1], "push": 2 * push, "pull": 3 * pull}
    assert terms == {name: pytest.approx(value, rel=1e-5) for name, value in expected.items()}


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1), people=st.integers(0, 6), seen=st.floats(0, 1), kind=st.sampled_from(["exp", "max"])
)
def test_tag_losses_of_any_people(seed: int, people: int, seen: float, kind: str) -> None:
    """Pictures of any number of people, some without a keypoint, in one batch."""
    rng = np.random.default_rng(seed)
    tags = rng.normal(0, 1, (3, KEYPOINTS, 4, 6)).astype(np.float32)
    index = rng.integers(0, 24, (3, people, KEYPOINTS))
    visible = rng.uniform(size=index.shape) < seen
    push, pull = tag_losses(torch.from_numpy(tags), torch.from_numpy(index), torch.from_numpy(visible), kind)
    for picture in range(3):
        expected = loops.tag_losses(tags[picture], index[picture], visible[picture], kind)
        np.testing.assert_allclose([push[picture], pull[picture]], expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("people", [0, 1, 4])
@pytest.mark.parametrize("seen", [0.0, 0.2, 1.0])
@pytest.mark.parametrize("kind", ["exp", "max"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("covered", [False, True])
def test_every_term_and_gradient_is_finite(
    rng: np.random.Generator, people: int, seen: float, kind: str, dtype: torch.dtype, covered: bool
) -> None:
    """Whoever is there, and whatever the mask leaves: with nothing left the heatmap loss is 0."""
    outputs, targets, masks = made_case(rng, people, seen)
    outputs = [(30 * output).to(dtype).requires_grad_() for output in outputs]
    masks = [mask & (not covered) for mask in masks]
    terms = GroupLoss(kind)(outputs, targets, masks)
    assert all(term.dtype == torch.float32 and torch.isfinite(term) for term in terms.values())
    assert (terms["heatmap_0"] == 0) == (terms["heatmap_1"] == 0) == covered
    if people == 0 or seen == 0:
        assert terms["push"] == terms["pull"] == 0
    if people == 1:
        assert terms["push"] == 0
    for term in terms.values():
        gradients = torch.autograd.grad(term, outputs, retain_graph=True, allow_unused=True)
        assert all(torch.isfinite(one).all() for one in gradients if one is not None)


def test_equal_tags(rng: np.random.Generator) -> None:
    """All tags the same: pull is 0, push is at its largest, and its gradient is finite."""
    del rng
    tags = torch.full((1, KEYPOINTS, 4, 4), 1.5, requires_grad=True)
    index, visible = torch.zeros(1, 3, KEYPOINTS, dtype=torch.int64), torch.ones(1, 3, KEYPOINTS, dtype=torch.bool)
    for kind in ("exp", "max"):
        push, pull = tag_losses(tags, index, visible, kind)
        assert push.item() == 0.5
        assert pull.item() == 0
        (gradient,) = torch.autograd.grad((push + pull).sum(), tags)
        assert torch.isfinite(gradient).all()


def test_what_lies_at_absent_keypoints_does_not_matter() -> None:
    tags = torch.zeros(1, KEYPOINTS, 4, 4)
    tags[0, :, 0, 0] = torch.nan
    index = torch.tensor([0, 1, 2, 3, 4]).repeat(1, 2, 1)
    visible = index > 0
    push, pull = tag_losses(tags.requires_grad_(), index, visible, "exp")
    assert torch.isfinite(push).all()
    assert torch.isfinite(pull).all()


def test_float32_under_autocast(rng: np.random.Generator) -> None:
    outputs, targets, masks = made_case(rng)
    expected = GroupLoss()(outputs, targets, masks)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        terms = GroupLoss()(outputs, targets, masks)
    for name, term in terms.items():
        assert term.dtype == torch.float32
        torch.testing.assert_close(term, expected[name], rtol=1e-6, atol=0)


def test_tags_are_learned() -> None:
    """Descent on the tag losses alone pulls one person's tags together and pushes two people's apart."""
    tags = (0.01 * torch.randn(1, 3, 4, 4)).requires_grad_()
    index, visible = torch.tensor([[[0, 3, 7], [5, 9, 14]]]), torch.ones(1, 2, 3, dtype=torch.bool)
    optimizer = torch.optim.Adam([tags], lr=0.1)
    for _ in range(60):
        push, pull = tag_losses(tags, index, visible, "exp")
        optimizer.zero_grad()
        (push + pull).sum().backward()
        optimizer.step()
    chosen = torch.stack([tags[0, k].flatten()[index[0, :, k]] for k in range(3)], dim=1)
    assert (chosen[0].mean() - chosen[1].mean()).abs() > 1.5
    assert chosen.std(dim=1).max() < 0.1


def test_masks_of_other_kinds(rng: np.random.Generator) -> None:
    outputs, targets, masks = made_case(rng)
    expected = masked_error(outputs[0][:, :KEYPOINTS], targets.heatmaps[0], masks[0])
    for mask in (masks[0].to(torch.uint8), masks[0].float()):
        assert masked_error(outputs[0][:, :KEYPOINTS], targets.heatmaps[0], mask) == expected


def test_a_network_with_one_output(rng: np.random.Generator) -> None:
    outputs, targets, masks = made_case(rng)
    one = GroupTargets(targets.heatmaps[:1], targets.tag_index, targets.tag_visible)
    terms = GroupLoss()(outputs[0], one, masks[:1])
    assert list(terms) == ["heatmap_0", "push", "pull"]
    assert terms["heatmap_0"] == GroupLoss()(outputs, targets, masks)["heatmap_0"]


def test_what_does_not_fit_is_refused(rng: np.random.Generator) -> None:
    outputs, targets, masks = made_case(rng)
    for faulty in (outputs[:1], [outputs[0][:, :-1], outputs[1]], [outputs[0], outputs[1][..., :-1]]):
        with pytest.raises(PoseError, match=r"MODEL\.HEATMAP_SIZE"):
            GroupLoss()(faulty, targets, masks)
    with pytest.raises(PoseError, match="masks"):
        GroupLoss()(outputs, targets, masks[::-1])
    with pytest.raises(PoseError, match="exp or max"):
        GroupLoss("mean")


def test_from_a_configuration() -> None:
    cfg = default_config()
    cfg.LOSS.AE_LOSS_TYPE, cfg.LOSS.HEATMAPS_LOSS_FACTOR = "max", 2.0
    cfg.LOSS.PUSH_LOSS_FACTOR, cfg.LOSS.PULL_LOSS_FACTOR = 0.25, 0.125
    loss = build_group_loss(cfg)
    assert (loss.kind, loss.heatmap_factor, loss.push_factor, loss.pull_factor) == ("max", 2.0, 0.25, 0.125)

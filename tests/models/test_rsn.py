"""The residual steps network: its parts against a slow derivation, its initial weights and its configuration."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.small_models import randomized
from reference.rsn_forward import rsn_forward
from torch import nn

from lib.config import load_config
from lib.models import build_model
from lib.models.rsn import ResidualStepsNetwork
from lib.models.rsn_blocks import PooledNorm
from lib.utils.checkpoint import load_weights
from lib.utils.errors import PoseError

UDP: dict[str, Any] = {"refine": True, "se_reduction": 8, "wide_start": True, "deep_stem": True}
VARIANTS: dict[str, dict[str, Any]] = {
    "one stage": {},
    "two stages without biases": {"num_stages": 2, "conv_bias": False},
    "four stages": {"num_stages": 4},
    "UDP-RSN": UDP,
    "two stages of UDP-RSN": {"num_stages": 2, **UDP},
    "three stages with the pose refine machine": {"num_stages": 3, "refine": True},
    "baseline": {"steps": False, "num_stages": 2},
}


@pytest.mark.parametrize("name", VARIANTS)
def test_outputs_are_those_of_the_slow_derivation(name: str) -> None:
    model = randomized(ResidualStepsNetwork(18, 5, **VARIANTS[name]))
    images = torch.randn(1, 3, 64, 96)
    with torch.inference_mode():
        found, expected = model(images), rsn_forward(dict(model.state_dict()), images)
    assert len(found) == len(expected) == 4 * VARIANTS[name].get("num_stages", 1)
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.shape == (1, 5, 16, 24)
        assert (ours - theirs).abs().max() < 1e-4 * theirs.std()


def test_rsn_50_is_the_same_with_more_blocks() -> None:
    model = randomized(ResidualStepsNetwork(50, 3))
    images = torch.randn(1, 3, 32, 64)
    with torch.inference_mode():
        torch.testing.assert_close(
            model(images)[-1].double(), rsn_forward(dict(model.state_dict()), images)[-1], rtol=1e-3, atol=1e-3
        )


@pytest.mark.parametrize("name", ["one stage", "two stages without biases", "two stages of UDP-RSN", "baseline"])
@pytest.mark.parametrize("training", [True, False])
def test_every_parameter_receives_a_finite_gradient(name: str, training: bool) -> None:
    model = randomized(ResidualStepsNetwork(18, 4, **VARIANTS[name])).train(training)
    sum(heatmaps.square().mean() for heatmaps in model(torch.randn(2, 3, 64, 64))).backward()
    for entry, parameter in model.named_parameters():
        assert parameter.grad is not None, entry
        assert torch.isfinite(parameter.grad).all(), entry
        # A bias that BatchNorm takes away again cannot change anything in training; see ConvNorm.
        assert parameter.grad.any() or (training and entry.endswith("conv.bias")), entry


@pytest.mark.parametrize("variant", [{}, {"num_stages": 2, **UDP}])
def test_batch_and_memory_order_do_not_matter(variant: dict[str, Any]) -> None:
    model = randomized(ResidualStepsNetwork(18, 133, **variant))
    images = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        expected = [torch.cat(pair) for pair in zip(*(model(image[None]) for image in images), strict=True)]
        model = model.to(memory_format=torch.channels_last)
        found = model(images.to(memory_format=torch.channels_last))
    for ours, theirs in zip(found, expected, strict=True):
        assert (ours - theirs).abs().max() < 1e-4 * theirs.std()


@pytest.mark.slow
def test_compiles_into_one_graph() -> None:
    model = randomized(ResidualStepsNetwork(18, 3, **UDP))
    images = torch.randn(1, 3, 64, 64)
    compiled = torch.compile(model, backend="eager", fullgraph=True)
    with torch.no_grad():
        torch.testing.assert_close(compiled(images), model(images))


def test_a_training_batch_of_one_person_is_possible() -> None:
    model = randomized(ResidualStepsNetwork(18, 3, **UDP)).train()
    statistics = [module.running_mean.clone() for module in model.modules() if isinstance(module, PooledNorm)]
    model(torch.randn(1, 3, 64, 64))[-1].sum().backward()
    after = [module.running_mean for module in model.modules() if isinstance(module, PooledNorm)]
    assert len(after) == 2
    assert all(torch.equal(old, new) for old, new in zip(statistics, after, strict=True))


def test_pooled_norm_is_batch_norm_for_several_people() -> None:
    ours, theirs = PooledNorm(6), nn.BatchNorm2d(6)
    x = torch.randn(4, 6, 1, 1)
    torch.testing.assert_close(ours(x), theirs(x), rtol=0, atol=0)
    torch.testing.assert_close(dict(ours.state_dict()), dict(theirs.state_dict()), rtol=0, atol=0)
    assert torch.equal(ours.eval()(x[:1]), theirs.eval()(x[:1]))


@pytest.mark.parametrize("conv_bias", [True, False])
def test_initial_weights_are_the_published_ones(conv_bias: bool) -> None:
    model = ResidualStepsNetwork(18, 17, conv_bias=conv_bias)
    for name, module in model.named_modules():
        if isinstance(module, nn.BatchNorm2d):
            assert (module.weight == 1).all(), name
            assert not module.bias.any(), name
        elif isinstance(module, nn.Conv2d):
            area, weight = module.kernel_size[0] ** 2, module.weight.detach()
            fan_out = (2 / (module.out_channels * area)) ** 0.5
            default = (1 / (3 * module.in_channels * area)) ** 0.5
            expected = fan_out if not conv_bias or "downsample" in name else default
            assert weight.std().item() == pytest.approx(expected, rel=0.05), name


def test_only_the_two_convolutions_of_a_head_depend_on_the_keypoints() -> None:
    with torch.device("meta"):
        coco, mpii = (ResidualStepsNetwork(18, keypoints, num_stages=2) for keypoints in (17, 16))
    others = mpii.state_dict()
    differing = {entry for entry, value in coco.state_dict().items() if value.shape != others[entry].shape}
    assert {entry.split(".")[3] for entry in differing} == set(ResidualStepsNetwork.head_names)
    assert len({entry.split(".conv.")[0].split(".bn.")[0] for entry in differing}) == 8


def test_weights_for_other_keypoints_keep_every_new_head(tmp_path: Path) -> None:
    path = tmp_path / "coco.pth"
    torch.save(randomized(ResidualStepsNetwork(18, 5)).state_dict(), path)
    model = ResidualStepsNetwork(18, 4)
    report = load_weights(model, path)
    assert (report.coverage, set(report.reinitialised)) == (1.0, {"res_conv2"})
    assert not any("res_conv2" in name for name in report.matched)
    with pytest.raises(PoseError, match="no usable res_conv2"):
        load_weights(model, path, allow_new_head=False)
    torch.save(ResidualStepsNetwork(18, 12).state_dict(), path)
    with pytest.raises(PoseError, match="12 channels for offset"):
        load_weights(model, path)


@pytest.mark.parametrize(
    ("file", "network", "named"),
    [
        ({"num_stages": 2}, {}, r"RSN-18 \(2 stages\), but the network is RSN-18 \(1 stage\)"),
        ({}, {"num_stages": 2}, r"RSN-18 \(1 stage\), but the network is RSN-18 \(2 stages\)"),
        ({"depth": 50}, {}, r"RSN-50 \(1 stage\), but the network is RSN-18"),
        ({"refine": True}, {}, r"RSN-18 \(1 stage, PRM\)"),
        ({"steps": False}, {}, "Res-18 of the RSN repository"),
        ({"wide_start": True}, {}, r"layer2\.0\.conv_bn_relu1\.conv\.weight is \[208, 64, 1, 1\] in the file"),
    ],
)
def test_weights_of_other_variants_are_refused(
    tmp_path: Path, file: dict[str, Any], network: dict[str, Any], named: str
) -> None:
    path = tmp_path / "other.pth"
    torch.save(ResidualStepsNetwork(**{"depth": 18, "out_channels": 5, **file}).state_dict(), path)
    with pytest.raises(PoseError, match=named):
        load_weights(ResidualStepsNetwork(18, 5, **network), path)


def configured(tmp_path: Path, *overrides: str) -> nn.Module:
    path = tmp_path / "experiment.yaml"
    path.write_text(
        "DATASET: {DATASET: coco}\nMODEL: {NAME: rsn, NUM_JOINTS: 17, IMAGE_SIZE: [64, 96], HEATMAP_SIZE: [16, 24]}\n"
    )
    with torch.device("meta"):
        return build_model(load_config(path, overrides))


def extra(**options: object) -> list[str]:
    return [text for key, value in options.items() for text in (f"MODEL.EXTRA.{key}", str(value))]


@pytest.mark.parametrize(
    ("overrides", "arguments"),
    [
        ([], {}),
        (extra(NUM_STAGES=4), {"num_stages": 4}),
        (extra(PRM="last"), {"refine": True}),
        (extra(BLOCK="BASIC"), {"steps": False}),
        (extra(CONV_BIAS=False), {"conv_bias": False}),
        (["MODEL.CODEC_VARIANT", "mmpose"], {"conv_bias": False}),
        (["MODEL.CODEC_VARIANT", "mmpose", *extra(CONV_BIAS=True)], {}),
        (extra(SE_REDUCTION=8, STEM_CONVS=3, PRM="last"), UDP),
        (extra(SE_REDUCTION=16), {"se_reduction": 16, "wide_start": True}),
        (extra(SE_REDUCTION=8, BRANCH_FROM="in"), {"se_reduction": 8}),
        (extra(BRANCH_FROM="out"), {"wide_start": True}),
    ],
)
def test_follows_its_config(tmp_path: Path, overrides: Sequence[str], arguments: dict[str, Any]) -> None:
    with torch.device("meta"):
        expected = ResidualStepsNetwork(18, 17, **arguments).state_dict()
    found = configured(tmp_path, *overrides).state_dict()
    assert {entry: value.shape for entry, value in found.items()} == {
        entry: value.shape for entry, value in expected.items()
    }


def test_depth_and_offset_maps_follow_the_config(tmp_path: Path) -> None:
    model = configured(tmp_path, *extra(NUM_LAYERS=50), "MODEL.TARGET_TYPE", "offset")
    assert isinstance(model, ResidualStepsNetwork)
    assert len(model.stage0.downsample.layer3) == 6
    assert [heatmaps.shape for heatmaps in model(torch.zeros(2, 3, 96, 64, device="meta"))] == [(2, 51, 24, 16)] * 4


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (extra(NUM_LAYERS=34), "MODEL.EXTRA.NUM_LAYERS is 34, but it must be 18 or 50"),
        (extra(NUM_STAGES=0), "NUM_STAGES is 0, but it must be 1 or more"),
        (extra(BLOCK="BOTTLENECK"), "BLOCK is 'BOTTLENECK', but it must be RSB or BASIC"),
        (extra(PRM="first"), "PRM is 'first', but it must be none or last"),
        (extra(STEM_CONVS=2), "STEM_CONVS is 2, but it must be 1 or 3"),
        (extra(SE_REDUCTION=65), "SE_REDUCTION is 65, but it must be between 0 and 64"),
        (extra(BRANCH_FROM="both"), "BRANCH_FROM is 'both', but it must be empty or in or out"),
        (extra(BLOCK="BASIC", SE_REDUCTION=8), "SE_REDUCTION and BRANCH_FROM change residual steps blocks"),
        (extra(CONV_BIAS=2), "CONV_BIAS to '2', but it must be true or false"),
        (["MODEL.WIDE_FUSION", "True"], "only pose_hrnet has a fusion to widen"),
        (["MODEL.HEATMAP_SIZE", "[32, 48]"], r"rsn makes \[16, 24\]"),
    ],
)
def test_impossible_options_are_refused(tmp_path: Path, overrides: Sequence[str], message: str) -> None:
    with pytest.raises(PoseError, match=message):
        configured(tmp_path, *overrides)

import pytest
import torch
from helpers.small_models import randomized, small_hrformer
from torch import nn

from lib.models.blocks import INIT_STD
from lib.models.hrformer import DropPath, HRFormer, TransformerBlock, TransformerStage, hrformer_stages


@pytest.mark.parametrize("channels", [3, 17, 51, 133])
@pytest.mark.parametrize("with_bias", [False, True])
def test_heatmaps_are_a_quarter_of_the_image(channels: int, with_bias: bool) -> None:
    model = small_hrformer(channels, with_bias=with_bias).eval()
    assert model(torch.zeros(2, 3, 96, 64)).shape == (2, channels, 24, 16)
    assert model(torch.zeros(1, 3, 32, 160)).shape == (1, channels, 8, 40)


@pytest.mark.parametrize("with_bias", [False, True])
def test_every_trained_parameter_receives_a_finite_gradient(with_bias: bool) -> None:
    model = randomized(small_hrformer(with_bias=with_bias)).train()
    model(torch.randn(2, 3, 64, 64)).square().mean().backward()
    for name, parameter in model.named_parameters():
        if not with_bias and name.endswith("relative_position_bias_table"):
            assert not parameter.requires_grad, name
            continue
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name


@pytest.mark.parametrize("with_bias", [False, True])
def test_batch_and_memory_order_do_not_matter(with_bias: bool) -> None:
    model = randomized(small_hrformer(with_bias=with_bias, drop_path=0.5))
    images = torch.randn(3, 3, 96, 64)
    with torch.inference_mode():
        expected = torch.cat([model(image[None]) for image in images])
        torch.testing.assert_close(model(images), expected, rtol=1e-4, atol=1e-4)
        model = model.to(memory_format=torch.channels_last)
        found = model(images.to(memory_format=torch.channels_last))
    assert found.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_the_bias_changes_heatmaps() -> None:
    model, other = randomized(small_hrformer(with_bias=True)), small_hrformer(with_bias=False).eval()
    other.load_state_dict(model.state_dict())
    images = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        assert not torch.allclose(model(images), other(images))


def test_rates_rise_evenly_along_a_branch() -> None:
    model = HRFormer(hrformer_stages(4, 1, drop_path=0.13), 3)
    for branch in range(2):
        rates = [
            block.drop_path.rate
            for stage in (model.stage2, model.stage3, model.stage4)
            for module in stage
            for block in module.branches[branch]
        ]
        assert rates == pytest.approx([0.01 * block for block in range(14)])
    other_rates = [block.drop_path.rate for module in model.stage4 for block in module.branches[3]]
    assert other_rates == pytest.approx([0.10, 0.11, 0.12, 0.13])


def test_drop_path_keeps_the_mean_and_drops_whole_samples() -> None:
    dropped = DropPath(0.25)(torch.ones(4000, 3, 2))
    assert ((dropped == 0) | (dropped == 1 / 0.75)).all()
    assert (dropped == dropped[:, :1, :1]).all()
    assert dropped.mean().item() == pytest.approx(1.0, abs=0.03)


def test_drop_path_rests_in_evaluation() -> None:
    x = torch.randn(4, 3)
    assert DropPath(0.9).eval()(x) is x
    assert DropPath(0.0)(x) is x


def test_a_block_whose_additions_are_dropped_passes_its_input_on() -> None:
    block = TransformerBlock(4, nn.Identity(), 8, 1 - 1e-6).train()
    x = torch.randn(8, 4, 5, 6)
    assert torch.equal(block(x), x)


def test_training_varies_with_drop_path_only() -> None:
    images = torch.randn(2, 3, 64, 64)
    for drop_path, is_random in ((0.0, False), (0.6, True)):
        model = randomized(small_hrformer(drop_path=drop_path)).train()
        with torch.no_grad():
            assert torch.equal(model(images), model(images)) is not is_random


def test_initial_weights_are_the_published_ones() -> None:
    model = HRFormer(hrformer_stages(32, 1, with_bias=True), 17)
    block = model.stage4[0].branches[3][0]
    assert block.mlp.fc1.weight.std().item() == pytest.approx(INIT_STD, rel=0.1)
    assert (block.mlp.fc1.bias == 0).all()
    assert block.attn.attn.relative_position_bias_table.std().item() == pytest.approx(0.02, rel=0.1)
    assert block.attn.attn.q_proj.weight.abs().max() <= 256**-0.5
    assert (block.norm1.eps, block.mlp.norm1.eps) == (1e-6, 1e-5)


@pytest.mark.parametrize(
    ("scheme", "with_bias", "wanted"),
    [
        ("HRFormer", False, ""),
        ("HRFormer", True, "false"),
        ("mmpose 0.x", True, ""),
        ("mmpose 0.x", False, "true"),
        ("mmpose 1.x", False, "true"),
        ("ImageNet", True, ""),
        ("mmpose backbone", False, ""),
        ("PlumbPose", True, ""),
    ],
)
def test_weights_trained_for_the_other_kind_are_refused(scheme: str, with_bias: bool, wanted: str) -> None:
    fault = small_hrformer(with_bias=with_bias).scheme_fault(scheme)
    assert fault.endswith(f"set MODEL.EXTRA.WITH_RPE {wanted} for them") if wanted else fault == ""


@pytest.mark.parametrize(
    ("channels", "heads", "rates", "message"),
    [
        ((8, 16), (1,), (), "branches"),
        ((8,), (1,), (), "at least two"),
        ((8, 16), (1, 3), (), "do not divide"),
        ((8, 16), (1, 2), (0.1,), "1 drop rates for 2 blocks"),
    ],
)
def test_impossible_stages_are_refused(
    channels: tuple[int, ...], heads: tuple[int, ...], rates: tuple[float, ...], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        TransformerStage(1, 2, channels, heads, drop_rates=rates)


@pytest.mark.parametrize("with_bias", [False, True])
def test_a_block_compiles_into_one_graph(with_bias: bool) -> None:
    block = randomized(small_hrformer(with_bias=with_bias)).stage2[0].branches[1][0]
    x = torch.randn(2, 16, 8, 6)
    compiled = torch.compile(block, backend="eager", fullgraph=True)
    with torch.no_grad():
        torch.testing.assert_close(compiled(x), block(x))

import copy

import pytest
import torch
from helpers.small_models import SMALL_STAGES, randomized, small_hrnet
from torch import nn

from lib.models.blocks import INIT_STD, Bottleneck
from lib.models.pose_hrnet import PoseHighResolutionNet, Stage, Transition


@pytest.mark.parametrize("channels", [3, 17, 133, 51])
@pytest.mark.parametrize("wide_fusion", [False, True])
def test_heatmaps_are_a_quarter_of_the_image(channels: int, wide_fusion: bool) -> None:
    model = small_hrnet(channels, wide_fusion=wide_fusion).eval()
    assert model(torch.zeros(2, 3, 96, 64)).shape == (2, channels, 24, 16)


@pytest.mark.parametrize("wide_fusion", [False, True])
def test_every_parameter_receives_a_finite_gradient(wide_fusion: bool) -> None:
    model = randomized(small_hrnet(wide_fusion=wide_fusion)).train()
    model(torch.randn(2, 3, 64, 64)).square().mean().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name


def test_batched_equals_single() -> None:
    model = randomized(small_hrnet())
    images = torch.randn(3, 3, 64, 64)
    with torch.inference_mode():
        single = torch.cat([model(image[None]) for image in images])
        torch.testing.assert_close(model(images), single, rtol=1e-4, atol=1e-4)


def test_memory_order_does_not_matter() -> None:
    model = randomized(small_hrnet(wide_fusion=True))
    images = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        expected = model(images)
        model = model.to(memory_format=torch.channels_last)
        found = model(images.to(memory_format=torch.channels_last))
    assert found.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_input_is_not_changed() -> None:
    images = torch.randn(1, 3, 64, 64)
    before = images.clone()
    small_hrnet()(images)
    assert torch.equal(images, before)


@pytest.mark.slow
def test_compiles_into_one_graph() -> None:
    model = randomized(small_hrnet(wide_fusion=True))
    images = torch.randn(1, 3, 64, 64)
    compiled = torch.compile(model, backend="eager", fullgraph=True)
    with torch.no_grad():
        torch.testing.assert_close(compiled(images), model(images))


def test_is_copied_whole() -> None:
    model = randomized(small_hrnet())
    images = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        assert torch.equal(copy.deepcopy(model)(images), model(images))


def test_initial_weights_are_the_published_ones() -> None:
    for module in small_hrnet().modules():
        if isinstance(module, nn.Conv2d) and module.weight.numel() > 5000:
            assert module.weight.std().item() == pytest.approx(INIT_STD, rel=0.1)
            assert abs(module.weight.mean().item()) < 1e-4
        elif isinstance(module, nn.BatchNorm2d):
            assert (module.momentum, module.eps) == (0.1, 1e-5)
            assert (module.weight == 1).all()
            assert (module.bias == 0).all()
    assert (small_hrnet().final_layer.bias == 0).all()


def test_three_by_three_final_layer_keeps_the_size() -> None:
    model = PoseHighResolutionNet(SMALL_STAGES, 5, final_conv_kernel=3)
    assert model(torch.zeros(1, 3, 64, 32)).shape == (1, 5, 16, 8)


def test_bottleneck_branches() -> None:
    stages = tuple(Stage(1, stage.num_blocks, stage.widths, Bottleneck) for stage in SMALL_STAGES)
    model = PoseHighResolutionNet(stages, 4)  # type: ignore[arg-type]
    assert model.final_layer.in_channels == 32
    assert model(torch.zeros(1, 3, 64, 32)).shape == (1, 4, 16, 8)


def test_transition_projects_a_branch_whose_channels_change() -> None:
    transition = Transition((4, 8), (4, 6, 12, 24))
    branches = transition([torch.randn(1, 4, 16, 16), torch.randn(1, 8, 8, 8)])
    assert [tuple(branch.shape[1:]) for branch in branches] == [(4, 16, 16), (6, 8, 8), (12, 4, 4), (24, 2, 2)]


@pytest.mark.parametrize(("blocks", "widths"), [((1, 1), (8,)), ((1,), (8,))])
def test_impossible_stages_are_refused(blocks: tuple[int, ...], widths: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="branches"):
        Stage(1, blocks, widths)

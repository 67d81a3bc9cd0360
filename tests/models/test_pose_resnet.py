import pytest
import torch
from helpers.small_models import randomized, small_resnet
from torch import nn

from lib.models.pose_resnet import RESNETS, Deconvolution, PoseResNet


@pytest.mark.parametrize("depth", sorted(RESNETS))
def test_depth_is_the_number_of_layers_with_weights(depth: int) -> None:
    with torch.device("meta"):
        model = PoseResNet(depth, 17)
    convolutions = [
        name
        for name, module in model.named_modules()
        if isinstance(module, nn.Conv2d) and "downsample" not in name and name != "final_layer"
    ]
    assert len(convolutions) + 1 == depth  # the classifier, which the deconvolutions replace, is the last layer
    assert model(torch.zeros(1, 3, 64, 64, device="meta")).shape == (1, 17, 16, 16)


@pytest.mark.parametrize("kernel", [2, 3, 4])
@pytest.mark.parametrize("bias", [False, True])
def test_each_deconvolution_doubles_the_size(kernel: int, bias: bool) -> None:
    layers = [Deconvolution(8, kernel), Deconvolution(4, kernel)]
    model = PoseResNet(18, 3, deconvolutions=layers, deconv_bias=bias, final_conv_kernel=3)
    assert model(torch.zeros(2, 3, 64, 96)).shape == (2, 3, 8, 12)
    biases = [layer.bias for layer in model.deconv_layers if isinstance(layer, nn.ConvTranspose2d)]
    assert [value is not None for value in biases] == [bias, bias]


def test_works_without_deconvolutions() -> None:
    assert PoseResNet(18, 3, deconvolutions=())(torch.zeros(2, 3, 64, 64)).shape == (2, 3, 2, 2)


def test_every_parameter_receives_a_finite_gradient() -> None:
    model = randomized(small_resnet()).train()
    model(torch.randn(2, 3, 64, 64)).square().mean().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name


def test_batch_and_memory_order_do_not_matter() -> None:
    model = randomized(small_resnet(133))
    images = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        expected = torch.cat([model(image[None]) for image in images])
        model = model.to(memory_format=torch.channels_last)
        found = model(images.to(memory_format=torch.channels_last))
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_compiles_into_one_graph() -> None:
    model = randomized(small_resnet())
    images = torch.randn(1, 3, 64, 64)
    compiled = torch.compile(model, backend="eager", fullgraph=True)
    with torch.no_grad():
        torch.testing.assert_close(compiled(images), model(images))

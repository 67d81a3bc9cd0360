"""HigherHRNet and the other networks of associative embedding: outputs, gradients, precision, export, weights."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from helpers.small_models import SMALL_STAGES, randomized, small_higher_hrnet, small_hrnet, small_resnet
from torch import Tensor, nn
from torch.nn import functional

from lib.core.outputs import all_heatmaps
from lib.models.blocks import INIT_STD
from lib.models.pose_higher_hrnet import Enlargement, PoseHigherResolutionNet
from lib.utils.checkpoint import load_weights
from lib.utils.errors import PoseError

NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "pose_resnet": lambda: small_resnet(34),
    "pose_hrnet": lambda: small_hrnet(34),
    "pose_higher_hrnet": small_higher_hrnet,
}


@pytest.mark.parametrize("num_joints", [3, 14, 17, 133])
@pytest.mark.parametrize("kernel", [2, 3, 4])
def test_heatmaps_and_tags_at_a_quarter_and_heatmaps_at_half(num_joints: int, kernel: int) -> None:
    model = PoseHigherResolutionNet(SMALL_STAGES, num_joints, Enlargement(8, kernel, 1)).eval()
    first, second = model(torch.zeros(2, 3, 64, 128))
    assert first.shape == (2, 2 * num_joints, 16, 32)
    assert second.shape == (2, num_joints, 32, 64)


def test_the_second_output_sees_features_then_the_first_output() -> None:
    """By hand from the entries: features and first output joined, enlarged, through the blocks, to heatmaps."""
    model = randomized(small_higher_hrnet())
    weights: dict[str, Tensor] = dict(model.state_dict())
    images = torch.randn(2, 3, 64, 64)

    def norm(x: Tensor, name: str) -> Tensor:
        mean, variance = weights[f"{name}.running_mean"], weights[f"{name}.running_var"]
        scale = weights[f"{name}.weight"] / (variance + 1e-5).sqrt()
        return (x - mean[:, None, None]) * scale[:, None, None] + weights[f"{name}.bias"][:, None, None]

    with torch.inference_mode():
        features = model.features(images)
        first = functional.conv2d(features, weights["final_layers.0.weight"], weights["final_layers.0.bias"])
        layer = "deconv_layers.0.0"
        x = torch.cat((features, first), dim=1)
        x = functional.conv_transpose2d(x, weights[f"{layer}.0.weight"], stride=2, padding=1)
        x = norm(x, f"{layer}.1").relu()
        for block in ("deconv_layers.0.1.0", "deconv_layers.0.2.0"):
            inner = norm(functional.conv2d(x, weights[f"{block}.conv1.weight"], padding=1), f"{block}.bn1").relu()
            inner = norm(functional.conv2d(inner, weights[f"{block}.conv2.weight"], padding=1), f"{block}.bn2")
            x = (x + inner).relu()
        second = functional.conv2d(x, weights["final_layers.1.weight"], weights["final_layers.1.bias"])
        found = model(images)
    for ours, expected in zip(found, (first, second), strict=True):
        assert (ours - expected).abs().max() < 1e-5 * expected.std()


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("training", [True, False])
def test_every_parameter_receives_a_finite_gradient(name: str, training: bool) -> None:
    model = randomized(NETWORKS[name]()).train(training)
    outputs = all_heatmaps(model(torch.randn(2, 3, 64, 64)))
    torch.stack([output.square().mean() for output in outputs]).sum().backward()
    for entry, parameter in model.named_parameters():
        assert parameter.grad is not None, entry
        assert torch.isfinite(parameter.grad).all(), entry
        assert parameter.grad.any(), entry


def test_the_second_output_alone_trains_the_first() -> None:
    model = randomized(small_higher_hrnet()).train()
    model(torch.randn(2, 3, 64, 64))[1].square().mean().backward()
    assert model.final_layers[0].weight.grad.any()
    assert model.conv1.weight.grad.any()


@pytest.mark.parametrize("name", NETWORKS)
def test_bf16_is_close_to_float32(name: str) -> None:
    model = randomized(NETWORKS[name]())
    images = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        expected = all_heatmaps(model(images))
        with torch.autocast("cpu", torch.bfloat16):
            found = model(images)
    assert all(output.dtype == torch.bfloat16 for output in ([found] if isinstance(found, Tensor) else found))
    for ours, theirs in zip(all_heatmaps(found), expected, strict=True):
        assert (ours - theirs).abs().mean() < 0.05 * theirs.std()


def test_batch_and_memory_order_do_not_matter() -> None:
    model = randomized(small_higher_hrnet(133))
    images = torch.randn(2, 3, 64, 64)
    before = images.clone()
    with torch.inference_mode():
        expected = [torch.cat(pair) for pair in zip(*(model(image[None]) for image in images), strict=True)]
        model = model.to(memory_format=torch.channels_last)
        found = model(images.to(memory_format=torch.channels_last))
    assert torch.equal(images, before)
    for ours, theirs in zip(found, expected, strict=True):
        assert (ours - theirs).abs().max() < 1e-4 * theirs.std()


def test_initial_weights_are_the_published_ones() -> None:
    model = small_higher_hrnet(64)
    layers = [*model.final_layers, model.deconv_layers[0][0][0], model.deconv_layers[0][1][0].conv1]
    assert isinstance(layers[2], nn.ConvTranspose2d)
    for layer in layers:
        assert layer.weight.std().item() == pytest.approx(INIT_STD, rel=0.2)
        assert layer.bias is None or not layer.bias.any()


@pytest.mark.slow
def test_exports_with_both_outputs_for_any_size() -> None:
    model, images = randomized(small_higher_hrnet()), torch.randn(1, 3, 64, 128)
    size = {2: torch.export.Dim.AUTO, 3: torch.export.Dim.AUTO}
    with torch.no_grad():
        exported = torch.export.export(model, (images,), dynamic_shapes=(size,)).module()
        for pictures in (images, torch.randn(1, 3, 192, 64)):
            for ours, theirs in zip(exported(pictures), model(pictures), strict=True):
                torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4 * float(theirs.std()))


@pytest.mark.slow
def test_compiles_into_one_graph() -> None:
    model, images = randomized(small_higher_hrnet()), torch.randn(1, 3, 64, 64)
    compiled = torch.compile(model, backend="eager", fullgraph=True)
    with torch.no_grad():
        torch.testing.assert_close(compiled(images), model(images))


@pytest.mark.parametrize("prefix", ["", "1."])
def test_loads_its_own_files(tmp_path: Path, prefix: str) -> None:
    """With the prefix: those trained in half precision."""
    source, network = randomized(small_higher_hrnet()), small_higher_hrnet()
    state = {prefix + name: value.half() if prefix else value for name, value in source.state_dict().items()}
    torch.save(state, tmp_path / "weights.pth.tar")
    report = load_weights(network, tmp_path / "weights.pth.tar", allow_new_head=False)
    assert (report.coverage, report.missing, report.unexpected, report.scheme) == (1.0, (), (), "official")
    for name, value in network.state_dict().items():
        assert torch.equal(value, state[prefix + name].to(value.dtype)), name


def test_starts_from_hrnets_weights(tmp_path: Path) -> None:
    source, network = randomized(small_hrnet()), small_higher_hrnet()
    torch.save(source.state_dict(), tmp_path / "hrnet.pth")
    report = load_weights(network, tmp_path / "hrnet.pth")
    assert report.coverage == 1.0
    assert set(report.reinitialised) == {"deconv_layers.0.0.0", "deconv_layers", "final_layers"}
    assert torch.equal(network.stage4[1].branches[2][0].conv2.weight, source.stage4[1].branches[2][0].conv2.weight)
    with pytest.raises(PoseError, match=r"has no usable .*holds HRNet-W8, and the network is HigherHRNet-W8"):
        load_weights(network, tmp_path / "hrnet.pth", allow_new_head=False)


def test_other_keypoints_keep_the_blocks_of_the_second_output(tmp_path: Path) -> None:
    source, network = randomized(small_higher_hrnet()), small_higher_hrnet(14)
    torch.save(source.state_dict(), tmp_path / "coco.pth")
    report = load_weights(network, tmp_path / "coco.pth")
    assert set(report.reinitialised) == {"deconv_layers.0.0.0", "final_layers"}
    assert report.reinitialised["final_layers"] == "the file has 34 channels and the network 28"
    assert torch.equal(network.deconv_layers[0][1][0].conv1.weight, source.deconv_layers[0][1][0].conv1.weight)


def test_files_of_hrnet_with_tags_are_told_apart(tmp_path: Path) -> None:
    torch.save(small_higher_hrnet().state_dict(), tmp_path / "higher.pth")
    with pytest.raises(PoseError, match=r"holds HigherHRNet-W8, and the network is HRNet-W8 with 34 outputs"):
        load_weights(small_hrnet(34), tmp_path / "higher.pth", allow_new_head=False)
    torch.save(small_hrnet(17).state_dict(), tmp_path / "hrnet.pth")
    with pytest.raises(PoseError, match="the file has 17 channels and the network 34"):
        load_weights(small_hrnet(34), tmp_path / "hrnet.pth", allow_new_head=False)

"""Weights of RSN, HRFormer and associative embedding: loaded where they belong, refused by name elsewhere."""

import logging
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from helpers.golden_models import read_states
from helpers.small_models import randomized, small_hrformer
from torch import Tensor, nn

from lib.models.pose_hrnet import PoseHighResolutionNet, hrnet_stages
from lib.models.rsn import ResidualStepsNetwork
from lib.utils.checkpoint import load_weights, model_checkpoint, save_checkpoint
from lib.utils.errors import PoseError
from lib.utils.weight_names import to_scheme

State = dict[str, Tensor]


def saved(path: Path, network: nn.Module, target: str = "original", **content: object) -> Path:
    """A file with random weights under a scheme's names."""
    torch.save({"state_dict": to_scheme(randomized(network).state_dict(), target), **content}, path)
    return path


def parameters_of(network: nn.Module) -> State:
    return dict(network.named_parameters())


@pytest.mark.parametrize(("target", "with_bias"), [("original", False), ("mmpose0", True), ("mmpose1", True)])
def test_hrformer_loads_from_every_scheme(tmp_path: Path, target: str, with_bias: bool) -> None:
    source, network = small_hrformer(), small_hrformer(with_bias=with_bias)
    tables = {name: value.clone() for name, value in network.named_buffers() if name.endswith("index")}
    path = saved(tmp_path / "weights.pth", source, target)
    report = load_weights(network, path, allow_new_head=False)
    assert (report.coverage, report.missing, report.unexpected, report.adapted) == (1.0, (), (), ())
    for name, value in parameters_of(source).items():
        assert torch.equal(network.get_parameter(name), value), name
    assert tables
    for name, value in tables.items():
        assert torch.equal(network.get_buffer(name), value), name
    with pytest.raises(PoseError, match=rf"weights\.pth .*WITH_RPE {str(with_bias).lower()}"):
        load_weights(small_hrformer(with_bias=not with_bias), path)


@pytest.mark.parametrize("with_bias", [False, True])
def test_our_hrformer_remembers_its_bias(tmp_path: Path, with_bias: bool) -> None:
    names = type("Keypoints", (), {"name": "coco", "names": tuple(map(str, range(17)))})()
    config = f"MODEL:\n  EXTRA:\n    WITH_RPE: {str(with_bias).lower()}\n"
    network = small_hrformer(with_bias=with_bias)
    path = tmp_path / "ours.pth"
    save_checkpoint(path, model_checkpoint(network, codec={"name": "msra"}, skeleton=names, config=config))
    assert load_weights(small_hrformer(with_bias=with_bias), path).scheme == "PlumbPose"
    with pytest.raises(PoseError, match=rf"ours\.pth .*WITH_RPE {str(with_bias).lower()}"):
        load_weights(small_hrformer(with_bias=not with_bias), path)


def test_joined_backbone_without_prefixes_starts_either_hrformer(tmp_path: Path) -> None:
    weights = small_hrformer().state_dict()
    backbone = {name: value for name, value in weights.items() if not name.startswith("final_layer")}
    torch.save(to_scheme(backbone, "mmpose0") | {"classifier.weight": torch.zeros(3)}, tmp_path / "imagenet.pth")
    for with_bias in (False, True):
        report = load_weights(small_hrformer(with_bias=with_bias), tmp_path / "imagenet.pth")
        assert (report.scheme, report.coverage) == ("ImageNet", 1.0)
        assert report.reinitialised == {"final_layer": "the file has none"}
        assert report.codec_notice("msra") == ""


def test_rsn_with_and_without_biases_gives_the_same_outputs(tmp_path: Path) -> None:
    biased = randomized(ResidualStepsNetwork(18, 5))
    torch.save({"model": biased.state_dict()}, tmp_path / "rsn.pth")
    plain = ResidualStepsNetwork(18, 5, conv_bias=False).eval()
    report = load_weights(plain, tmp_path / "rsn.pth", allow_new_head=False)
    assert report.adapted == ("115 biases, which the network has not, were taken off BatchNorm's running means",)
    assert (report.missing, report.unexpected) == ((), ())

    saved(tmp_path / "mmpose.pth", plain, "mmpose1")
    again = ResidualStepsNetwork(18, 5).eval()
    report = load_weights(again, tmp_path / "mmpose.pth", allow_new_head=False)
    assert report.adapted == ("115 biases before BatchNorm, which the file has not, are 0",)
    images = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        for one, other in zip(plain(images), again(images), strict=True):
            torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5 * float(one.std()))


def test_folded_biases_keep_the_outputs(tmp_path: Path) -> None:
    biased = randomized(ResidualStepsNetwork(18, 5))
    torch.save({"model": biased.state_dict()}, tmp_path / "rsn.pth")
    plain = ResidualStepsNetwork(18, 5, conv_bias=False).eval()
    load_weights(plain, tmp_path / "rsn.pth")
    images = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        for one, other in zip(biased(images), plain(images), strict=True):
            torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4 * float(one.std()))


def test_other_keypoints_renew_the_heads_of_all_units(tmp_path: Path, log: pytest.LogCaptureFixture) -> None:
    torch.save(ResidualStepsNetwork(18, 17).state_dict(), tmp_path / "coco.pth")
    network = ResidualStepsNetwork(18, 16)
    before = network.state_dict()["stage0.upsample.up2.res_conv2.conv.weight"].clone()
    report = load_weights(network, tmp_path / "coco.pth")
    assert report.reinitialised == {"res_conv2": "the file has 17 channels and the network 16"}
    assert torch.equal(network.state_dict()["stage0.upsample.up2.res_conv2.conv.weight"], before)
    assert not any("res_conv2" in name for name in report.matched)
    assert "which codec" not in log.text
    with pytest.raises(PoseError, match=r"coco\.pth has no usable res_conv2, because the file has 17 channels"):
        load_weights(network, tmp_path / "coco.pth", allow_new_head=False)


def test_other_rsns_are_refused_by_name(tmp_path: Path) -> None:
    make: dict[str, Callable[[], nn.Module]] = {
        "1 stage": lambda: ResidualStepsNetwork(18, 4),
        "2 stages": lambda: ResidualStepsNetwork(18, 4, num_stages=2),
        "1 stage, SE blocks": lambda: ResidualStepsNetwork(18, 4, se_reduction=8),
        "1 stage, PRM": lambda: ResidualStepsNetwork(18, 4, refine=True),
    }
    for name, network in make.items():
        torch.save(network().state_dict(), tmp_path / f"{name}.pth")
    one = "1 stage"
    pairs = (("2 stages", one), (one, "2 stages"), ("1 stage, SE blocks", one), (one, "1 stage, SE blocks"))
    for theirs, ours in (*pairs, ("1 stage, PRM", one), (one, "1 stage, PRM")):
        with pytest.raises(PoseError, match=rf"holds RSN-18 \({theirs}\), but the network is RSN-18 \({ours}\)"):
            load_weights(make[ours](), tmp_path / f"{theirs}.pth", allow_new_head=False)
    with pytest.raises(PoseError, match=r"the network has no block stage0\.upsample\.up1\.skip1\)"):
        load_weights(make["1 stage"](), tmp_path / "2 stages.pth")
    load_weights(make["1 stage"](), tmp_path / "2 stages.pth", layers=["top"])


def test_more_blocks_of_an_hrformer_are_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "weights.pth", small_hrformer(blocks=2))
    with pytest.raises(PoseError, match=r"the network has no block stage2\.0\.branches\.0\.1\)"):
        load_weights(small_hrformer(), path)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("mmpose_higherhrnet_w32_512", r"the file has none \(it holds HigherHRNet-W32, and the network is HRNet-W32\)"),
        ("rsn18_256x192", r"holds RSN-18 \(1 stage\), but the network is HRNet-W32: 0\.0%"),
        ("hrt_small_256x192", r"holds HRFormer-small, but the network is HRNet-W32"),
        ("mmpose_ae_res50_512", r"holds ResNet-50 with 34 outputs, as associative embedding has, but the network is"),
    ],
)
def test_other_families_are_refused_in_a_test(golden: Path, tmp_path: Path, name: str, reason: str) -> None:
    shapes = read_states(golden)[name]["state"]
    torch.save(
        {"state_dict": {entry: torch.zeros(()).expand(shape) for entry, shape in shapes.items()}}, tmp_path / "x.pth"
    )
    with torch.device("meta"):
        network = PoseHighResolutionNet(hrnet_stages(32), 17)
    with pytest.raises(PoseError, match=reason):
        load_weights(network, tmp_path / "x.pth", allow_new_head=False)


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> pytest.LogCaptureFixture:
    """The messages, even where a test of a command has sent them to the console alone."""
    monkeypatch.setattr(logging.getLogger("lib"), "propagate", True)
    caplog.set_level(logging.INFO, "lib")
    return caplog

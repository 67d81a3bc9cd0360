"""Networks from configurations, and their weights at the start of training."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch
from helpers.small_models import randomized
from torch import Tensor
from yacs.config import CfgNode

from lib.config import load_config
from lib.models import build_model, init_pretrained
from lib.models.pose_hrnet import PoseHighResolutionNet
from lib.models.pose_resnet import PoseResNet
from lib.utils.errors import PoseError

HRNET = """
DATASET: {DATASET: coco}
MODEL:
  NAME: pose_hrnet
  IMAGE_SIZE: [64, 96]
  HEATMAP_SIZE: [16, 24]
  EXTRA:
    PRETRAINED_LAYERS: [conv1, bn1, conv2, bn2, layer1, transition1, stage2, transition2, stage3, transition3, stage4]
    STAGE2: {NUM_MODULES: 1, NUM_BRANCHES: 2, NUM_BLOCKS: [1, 1], NUM_CHANNELS: [4, 8]}
    STAGE3: {NUM_MODULES: 2, NUM_BRANCHES: 3, NUM_BLOCKS: [1, 2, 1], NUM_CHANNELS: [4, 8, 16]}
    STAGE4: {NUM_MODULES: 2, NUM_BRANCHES: 4, NUM_BLOCKS: [1, 1, 1, 1], NUM_CHANNELS: [4, 8, 16, 32]}
"""
RESNET = """
DATASET: {DATASET: coco}
MODEL:
  NAME: pose_resnet
  IMAGE_SIZE: [64, 96]
  HEATMAP_SIZE: [8, 12]
  EXTRA:
    NUM_LAYERS: 18
    DECONV_WITH_BIAS: true
    NUM_DECONV_LAYERS: 2
    NUM_DECONV_FILTERS: [16, 8]
    NUM_DECONV_KERNELS: [4, 3]
    FINAL_CONV_KERNEL: 3
"""
Configure = Callable[[str, Sequence[str]], CfgNode]


@pytest.fixture
def configure(tmp_path: Path) -> Configure:
    def make(text: str, overrides: Sequence[str] = ()) -> CfgNode:
        path = tmp_path / "experiment.yaml"
        path.write_text(text)
        return load_config(path, overrides)

    return make


def test_hrnet_follows_its_config(configure: Configure) -> None:
    model = build_model(configure(HRNET, []))
    assert isinstance(model, PoseHighResolutionNet)
    assert [len(stage) for stage in (model.stage2, model.stage3, model.stage4)] == [1, 2, 2]
    assert len(model.stage3[0].branches[1]) == 2
    assert model.transition1[0][0].out_channels == 4
    assert model(torch.zeros(1, 3, 96, 64)).shape == (1, 17, 24, 16)


def test_a_narrower_stem_follows_its_config(configure: Configure) -> None:
    published, narrow = (
        build_model(configure(HRNET, overrides))
        for overrides in ([], ["MODEL.EXTRA.STAGE1.NUM_CHANNELS", "16", "MODEL.EXTRA.STAGE1.NUM_BLOCKS", "2"])
    )
    assert isinstance(narrow, PoseHighResolutionNet)
    assert (narrow.conv1.out_channels, len(narrow.layer1)) == (16, 2)
    sizes = [sum(parameter.numel() for parameter in model.parameters()) for model in (narrow, published)]
    assert sizes[0] < sizes[1]
    assert narrow(torch.zeros(1, 3, 96, 64)).shape == (1, 17, 24, 16)


def test_bottleneck_stages_follow_their_config(configure: Configure) -> None:
    model = build_model(configure(HRNET, ["MODEL.EXTRA.STAGE4.BLOCK", "BOTTLENECK"]))
    assert model.final_layer.in_channels == 16


def test_resnet_follows_its_config(configure: Configure) -> None:
    model = build_model(configure(RESNET, []))
    assert isinstance(model, PoseResNet)
    assert model.deconv_layers[0].bias is not None
    assert (model.deconv_layers[3].kernel_size, model.final_layer.kernel_size) == ((3, 3), (3, 3))
    assert model(torch.zeros(1, 3, 96, 64)).shape == (1, 17, 12, 8)


def test_offset_targets_have_three_maps_per_keypoint(configure: Configure) -> None:
    hrnet = build_model(configure(HRNET, ["MODEL.TARGET_TYPE", "offset"]))
    assert (hrnet.final_layer.in_channels, hrnet.final_layer.out_channels) == (16, 51)  # with the wide fusion
    plain = build_model(configure(HRNET, ["MODEL.TARGET_TYPE", "offset", "MODEL.WIDE_FUSION", "False"]))
    assert plain.final_layer.in_channels == 4
    resnet = build_model(configure(RESNET, ["MODEL.TARGET_TYPE", "offset"]))
    assert resnet.final_layer.out_channels == 51


def test_unknown_networks_are_refused(configure: Configure) -> None:
    cfg = configure(HRNET, []).clone()
    cfg.defrost()
    cfg.MODEL.NAME = "pose_hourglass"
    with pytest.raises(PoseError, match=r"MODEL\.NAME is 'pose_hourglass'.*pose_hrnet, pose_resnet"):
        build_model(cfg)


def pretrained(tmp_path: Path, configure: Configure, text: str, *overrides: str) -> tuple[str, dict[str, Tensor]]:
    """A file of random weights for the network of a config."""
    state = randomized(build_model(configure(text, overrides))).state_dict()
    path = tmp_path / "pretrained.pth"
    torch.save(state, path)
    return str(path), state


def imagenet(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """HRNet for classification: other layers behind stage 4, one of which has the name of the pose network's last."""
    state = {name: value for name, value in state.items() if not name.startswith("final_layer")}
    return state | {
        "incre_modules.0.0.conv1.weight": torch.zeros(1),
        "final_layer.0.weight": torch.zeros(8, 4, 1, 1),
        "classifier.weight": torch.zeros(3),
        "stage4.1.fuse_layers.1.0.0.0.weight": torch.zeros(8, 4, 3, 3),
    }


@pytest.mark.parametrize("wide", ["True", "False"])
def test_hrnet_starts_from_imagenet(tmp_path: Path, configure: Configure, wide: str) -> None:
    path, state = pretrained(tmp_path, configure, HRNET)
    torch.save(imagenet(state), path)
    cfg = configure(HRNET, ["MODEL.PRETRAINED", path, "MODEL.WIDE_FUSION", wide])
    model = build_model(cfg)
    fusion = model.state_dict()["stage4.1.fuse_layers.0.1.0.weight"].clone()
    report = init_pretrained(model, cfg)
    assert report is not None
    assert (report.scheme, report.coverage, report.missing) == ("ImageNet", 1.0, ())
    kept = {"final_layer"} | ({"stage4.1.fuse_layers"} if wide == "True" else set())
    assert set(report.reinitialised) == kept
    assert torch.equal(model.stage4[0].branches[3][0].conv2.weight, state["stage4.0.branches.3.0.conv2.weight"])
    found = model.state_dict()["stage4.1.fuse_layers.0.1.0.weight"]
    assert torch.equal(found, fusion if wide == "True" else state["stage4.1.fuse_layers.0.1.0.weight"])


def test_wide_weights_bring_their_own_fusion(tmp_path: Path, configure: Configure) -> None:
    path, state = pretrained(tmp_path, configure, HRNET, "MODEL.WIDE_FUSION", "True")
    cfg = configure(HRNET, ["MODEL.PRETRAINED", path, "MODEL.WIDE_FUSION", "True"])
    model = build_model(cfg)
    init_pretrained(model, cfg)
    assert torch.equal(model.stage4[1].fuse_layers[0][0][0].weight, state["stage4.1.fuse_layers.0.0.0.weight"])


def test_only_the_listed_layers_are_taken(tmp_path: Path, configure: Configure) -> None:
    path, state = pretrained(tmp_path, configure, HRNET)
    cfg = configure(HRNET, ["MODEL.PRETRAINED", path, "MODEL.EXTRA.PRETRAINED_LAYERS", "['conv1', 'bn1']"])
    model = build_model(cfg)
    report = init_pretrained(model, cfg)
    assert report is not None
    assert {name.split(".")[0] for name in report.matched} == {"conv1", "bn1"}
    assert torch.equal(model.conv1.weight, state["conv1.weight"])
    assert not torch.equal(model.conv2.weight, state["conv2.weight"])
    assert "stage2 starts from new values: it is not among the layers to load" in report.summary()


def test_resnet_starts_from_a_whole_pose_network(tmp_path: Path, configure: Configure) -> None:
    path, state = pretrained(tmp_path, configure, RESNET)
    cfg = configure(RESNET, ["MODEL.PRETRAINED", path])
    model = build_model(cfg)
    report = init_pretrained(model, cfg)
    assert report is not None
    assert set(report.matched) == set(state)


def test_unknown_pretrained_layers_are_refused(tmp_path: Path, configure: Configure) -> None:
    path, _ = pretrained(tmp_path, configure, HRNET)
    cfg = configure(HRNET, ["MODEL.PRETRAINED", path, "MODEL.EXTRA.PRETRAINED_LAYERS", "['conv1', 'stage5']"])
    with pytest.raises(PoseError, match=r"PRETRAINED_LAYERS names stage5, but the network has only bn1,"):
        init_pretrained(build_model(cfg), cfg)


def test_absent_pretrained_file_names_the_way_out(configure: Configure) -> None:
    cfg = configure(HRNET, ["MODEL.PRETRAINED", "models/none.pth"])
    with pytest.raises(PoseError, match=r"models/none\.pth does not exist.*MODEL\.PRETRAINED ''"):
        init_pretrained(build_model(cfg), cfg)


@pytest.mark.parametrize("overrides", [[], ["MODEL.PRETRAINED", "none.pth", "MODEL.INIT_WEIGHTS", "False"]])
def test_nothing_is_loaded_without_a_wish(configure: Configure, overrides: list[str]) -> None:
    cfg = configure(HRNET, overrides)
    assert init_pretrained(build_model(cfg), cfg) is None

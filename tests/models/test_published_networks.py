"""Names, shapes, parameter counts and outputs of the published networks."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.golden_models import golden_input, golden_levels, golden_outputs, golden_weights, read_states
from torch import nn

from lib.core.outputs import all_heatmaps
from lib.models.hrformer import HRFormer, hrformer_stages
from lib.models.pose_higher_hrnet import Enlargement, PoseHigherResolutionNet
from lib.models.pose_hrnet import PoseHighResolutionNet, hrnet_stages
from lib.models.pose_resnet import PoseResNet
from lib.models.rsn import ResidualStepsNetwork
from lib.utils.checkpoint import load_weights
from lib.utils.weight_names import to_own_names

NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "pose_hrnet_w32_256x192": lambda: PoseHighResolutionNet(hrnet_stages(32), 17),
    "pose_hrnet_w32_mpii_256x256": lambda: PoseHighResolutionNet(hrnet_stages(32), 16),
    "pose_hrnet_w48_384x288": lambda: PoseHighResolutionNet(hrnet_stages(48), 17),
    "udp_hrnet_w32_256x192_gaussian": lambda: PoseHighResolutionNet(hrnet_stages(32), 17, wide_fusion=True),
    "udp_hrnet_w32_256x192_offset": lambda: PoseHighResolutionNet(hrnet_stages(32), 51, wide_fusion=True),
    "pose_resnet_50_256x192": lambda: PoseResNet(50, 17),
    "pose_resnet_101_256x192": lambda: PoseResNet(101, 17),
    "pose_resnet_152_384x288": lambda: PoseResNet(152, 17),
    "hrt_small_256x192": lambda: HRFormer(hrformer_stages(32, 1), 17),
    "hrt_base_256x192": lambda: HRFormer(hrformer_stages(78, 2), 17),
    "mmpose_hrnet_w32_256x192": lambda: PoseHighResolutionNet(hrnet_stages(32), 17),
    "mmpose_res50_256x192": lambda: PoseResNet(50, 17),
    "mmpose_hrformer_small_256x192": lambda: HRFormer(hrformer_stages(32, 1, with_bias=True), 17),
    "mmpose_ae_res50_512": lambda: PoseResNet(50, 34),
    "mmpose_ae_hrnet_w32_512": lambda: PoseHighResolutionNet(hrnet_stages(32), 34),
    "mmpose_higherhrnet_w32_512": lambda: PoseHigherResolutionNet(hrnet_stages(32), 17, Enlargement(32)),
    "rsn18_256x192": lambda: ResidualStepsNetwork(18, 17),
    "rsn18_mpii_256x256": lambda: ResidualStepsNetwork(18, 16),
    "rsn18_4x_256x192": lambda: ResidualStepsNetwork(18, 17, num_stages=4),
    "rsn18_prm_256x192": lambda: ResidualStepsNetwork(
        18, 17, refine=True, se_reduction=8, wide_start=True, deep_stem=True
    ),
    "mspn_res18_256x192": lambda: ResidualStepsNetwork(18, 17, steps=False),
    "mmpose_rsn18_256x192": lambda: ResidualStepsNetwork(18, 17, conv_bias=False),
    "mmpose_rsn50_256x192": lambda: ResidualStepsNetwork(50, 17, conv_bias=False),
    "mmpose_2xrsn50_256x192": lambda: ResidualStepsNetwork(50, 17, num_stages=2, conv_bias=False),
}
MMPOSE = [name for name in NETWORKS if name.startswith("mmpose")]
OFFICIAL = [name for name in NETWORKS if name not in MMPOSE]
# HRFormer's own files put these before the names of its network's two parts.
PARTS = ("backbone.", "keypoint_head.")
# REFERENCE values of the publications' own tables and repositories.
PARAMETERS = {
    "pose_hrnet_w32_256x192": 28_536_113,
    "pose_hrnet_w48_384x288": 63_595_745,
    "udp_hrnet_w32_256x192_offset": 28_589_811,
    "pose_resnet_50_256x192": 33_999_697,
    "pose_resnet_101_256x192": 52_991_825,
    "pose_resnet_152_384x288": 68_635_473,
    "mmpose_ae_res50_512": 34_004_066,
    "mmpose_ae_hrnet_w32_512": 28_536_674,
    "mmpose_higherhrnet_w32_512": 28_645_331,
    "rsn18_256x192": 9_159_072,
    "mmpose_rsn18_256x192": 9_144_936,
    "mmpose_rsn50_256x192": 19_328_584,
    "hrt_small_256x192": 7_746_779,
    "hrt_base_256x192": 43_211_777,
}


@pytest.mark.parametrize("name", OFFICIAL)
def test_entries_are_the_published_ones(golden: Path, name: str) -> None:
    published = read_states(golden)[name]
    with torch.device("meta"):
        model = NETWORKS[name]()
    state = {re.sub("|".join(PARTS), "", entry, count=1): shape for entry, shape in published["state"].items()}
    assert {entry: list(value.shape) for entry, value in model.state_dict().items()} == state
    count = sum(parameter.numel() for parameter in model.parameters())
    assert count == published["params"] == PARAMETERS.get(name, count)


@pytest.mark.parametrize("name", MMPOSE)
def test_mmpose_networks_have_the_published_size(golden: Path, name: str) -> None:
    with torch.device("meta"):
        count = sum(parameter.numel() for parameter in NETWORKS[name]().parameters())
    assert count == read_states(golden)[name]["params"] == PARAMETERS.get(name, count)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "pose_hrnet_w32_256x192",
        "udp_hrnet_w32_256x192_offset",
        "pose_resnet_50_256x192",
        "hrt_small_256x192",
        "mmpose_hrnet_w32_256x192",
        "rsn18_256x192",
        "rsn18_prm_256x192",
        "mmpose_rsn18_256x192",
        "mmpose_hrformer_small_256x192",
    ],
)
def test_outputs_are_the_published_ones(golden: Path, tmp_path: Path, name: str) -> None:
    path = tmp_path / "weights.pth"
    torch.save(golden_weights(read_states(golden)[name]["state"]), path)
    model = NETWORKS[name]().eval()
    assert load_weights(model, path).coverage == 1.0
    expected, std = golden_outputs(golden, name)
    with torch.inference_mode():
        heatmaps = torch.cat(all_heatmaps(model(golden_input(256, 192)))).numpy()
    found = heatmaps[-len(expected) :, : expected.shape[1], ::2, ::2]
    differences = np.abs(found - expected).max((1, 2, 3)) / std
    assert differences.max() <= 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mmpose_ae_res50_512", "mmpose_higherhrnet_w32_512"])
def test_heatmaps_and_tags_are_the_published_ones(golden: Path, tmp_path: Path, name: str) -> None:
    path = tmp_path / "weights.pth"
    torch.save(golden_weights(read_states(golden)[name]["state"]), path)
    model = NETWORKS[name]().eval()
    assert load_weights(model, path, allow_new_head=False).coverage == 1.0
    with torch.inference_mode():
        found = all_heatmaps(model(golden_input(512, 512)))
    for output, (expected, std, channels) in zip(found, golden_levels(golden, name), strict=True):
        differences = output[0, channels, ::4, ::4].numpy() - expected
        assert np.abs(differences).max() <= 1e-3 * std


@pytest.mark.parametrize("name", MMPOSE)
def test_mmpose_names_map_to_ours_completely(golden: Path, name: str) -> None:
    weights = {entry: torch.empty(shape, device="meta") for entry, shape in read_states(golden)[name]["state"].items()}
    renamed, scheme = to_own_names(weights)
    with torch.device("meta"):
        own = NETWORKS[name]().state_dict()
    assert {entry: value.shape for entry, value in renamed.items()} == {
        entry: value.shape for entry, value in own.items()
    }
    assert scheme == "mmpose 0.x"

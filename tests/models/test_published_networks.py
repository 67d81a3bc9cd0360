"""Names, shapes, parameter counts and outputs of the published networks."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.golden_models import golden_input, golden_weights, read_states
from torch import nn

from lib.models.pose_hrnet import PoseHighResolutionNet, hrnet_stages
from lib.models.pose_resnet import PoseResNet
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
    "mmpose_hrnet_w32_256x192": lambda: PoseHighResolutionNet(hrnet_stages(32), 17),
    "mmpose_res50_256x192": lambda: PoseResNet(50, 17),
}
OFFICIAL = [name for name in NETWORKS if not name.startswith("mmpose")]
# REFERENCE values of the publications' own tables and repositories.
PARAMETERS = {
    "pose_hrnet_w32_256x192": 28_536_113,
    "pose_hrnet_w48_384x288": 63_595_745,
    "udp_hrnet_w32_256x192_offset": 28_589_811,
    "pose_resnet_50_256x192": 33_999_697,
    "pose_resnet_101_256x192": 52_991_825,
    "pose_resnet_152_384x288": 68_635_473,
}


@pytest.mark.parametrize("name", OFFICIAL)
def test_entries_are_the_published_ones(golden: Path, name: str) -> None:
    published = read_states(golden)[name]
    with torch.device("meta"):
        model = NETWORKS[name]()
    assert {entry: list(value.shape) for entry, value in model.state_dict().items()} == published["state"]
    count = sum(parameter.numel() for parameter in model.parameters())
    assert count == published["params"] == PARAMETERS.get(name, count)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "pose_hrnet_w32_256x192",
        "udp_hrnet_w32_256x192_offset",
        "pose_resnet_50_256x192",
        "mmpose_hrnet_w32_256x192",
    ],
)
def test_outputs_are_the_published_ones(golden: Path, tmp_path: Path, name: str) -> None:
    path = tmp_path / "weights.pth"
    torch.save(golden_weights(read_states(golden)[name]["state"]), path)
    model = NETWORKS[name]().eval()
    assert load_weights(model, path).coverage == 1.0
    with torch.inference_mode():
        heatmaps = model(golden_input(256, 192)).numpy()
    with np.load(golden / "models" / "outputs.npz") as values:
        expected, std = values[name], float(values[f"{name}.std"])
    np.testing.assert_allclose(heatmaps[:, :12, ::2, ::2], expected, rtol=0, atol=1e-3 * std)


@pytest.mark.parametrize("name", ["mmpose_hrnet_w32_256x192", "mmpose_res50_256x192"])
def test_mmpose_names_map_to_ours_completely(golden: Path, name: str) -> None:
    weights = {entry: torch.empty(shape, device="meta") for entry, shape in read_states(golden)[name]["state"].items()}
    renamed, scheme = to_own_names(weights)
    with torch.device("meta"):
        own = NETWORKS[name]().state_dict()
    assert {entry: value.shape for entry, value in renamed.items()} == {
        entry: value.shape for entry, value in own.items()
    }
    assert scheme == "mmpose 0.x"

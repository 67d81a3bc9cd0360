"""Names of every published scheme: recognised, mapped to ours and back, and described."""

from pathlib import Path

import pytest
import torch
from helpers.golden_models import read_states
from torch import Tensor

from lib.utils.errors import PoseError
from lib.utils.weight_names import (
    TARGETS,
    describe_network,
    fold_biases,
    normed_biases,
    to_own_names,
    to_scheme,
    zero_biases,
)

State = dict[str, Tensor]
# Networks that were published under the names of their own repository and under mmpose's.
PAIRS = {
    "rsn18_256x192": "mmpose_rsn18_256x192",
    "hrt_small_256x192": "mmpose_hrformer_small_256x192",
    "pose_hrnet_w32_256x192": "mmpose_hrnet_w32_256x192",
    "pose_resnet_50_256x192": "mmpose_res50_256x192",
}
DESCRIPTIONS = {
    "rsn18_256x192": "RSN-18 (1 stage)",
    "rsn18_4x_256x192": "RSN-18 (4 stages)",
    "rsn18_prm_256x192": "RSN-18 (1 stage, PRM, SE blocks, a stem of three convolutions)",
    "mspn_res18_256x192": "Res-18 of the RSN repository (1 stage)",
    "mmpose_rsn18_256x192": "RSN-18 (1 stage)",
    "mmpose_2xrsn50_256x192": "RSN-50 (2 stages)",
    "hrt_small_256x192": "HRFormer-small",
    "hrt_base_256x192": "HRFormer-base",
    "mmpose_hrformer_small_256x192": "HRFormer-small",
    "mmpose_ae_res50_512": "ResNet-50 with 34 outputs, as associative embedding has",
    "mmpose_ae_hrnet_w32_512": "HRNet-W32 with 34 outputs, as associative embedding has",
    "mmpose_higherhrnet_w32_512": "HigherHRNet-W32",
    "pose_hrnet_w48_384x288": "HRNet-W48",
    "udp_hrnet_w32_256x192_offset": "HRNet-W32 with UDP-Pose's wide fusion",
    "pose_resnet_152_384x288": "ResNet-152",
}
# What mmpose has no network for.
NOT_IN_MMPOSE = {
    "rsn18_prm_256x192": r"no names for 72 entries, such as top\.conv\.0\.conv\.weight",
    "mspn_res18_256x192": "no names for the baseline of the RSN repository",
    "udp_hrnet_w32_256x192_offset": "no wide last fusion",
}


@pytest.fixture(scope="module")
def states(golden: Path) -> dict[str, dict[str, list[int]]]:
    """Network -> entry -> shape."""
    return {name: network["state"] for name, network in read_states(golden).items()}


def filled(shapes: dict[str, list[int]]) -> State:
    """Random values; counters and tables are whole numbers."""
    return {
        name: torch.randint(1000, shape)
        if name.endswith(("num_batches_tracked", "relative_position_index"))
        else torch.randn(shape)
        for name, shape in shapes.items()
    }


def shapes_of(state: State) -> dict[str, tuple[int, ...]]:
    return {name: tuple(value.shape) for name, value in state.items()}


def assert_identical(one: State, other: State) -> None:
    assert one.keys() == other.keys()
    for name, value in one.items():
        assert value.dtype == other[name].dtype, name
        assert torch.equal(value, other[name]), name


@pytest.mark.parametrize("name", PAIRS)
def test_both_namings_of_a_network_are_the_same_entries(states: dict[str, dict[str, list[int]]], name: str) -> None:
    own, scheme = to_own_names(filled(states[name]))
    mapped, their_scheme = to_own_names(filled(states[PAIRS[name]]))
    assert (scheme, their_scheme) == ("HRFormer" if name.startswith("hrt") else "official", "mmpose 0.x")
    biases = normed_biases(own)
    assert len(biases) == (115 if name.startswith("rsn") else 0)
    assert shapes_of(mapped) == shapes_of(fold_biases(own, biases))
    assert shapes_of(mapped | zero_biases(mapped)) == shapes_of(own)


@pytest.mark.parametrize("name", DESCRIPTIONS)
def test_networks_are_described(states: dict[str, dict[str, list[int]]], name: str) -> None:
    weights = {entry: torch.empty(shape, device="meta") for entry, shape in states[name].items()}
    assert describe_network(to_own_names(weights)[0]) == DESCRIPTIONS[name]


def test_queries_keys_and_values_are_joined_in_this_order(states: dict[str, dict[str, list[int]]]) -> None:
    theirs = filled(states["mmpose_hrformer_small_256x192"])
    own, _ = to_own_names(theirs)
    inside = "stage4.1.branches.3.1.attn.attn"
    for kind in ("weight", "bias"):
        query, key, value = (own[f"{inside}.{part}_proj.{kind}"] for part in "qkv")
        assert torch.equal(theirs[f"backbone.{inside}.qkv.{kind}"], torch.cat([query, key, value]))
    assert torch.equal(own[f"{inside}.out_proj.weight"], theirs[f"backbone.{inside}.proj.weight"])
    assert torch.equal(
        own["stage2.0.branches.1.0.mlp.norm3.running_var"],
        theirs["backbone.stage2.0.branches.1.0.ffn.norm3.running_var"],
    )


def test_units_of_all_stages_find_their_predictions(states: dict[str, dict[str, list[int]]]) -> None:
    theirs = filled(states["mmpose_2xrsn50_256x192"])
    own, _ = to_own_names(theirs)
    head = "keypoint_head.predict_layers"
    for stage, unit, layer in ((0, 1, 0), (0, 4, 3), (1, 1, 4), (1, 3, 6)):
        for index in (0, 1):
            ours = own[f"stage{stage}.upsample.up{unit}.res_conv{index + 1}.conv.weight"]
            assert torch.equal(ours, theirs[f"{head}.{layer}.conv_layers.{index}.conv.weight"])
    assert torch.equal(own["top.conv.bn.bias"], theirs["backbone.top.top.0.bn.bias"])
    last = "downsample.layer3.5"
    assert torch.equal(
        own[f"stage1.{last}.conv_bn_relu3.conv.weight"],
        theirs[f"backbone.multi_stage_rsn.1.{last}.conv_bn3.conv.weight"],
    )
    skips = (("u_skip", "in_skip"), ("skip1", "out_skip1"), ("skip2", "out_skip2"), ("cross_conv", "cross_conv"))
    for ours, name in skips:
        assert torch.equal(
            own[f"stage0.upsample.up4.{ours}.conv.weight"],
            theirs[f"backbone.multi_stage_rsn.0.upsample.up4.{name}.conv.weight"],
        )


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", [name for name in DESCRIPTIONS if name not in NOT_IN_MMPOSE])
def test_names_there_and_back(states: dict[str, dict[str, list[int]]], name: str, target: str) -> None:
    own, _ = to_own_names(filled(states[name]))
    if "higher" in name and target == "mmpose1":
        with pytest.raises(PoseError, match=r"mmpose 1\.x has no HigherHRNet"):
            to_scheme(own, target)
        return
    if target != "original":
        own = fold_biases(own, normed_biases(own))
    theirs = to_scheme(own, target)
    assert_identical(to_own_names(theirs)[0], own)
    if target == ("mmpose0" if name.startswith("mmpose") else "original"):
        assert theirs.keys() == states[name].keys()


@pytest.mark.parametrize("name", NOT_IN_MMPOSE)
def test_networks_that_mmpose_lacks_are_refused(states: dict[str, dict[str, list[int]]], name: str) -> None:
    own, _ = to_own_names(filled(states[name]))
    assert_identical(to_scheme(own, "original"), own)
    with pytest.raises(PoseError, match=NOT_IN_MMPOSE[name]):
        to_scheme(own, "mmpose0")


def test_version_1_of_mmpose_calls_the_head_otherwise(states: dict[str, dict[str, list[int]]]) -> None:
    for name in (*PAIRS.values(), "mmpose_ae_res50_512", "mmpose_ae_hrnet_w32_512"):
        theirs = filled(states[name])
        own, _ = to_own_names(theirs)
        newer = to_scheme(own, "mmpose1")
        assert newer.keys() == {name.replace("keypoint_head.", "head.") for name in theirs}
        assert to_own_names(newer)[1] == "mmpose 1.x"


def test_higher_hrnets_own_files_have_no_prefix(states: dict[str, dict[str, list[int]]]) -> None:
    own, scheme = to_own_names(filled(states["mmpose_higherhrnet_w32_512"]))
    assert scheme == "mmpose 0.x"
    assert_identical(to_scheme(own, "original"), own)
    for prefix in ("", "1.", "module.1.", "module."):
        mapped, scheme = to_own_names({prefix + name: value for name, value in own.items()})
        assert scheme == "official"
        assert_identical(mapped, own)


def test_files_for_classification_have_no_prefix(states: dict[str, dict[str, list[int]]]) -> None:
    pose = to_own_names(filled(states["mmpose_hrformer_small_256x192"]))[0]
    own = {name: value for name, value in pose.items() if not name.startswith("final_layer")}
    own["classifier.weight"] = torch.randn(1000, 4)
    joined = to_scheme(own, "mmpose0")
    assert "stage2.0.branches.0.0.attn.attn.qkv.weight" in joined
    mapped, scheme = to_own_names(joined)
    assert scheme == "ImageNet"
    assert_identical(mapped, own)
    assert to_own_names({name: joined[name] for name in joined if name != "classifier.weight"})[1] == "mmpose backbone"


def test_an_attention_layer_without_its_keys_is_refused(states: dict[str, dict[str, list[int]]]) -> None:
    own, _ = to_own_names(filled(states["hrt_small_256x192"]))
    del own["stage3.1.branches.0.0.attn.attn.k_proj.bias"]
    with pytest.raises(PoseError, match=r"lack stage3\.1\.branches\.0\.0\.attn\.attn\.k_proj\.bias"):
        to_scheme(own, "mmpose0")


def test_folding_a_bias_keeps_the_outputs() -> None:
    for channels in torch.randint(1, 9, (4,)).tolist():
        convolution = torch.nn.Conv2d(3, channels, 3)
        norm = torch.nn.BatchNorm2d(channels).eval()
        torch.nn.init.normal_(norm.running_mean)
        images = torch.randn(2, 3, 7, 6)
        state = {f"a.conv.{name}": value for name, value in convolution.state_dict().items()}
        state |= {f"a.bn.{name}": value for name, value in norm.state_dict().items()}
        before = {name: value.clone() for name, value in state.items()}
        expected = norm(convolution(images))

        folded = fold_biases(state, normed_biases(state))
        assert_identical(state, before)
        assert "a.conv.bias" not in folded
        plain = torch.nn.functional.conv2d(images, folded["a.conv.weight"])
        norm.load_state_dict({name.removeprefix("a.bn."): folded[name] for name in folded if ".bn." in name})
        torch.testing.assert_close(norm(plain), expected, rtol=1e-5, atol=1e-5)
        assert_identical(zero_biases(folded), {"a.conv.bias": torch.zeros(channels)})

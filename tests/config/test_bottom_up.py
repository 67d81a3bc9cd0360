"""Bottom-up configurations: what makes one, what is chosen for it, and what is refused."""

import re
from pathlib import Path

import pytest

from lib.codecs import build_codec
from lib.config import batch_notice, config_to_text, default, is_bottom_up, load_config, notices, output_sizes
from lib.config.bottom_up import GROUP_ONLY
from lib.models import build_model
from lib.models.pose_higher_hrnet import PoseHigherResolutionNet
from lib.utils.errors import PoseError

EXPERIMENTS = Path(__file__).resolve().parents[2] / "experiments"
RESNET = EXPERIMENTS / "coco/ae/res50_512x512_mmpose.yaml"
HIGHER = EXPERIMENTS / "coco/ae/higher_hrnet_w32_512x512.yaml"
SMALL = EXPERIMENTS / "synthetic/ae_higher_hrnet_w24_256x256.yaml"
TOP_DOWN = EXPERIMENTS / "coco/hrnet/w32_256x192_adam_lr1e-3.yaml"


@pytest.mark.parametrize("codec", ["ae", "ae_udp"])
def test_the_codec_makes_it_bottom_up(codec: str) -> None:
    config = load_config(HIGHER, ["MODEL.CODEC", codec])
    assert is_bottom_up(config)
    assert (config.TEST.DECODER, config.TEST.OKS_THRE, config.MODEL.WIDE_FUSION) == ("group", 1.0, False)
    lines = notices(config)
    assert f"TEST.DECODER is group, because MODEL.CODEC is {codec}." in lines
    assert f"TEST.OKS_THRE is 1, so nobody is suppressed, because MODEL.CODEC is {codec}." in lines


def test_single_people_stay_as_they_were() -> None:
    config = load_config(TOP_DOWN)
    assert not is_bottom_up(config)
    assert (config.TEST.DECODER, config.TEST.OKS_THRE) == ("quarter", 0.9)


def test_batches_are_of_pictures() -> None:
    assert "total batch is 12 pictures" in str(batch_notice(load_config(HIGHER), 1))


def test_suppression_may_be_asked_for(tmp_path: Path) -> None:
    config = load_config(HIGHER, ["TEST.OKS_THRE", "0.9"])
    assert config.TEST.OKS_THRE == 0.9
    saved = tmp_path / "saved.yaml"
    saved.write_text(config_to_text(config))
    assert load_config(saved) == config


def test_sizes_of_the_outputs() -> None:
    assert output_sizes(load_config(RESNET)) == ((128, 128),)
    assert output_sizes(load_config(HIGHER)) == ((128, 128), (256, 256))
    assert output_sizes(load_config(EXPERIMENTS / "coco/ae/higher_hrnet_w48_640x640.yaml")) == ((160, 160), (320, 320))


@pytest.mark.parametrize("scales", [[0.5, 1.0, 2.0], [1.0, 0.75, 0.5], [3.0, 2.0, 1.0], [1.2, 1.0, 0.4], [0.666]])
def test_scales_that_fit_in_any_order(scales: list[float]) -> None:
    assert scales == load_config(HIGHER, ["TEST.SCALE_FACTOR", str(scales)]).TEST.SCALE_FACTOR


def test_network_follows_its_config() -> None:
    deconv = "MODEL.EXTRA.DECONV"
    overrides = [f"{deconv}.NUM_CHANNELS", "12", f"{deconv}.KERNEL_SIZE", "2", f"{deconv}.NUM_BASIC_BLOCKS", "3"]
    model = build_model(load_config(SMALL, overrides))
    assert isinstance(model, PoseHigherResolutionNet)
    first, *blocks = model.deconv_layers[0]
    assert (first[0].in_channels, first[0].out_channels, first[0].kernel_size) == (24 + 34, 12, (2, 2))
    assert len(blocks) == 3
    assert [layer.out_channels for layer in model.final_layers] == [34, 17]
    assert (model.conv1.out_channels, len(model.layer1)) == (16, 1)


def test_other_networks_have_a_tag_per_keypoint() -> None:
    assert build_model(load_config(RESNET, ["MODEL.EXTRA.NUM_LAYERS", "18"])).final_layer.out_channels == 34
    overrides = ["MODEL.CODEC", "ae", "MODEL.IMAGE_SIZE", "[256, 256]", "MODEL.HEATMAP_SIZE", "[64, 64]"]
    overrides += ["TEST.DECODER", ""]
    assert build_model(load_config(TOP_DOWN, overrides)).final_layer.out_channels == 34


def test_keys_of_single_people_are_without_effect() -> None:
    lines = " ".join(notices(load_config(HIGHER, ["DATASET.PROB_HALF_BODY", "0.3", "TEST.USE_GT_BBOX", "true"])))
    for key in ("DATASET.PROB_HALF_BODY", "TEST.USE_GT_BBOX"):
        assert f"{key} (only for single people)" in lines


def test_keys_of_groups_are_without_effect_for_single_people() -> None:
    lines = " ".join(notices(load_config(TOP_DOWN, ["TEST.SCALE_FACTOR", "[2, 1]", "LOSS.PULL_LOSS_FACTOR", "1"])))
    for key in ("TEST.SCALE_FACTOR", "LOSS.PULL_LOSS_FACTOR"):
        assert f"{key} (only for bottom-up)" in lines


def test_every_option_of_groups_is_listed() -> None:
    """The comments of the defaults say which options bottom-up configurations alone read."""
    sections, names, section = Path(default.__file__).read_text().split("\ndef _"), set(), ""
    for part in sections:
        section = part.partition("(")[0].upper()
        _, marked, after = part.partition("# Bottom-up only")
        if marked:
            names |= {f"{section}.{name}" for name in re.findall(r"node\.([A-Z0-9_]+) =", after)}
    assert names == set(GROUP_ONLY)


def test_there_is_no_codec_of_single_people() -> None:
    with pytest.raises(PoseError, match=r"MODEL\.CODEC ae finds all people of a whole picture, .*top-down config"):
        build_codec(load_config(HIGHER))


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["MODEL.CODEC", "msra"], r"pose_higher_hrnet has tags, so MODEL\.CODEC must be ae or ae_udp and not msra"),
        (["MODEL.TARGET_TYPE", "offset"], r"MODEL\.TARGET_TYPE offset does not exist with MODEL\.CODEC ae"),
        (["TEST.DECODER", "udp"], r"TEST\.DECODER udp does not fit .*MODEL\.CODEC ae; it must be one of group"),
        (["MODEL.IMAGE_SIZE", "[512, 640]", "MODEL.HEATMAP_SIZE", "[128, 160]"], r"IMAGE_SIZE .* must be a square"),
        (["MODEL.HEATMAP_SIZE", "[256, 256]"], r"pose_higher_hrnet makes \[128, 128\]"),
        (["MODEL.WIDE_FUSION", "true"], r"only pose_hrnet has a fusion to widen"),
        (["MODEL.EXTRA.DECONV.NUM_CHANNELS", "0"], r"DECONV\.NUM_CHANNELS is 0, but it must be 1 or more"),
        (["MODEL.EXTRA.DECONV.KERNEL_SIZE", "5"], r"DECONV\.KERNEL_SIZE is 5, but it must be 2, 3 or 4"),
        (["MODEL.EXTRA.DECONV.NUM_BASIC_BLOCKS", "-1"], r"DECONV\.NUM_BASIC_BLOCKS is -1"),
        (["MODEL.EXTRA.STAGE2.NUM_MODULES", "0"], r"NUM_MODULES is 0, but pose_higher_hrnet needs"),
        (["LOSS.AE_LOSS_TYPE", "mse"], r"AE_LOSS_TYPE is 'mse', but it must be one of exp, max"),
        (["LOSS.PUSH_LOSS_FACTOR", "-1"], r"PUSH_LOSS_FACTOR is -1\.0, but it must be 0 or more"),
        (["LOSS.USE_OHKM", "true"], r"LOSS\.USE_OHKM picks keypoints of single people"),
        (["LOSS.USE_DIFFERENT_JOINTS_WEIGHT", "true"], r"USE_DIFFERENT_JOINTS_WEIGHT does not exist with"),
        (["DATASET.SCALE_TYPE", "middle"], r"SCALE_TYPE is 'middle', but it must be one of short, long"),
        (["DATASET.MIN_SCALE", "2"], r"DATASET\.MAX_SCALE is 1\.5, less than DATASET\.MIN_SCALE 2\.0"),
        (["DATASET.MAX_NUM_PEOPLE", "0"], r"MAX_NUM_PEOPLE is 0, but it must be greater than 0"),
        (["DATASET.DATA_FORMAT", "packed"], r"DATA_FORMAT packed holds single people"),
        (["DATASET.CROP_ON", "device"], r"CROP_ON device cuts single people"),
        (["TEST.SCALE_FACTOR", "[2, 0.5]"], r"SCALE_FACTOR is \[2\.0, 0\.5\], .*one of them 1"),
        (["TEST.SCALE_FACTOR", "[1, 1]"], r"SCALE_FACTOR is .*different numbers"),
        (["TEST.SCALE_FACTOR", "[]"], r"SCALE_FACTOR is \[\], "),
        (["TEST.SCALE_FACTOR", "[1, 0.7]"], r"SCALE_FACTOR is \[1\.0, 0\.7\].*multiple of half the smallest"),
        (["TEST.SCALE_FACTOR", "[2, 1, 0.75]"], r"multiple of half the smallest, as in \[2, 1, 0\.5\]"),
        (["TEST.SCALE_FACTOR", "[1, 0.001]"], r"SCALE_FACTOR 0\.001 makes inputs of less than 32 px"),
        (["MODEL.TAG_PER_JOINT", "false"], r"TAG_PER_JOINT is false.*set it to true"),
        (["LOSS.SMOOTH_L1", "true"], r"SMOOTH_L1 is about offset targets"),
        (["TEST.NMS_KERNEL", "4"], r"NMS_KERNEL is 4, but it must be an odd number"),
        (["TEST.NMS_KERNEL", "3"], r"NMS_PADDING is 2, but TEST\.NMS_KERNEL 3 needs 1"),
        (["TEST.TAG_THRESHOLD", "0"], r"TAG_THRESHOLD is 0\.0"),
        (["TEST.DETECTION_THRESHOLD", "2"], r"DETECTION_THRESHOLD is 2\.0, but it must be between 0 and 1"),
        (["TEST.RUNTIME", "openvino"], r"TEST\.RUNTIME openvino needs inputs of one size"),
    ],
)
def test_impossible_values(overrides: list[str], message: str) -> None:
    with pytest.raises(PoseError, match=rf"{HIGHER.name}: .*{message}"):
        load_config(HIGHER, overrides)


def test_networks_without_tags_are_refused() -> None:
    with pytest.raises(
        PoseError, match=r"needs a network with tags, so MODEL\.NAME must be pose_resnet, pose_hrnet or"
    ):
        load_config(EXPERIMENTS / "coco/rsn/rsn18_256x192.yaml", ["MODEL.CODEC", "ae", "TEST.DECODER", "group"])


def test_maps_are_a_quarter() -> None:
    overrides = ["MODEL.EXTRA.NUM_DECONV_LAYERS", "2", "MODEL.EXTRA.NUM_DECONV_FILTERS", "[256, 256]"]
    overrides += ["MODEL.EXTRA.NUM_DECONV_KERNELS", "[4, 4]", "MODEL.HEATMAP_SIZE", "[64, 64]"]
    with pytest.raises(
        PoseError, match=r"needs maps of a quarter of the input; change MODEL\.EXTRA\.NUM_DECONV_LAYERS"
    ):
        load_config(RESNET, overrides)

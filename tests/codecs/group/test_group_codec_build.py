"""From options to the codec: published orders, variants, descriptions and refusals."""

from pathlib import Path

import pytest
from helpers.group_scenes import make_group_codec

from lib.codecs.base import check_same_codec
from lib.codecs.group.build import build_group_codec
from lib.codecs.group.options import COCO_ORDER, GroupOptions, published_order
from lib.config import load_config
from lib.utils.errors import PoseError


def test_published_orders() -> None:
    """COCO's in both; for CrowdPose HigherHRNet takes the start of the same list and mmpose the numbers as they are."""
    assert published_order(17, mmpose=False) == published_order(17, mmpose=True) == COCO_ORDER
    assert published_order(14, mmpose=False) == (0, 1, 2, 3, 4, 5, 6, 11, 12, 7, 8, 9, 10, 13)
    assert published_order(14, mmpose=True) == tuple(range(14))
    for count in (1, 3, 9, 21, 133):
        assert published_order(count, mmpose=False) == published_order(count, mmpose=True) == tuple(range(count))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"joint_order": (0, 0, 1)}, "name each of them once"),
        ({"nms_kernel": 4}, "TEST.NMS_KERNEL is 4"),
        ({"detection_threshold": -0.1}, "TEST.DETECTION_THRESHOLD"),
    ],
)
def test_options_that_cannot_be_used(options: dict[str, object], words: str) -> None:
    with pytest.raises(PoseError, match=words):
        GroupOptions(**{"joint_order": (0, 1, 2), **options})


def test_an_order_of_another_keypoint_set_is_refused() -> None:
    with pytest.raises(PoseError, match="names 14 of 17"):
        make_group_codec(14, flip_permutation=range(17))


CHANGES = {
    "DATASET.MAX_NUM_PEOPLE": "12",
    "TEST.DETECTION_THRESHOLD": "0.2",
    "TEST.TAG_THRESHOLD": "0.5",
    "TEST.USE_DETECTION_VAL": "False",
    "TEST.IGNORE_TOO_MUCH": "True",
    "TEST.NMS_KERNEL": "3",
    "TEST.NMS_PADDING": "1",
    "TEST.ADJUST": "False",
    "TEST.REFINE": "False",
}


def test_every_option_arrives(repository: Path) -> None:
    words = [word for change in CHANGES.items() for word in change]
    path = repository / "experiments" / "coco" / "ae" / "higher_hrnet_w32_512x512_mmpose.yaml"
    codec = build_group_codec(load_config(path, words))
    assert (codec.name, codec.variant, codec.sigma) == ("ae", "mmpose", 2)
    assert {one.name for one in codec.crops} == {"plain"}
    assert codec.output_sizes_wh == ((128, 128), (256, 256))
    assert codec.input_size_wh == (512, 512)
    assert codec.flip_permutation[:3] == (0, 2, 1)
    assert codec.options == GroupOptions(
        COCO_ORDER,
        max_people=12,
        detection_threshold=0.2,
        tag_threshold=0.5,
        use_scores=False,
        ignore_too_much=True,
        mmpose=True,
        nms_kernel=3,
        adjust=False,
        refine=False,
    )


@pytest.mark.parametrize(
    ("experiment", "name", "crop", "outputs", "order"),
    [
        ("coco/ae/hrnet_w32_512x512_udp_mmpose.yaml", "ae_udp", "udp", 1, COCO_ORDER),
        ("coco/ae/higher_hrnet_w32_640x640.yaml", "ae", "plain", 2, COCO_ORDER),
        ("crowdpose/ae/higher_hrnet_w32_512x512_mmpose.yaml", "ae", "plain", 2, tuple(range(14))),
    ],
)
def test_published_experiments(
    repository: Path, experiment: str, name: str, crop: str, outputs: int, order: tuple[int, ...]
) -> None:
    """With the published options, which are the defaults here."""
    codec = build_group_codec(load_config(repository / "experiments" / experiment, []))
    assert codec.name == name
    assert [one.name for one in codec.crops] == [crop] * outputs
    assert codec.options == GroupOptions(order, mmpose=codec.variant == "mmpose")
    assert codec.combiner.align_corners == codec.unbiased == (name == "ae_udp")


def test_description_knows_geometry_but_not_size() -> None:
    small = make_group_codec(input_size_wh=(256, 256), output_sizes_wh=[(64, 64)]).description()
    large = make_group_codec(input_size_wh=(640, 640), output_sizes_wh=[(160, 160)]).description()
    check_same_codec(small, large, "x.pth")
    udp = make_group_codec(unbiased=True).description()
    with pytest.raises(PoseError, match="codec ae "):
        check_same_codec(small, udp, "x.pth")
    with pytest.raises(PoseError, match="strides"):
        check_same_codec(small, make_group_codec(output_sizes_wh=[(64, 64), (128, 128)]).description(), "x.pth")

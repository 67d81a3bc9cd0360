"""The options of hrformer: what they mean in the network, and what is refused."""

from pathlib import Path

import pytest

from lib.config import load_config
from lib.models import build_model
from lib.models.hrformer import HRFormer
from lib.utils.errors import PoseError

SMALL = """
DATASET: {DATASET: coco}
MODEL:
  NAME: hrformer
  IMAGE_SIZE: [64, 96]
  HEATMAP_SIZE: [16, 24]
  EXTRA:
    STAGE2: {NUM_MODULES: 1, NUM_BRANCHES: 2, NUM_BLOCKS: [2, 2], NUM_CHANNELS: [4, 8], NUM_HEADS: [1, 2]}
    STAGE3: {NUM_MODULES: 1, NUM_BRANCHES: 3, NUM_BLOCKS: [1, 1, 1], NUM_CHANNELS: [4, 8, 16], NUM_HEADS: [1, 2, 4]}
    STAGE4:
      NUM_MODULES: 2
      NUM_BRANCHES: 4
      NUM_BLOCKS: [1, 1, 1, 1]
      NUM_CHANNELS: [4, 8, 16, 32]
      NUM_HEADS: [1, 2, 4, 8]
      WINDOW: 3
      NUM_MLP_RATIO: 2
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "hrformer.yaml"
    path.write_text(SMALL)
    return path


def test_network_follows_its_config(path: Path) -> None:
    model = build_model(load_config(path, ["MODEL.EXTRA.DROP_PATH", "0.4", "MODEL.TARGET_TYPE", "offset"]))
    assert isinstance(model, HRFormer)
    assert len(model.layer1) == 2
    assert model.final_layer.out_channels == 51
    block = model.stage4[1].branches[3][0]
    assert (block.attn.window, block.attn.attn.num_heads, block.mlp.fc1.out_channels) == (3, 8, 64)
    assert block.drop_path.rate == pytest.approx(0.4)
    assert not block.attn.attn.with_bias


def test_bias_is_chosen(path: Path) -> None:
    model = build_model(load_config(path, ["MODEL.EXTRA.WITH_RPE", "true"]))
    assert isinstance(model, HRFormer)
    assert model.with_bias
    assert all(parameter.requires_grad for parameter in model.parameters())


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("MODEL.EXTRA.DROP_PATH", "1", r"DROP_PATH is 1\.0, but it must be at least 0 and less than 1"),
        ("MODEL.EXTRA.STAGE2.NUM_BLOCKS", "[2, 1]", r"STAGE2\.NUM_BLOCKS is \[2, 1\].*same number"),
        ("MODEL.EXTRA.STAGE3.NUM_BLOCKS", "[1, 1]", r"STAGE3\.NUM_BLOCKS is \[1, 1\], .*3 numbers"),
        ("MODEL.EXTRA.STAGE3.NUM_HEADS", "[1, 2]", r"STAGE3\.NUM_HEADS is \[1, 2\], .*3 numbers"),
        ("MODEL.EXTRA.STAGE3.NUM_HEADS", "[1, 2, 3]", r"STAGE3\.NUM_HEADS has 3 for a branch of 16 channels"),
        ("MODEL.EXTRA.STAGE2.WINDOW", "0", r"STAGE2\.WINDOW is 0"),
        ("MODEL.EXTRA.STAGE4.NUM_MLP_RATIO", "0", r"STAGE4\.NUM_MLP_RATIO is 0"),
        ("MODEL.EXTRA.STAGE4.NUM_MODULES", "0", r"STAGE4\.NUM_MODULES is 0, but hrformer needs 1 or more"),
        ("MODEL.EXTRA.FINAL_CONV_KERNEL", "2", r"FINAL_CONV_KERNEL is 2"),
        ("MODEL.WIDE_FUSION", "true", r"only pose_hrnet has a fusion to widen"),
        ("MODEL.EXTRA.STAGE2.BLOCK", "BASIC", r"unknown key MODEL\.EXTRA\.STAGE2\.BLOCK of hrformer"),
        ("MODEL.HEATMAP_SIZE", "[8, 12]", r"hrformer makes \[16, 24\]"),
    ],
)
def test_impossible_options_are_refused(path: Path, key: str, value: str, message: str) -> None:
    with pytest.raises(PoseError, match=message):
        load_config(path, [key, value])

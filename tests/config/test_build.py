"""What the configuration promises is what the builders make: the checked heatmap size and channel number."""

from pathlib import Path

import pytest
import torch

from lib.codecs import build_codec
from lib.config import load_config
from lib.models import build_model

SYNTHETIC = Path(__file__).resolve().parents[2] / "experiments" / "synthetic"


@pytest.mark.parametrize("codec", ["msra", "dark", "udp", "udp_offset"])
def test_network_and_codec_agree(codec: str) -> None:
    config = load_config(SYNTHETIC / f"hrnet_w24_128x96_{codec}.yaml")
    width, height = config.MODEL.IMAGE_SIZE
    with torch.no_grad():
        heatmaps = build_model(config).eval()(torch.zeros(1, 3, height, width))
    target, _ = build_codec(config).encode(torch.zeros(1, 17, 2), torch.ones(1, 17))
    assert heatmaps.shape == target.shape
    assert list(heatmaps.shape[:1:-1]) == config.MODEL.HEATMAP_SIZE

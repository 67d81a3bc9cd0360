"""Parameters and multiply-adds, counted by hand and in the published tables."""

from pathlib import Path

import pytest
import torch
from torch import nn

from lib.config import load_config
from lib.models import build_model
from lib.utils.complexity import count_work

# Parameters in millions and GFLOPs of the tables of HRNet (CVPR 2019) and Simple Baselines (ECCV 2018).
PUBLISHED = {
    "hrnet/w32_256x192_adam_lr1e-3": (28.5, 7.1),
    "hrnet/w32_384x288_adam_lr1e-3": (28.5, 16.0),
    "hrnet/w48_256x192_adam_lr1e-3": (63.6, 14.6),
    "hrnet/w48_384x288_adam_lr1e-3": (63.6, 32.9),
    "resnet/res50_256x192_d256x3_adam_lr1e-3": (34.0, 8.9),
    "resnet/res50_384x288_d256x3_adam_lr1e-3": (34.0, 20.0),
    "resnet/res101_256x192_d256x3_adam_lr1e-3": (53.0, 12.4),
    "resnet/res101_384x288_d256x3_adam_lr1e-3": (53.0, 27.9),
    "resnet/res152_256x192_d256x3_adam_lr1e-3": (68.6, 15.7),
    "resnet/res152_384x288_d256x3_adam_lr1e-3": (68.6, 35.3),
}
# Multiply-adds in 1e9.
TRUE = {
    "hrnet/w32_256x192_adam_lr1e-3": 7.65,
    "hrnet/w48_384x288_adam_lr1e-3": 35.31,
    "resnet/res50_256x192_d256x3_adam_lr1e-3": 5.43,
    "resnet/res50_384x288_d256x3_adam_lr1e-3": 12.21,
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_tables(name: str) -> None:
    cfg = load_config(Path(__file__).parents[2] / "experiments" / "coco" / f"{name}.yaml")
    with torch.device("meta"):
        model = build_model(cfg)
    whole = count_work(model, tuple(cfg.MODEL.IMAGE_SIZE))[0]
    millions, gflops = PUBLISHED[name]
    assert whole.parameters / 1e6 == pytest.approx(millions, abs=0.06)
    assert whole.published_gflops == pytest.approx(gflops, rel=0.015)
    assert whole.giga_multiply_adds == pytest.approx(TRUE.get(name, whole.giga_multiply_adds), rel=0.002)


@pytest.mark.parametrize(
    ("name", "millions", "billions"),
    [("w32_512x512", 28.6, 47.9), ("w32_640x640", 28.6, 74.8), ("w48_640x640", 63.8, 154.3)],
)
def test_higher_hrnets_table(name: str, millions: float, billions: float) -> None:
    """Its README counts transposed convolutions as the tables above do, in units of 1e9."""
    cfg = load_config(Path(__file__).parents[2] / "experiments" / "coco" / "ae" / f"higher_hrnet_{name}.yaml")
    with torch.device("meta"):
        model = build_model(cfg)
    whole = count_work(model, tuple(cfg.MODEL.IMAGE_SIZE))[0]
    assert whole.parameters / 1e6 == pytest.approx(millions, abs=0.06)
    assert whole.published_multiply_adds / 1e9 == pytest.approx(billions, abs=0.06)


class _Everything(nn.Module):
    """A convolution of stride 2, a transposed one and a linear layer over each pixel."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Sequential(nn.Conv2d(3, 4, 3, 2, 1, bias=False), nn.BatchNorm2d(4))
        self.up = nn.ConvTranspose2d(4, 6, 4, 2, 1, groups=2)
        self.mix = nn.Linear(6, 5)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """(B, 3, H, W) -> (B, H, W, 5)."""
        return self.mix(self.up(self.down(images)).permute(0, 2, 3, 1))


def test_layers_counted_by_hand() -> None:
    model = _Everything().train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    work = {part.name: part for part in count_work(model, (8, 6))}
    assert work["down.0"].multiply_adds == 12 * 4 * 27
    assert work["up"].multiply_adds == 12 * (4 * 6 // 2) * 16
    assert work["up"].published_multiply_adds == 48 * (4 * 6 // 2) * 16
    assert work["mix"].multiply_adds == 48 * 30
    assert work[""].multiply_adds == sum(work[name].multiply_adds for name in ("down", "up", "mix"))
    assert work[""].parameters == 108 + 8 + (4 * 3 * 16 + 6) + 35
    assert model.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_the_parts_of_a_network_add_up(repository: Path) -> None:
    """Also those in lists, which are never called themselves."""
    cfg = load_config(repository / "experiments" / "coco" / "ae" / "higher_hrnet_w32_512x512.yaml")
    with torch.device("meta"):
        model = build_model(cfg)
    total, *parts = count_work(model, (512, 512))
    own = [part for part in parts if "." not in part.name]
    assert sum(part.multiply_adds for part in own) == total.multiply_adds
    assert sum(part.published_multiply_adds for part in own) == total.published_multiply_adds
    work = {part.name: part.multiply_adds for part in own}
    assert work["final_layers"] > 0
    assert work["deconv_layers"] > 0

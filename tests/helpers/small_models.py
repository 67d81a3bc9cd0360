"""Networks small enough for tests, with values in every entry that tell the entries apart."""

import torch
from torch import Tensor, nn

from lib.models.hrformer import HRFormer, TransformerStage, spread_drop_path
from lib.models.pose_higher_hrnet import Enlargement, PoseHigherResolutionNet
from lib.models.pose_hrnet import PoseHighResolutionNet, Stage
from lib.models.pose_resnet import Deconvolution, PoseResNet
from lib.models.rsn import Channels, ResidualStepsNetwork

SMALL_STAGES = (Stage(1, (1, 1), (8, 16)), Stage(1, (1,) * 3, (8, 16, 32)), Stage(2, (1,) * 4, (8, 16, 32, 64)))


def small_hrnet(out_channels: int = 17, *, wide_fusion: bool = False) -> PoseHighResolutionNet:
    """An HRNet-W8 with one block per branch."""
    return PoseHighResolutionNet(SMALL_STAGES, out_channels, wide_fusion=wide_fusion)


def small_higher_hrnet(num_joints: int = 17) -> PoseHigherResolutionNet:
    """A HigherHRNet-W8 with one block per branch and two behind the transposed convolution."""
    return PoseHigherResolutionNet(SMALL_STAGES, num_joints, Enlargement(8, num_blocks=2))


def small_hrformer(
    out_channels: int = 17, *, with_bias: bool = False, drop_path: float = 0.0, blocks: int = 1
) -> HRFormer:
    """An HRFormer of width 8 with one module per stage."""
    stages = [
        TransformerStage(1, blocks, (8, 16, 32, 64)[:branches], (1, 2, 4, 8)[:branches], with_bias=with_bias)
        for branches in (2, 3, 4)
    ]
    return HRFormer(spread_drop_path((stages[0], stages[1], stages[2]), drop_path), out_channels)


def small_hrformer_with_bias() -> HRFormer:
    """The same with mmpose's relative position bias."""
    return small_hrformer(with_bias=True)


def small_rsn() -> ResidualStepsNetwork:
    """UDP-Pose's RSN-18 of width 8."""
    return ResidualStepsNetwork(
        18, 17, refine=True, se_reduction=8, wide_start=True, deep_stem=True, channels=Channels(8, 16)
    )


def small_resnet(out_channels: int = 17) -> PoseResNet:
    """A ResNet-18 with a narrow head."""
    return PoseResNet(18, out_channels, deconvolutions=[Deconvolution(16)] * 3)


class ThreeLayers(nn.Module):
    """What an HRNet is made of, at a size that compiles in seconds."""

    def __init__(self, out_channels: int) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU(inplace=True))
        self.coarse = nn.Sequential(
            nn.Conv2d(8, 8, 3, 4, 1, bias=False), nn.BatchNorm2d(8), nn.Upsample(scale_factor=2)
        )
        self.fine = nn.Conv2d(8, 8, 3, 2, 1, bias=False)
        self.last = nn.Conv2d(8, out_channels, 1)

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) to (B, out_channels, H / 4, W / 4)."""
        features = self.first(images)
        return self.last(torch.relu(self.fine(features) + self.coarse(features)))


class TwoOutputs(nn.Module):
    """Two networks in one, whose answers come as a list, as RSN's do."""

    def __init__(self, out_channels: int) -> None:
        super().__init__()
        self.first, self.last = ThreeLayers(out_channels), ThreeLayers(out_channels)

    def forward(self, images: Tensor) -> list[Tensor]:
        """(B, 3, H, W) to two tensors (B, out_channels, H / 4, W / 4)."""
        return [self.first(images), self.last(images)]


def randomized(model: nn.Module) -> nn.Module:
    """The network with random values in all parameters and buffers, variances positive; in evaluation mode."""
    with torch.no_grad():
        for name, value in model.state_dict().items():
            if name.endswith("running_var"):
                value.uniform_(0.5, 1.5)
            elif value.is_floating_point():
                fan_in = max(1, value[0].numel()) if value.ndim > 1 else 4
                value.normal_(0.0, (2 / fan_in) ** 0.5)
            else:
                value.fill_(7)
    return model.eval()

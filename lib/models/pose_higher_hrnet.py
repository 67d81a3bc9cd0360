"""HigherHRNet: HRNet with a second output of twice the size, for people without boxes.

Cheng et al., HigherHRNet: Scale-Aware Representation Learning for Bottom-Up Human Pose Estimation, CVPR 2020. Parameter
names are those of HRNet/HigherHRNet-Human-Pose-Estimation.

    image -> HRNet ──> features (1/4) ──> heatmaps and tags (1/4)
                            └─────────┬──────────┘
                          transposed convolution and residual blocks (1/2) ──> heatmaps (1/2)
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from lib.models.blocks import BasicBlock, init_weights, output_conv
from lib.models.pose_hrnet import HighResolutionNet, StagePlan, Stem
from lib.models.pose_resnet import Deconvolution, deconvolution_layers

# The published networks have HRNet's own.
HRNET_STEM = Stem()


@dataclass(frozen=True)
class Enlargement:
    """The way from the first output to the second.

    Attributes:
        channels: of the second output's features; the published networks have those of HRNet's finest branch.
        kernel: of the transposed convolution: 2, 3 or 4.
        num_blocks: residual blocks after it.
    """

    channels: int
    kernel: int = 4
    num_blocks: int = 4


class PoseHigherResolutionNet(HighResolutionNet):
    """HigherHRNet for associative embedding.

    Args:
        stages: stages 2 to 4 of HRNet; each has at least the branches of the one before.
        num_joints: K, keypoints.
        enlargement: the way to the second output.
        stem: what comes before stage 2.
        final_conv_kernel: kernel of the last convolutions, 1 or 3.

    Weights start with the published values (`init_weights`).
    """

    # Modules that depend on the keypoint set and are absent from ImageNet weights. The transposed convolution stands
    # for itself: it reads the first output, but the blocks behind it fit other keypoints as well.
    head_names: ClassVar[tuple[str, ...]] = ("deconv_layers.0.0.0", "deconv_layers", "final_layers")

    def __init__(
        self,
        stages: tuple[StagePlan, StagePlan, StagePlan],
        num_joints: int,
        enlargement: Enlargement,
        *,
        stem: Stem = HRNET_STEM,
        final_conv_kernel: int = 1,
    ) -> None:
        channels, enlarged = stages[-1].channels[0], enlargement.channels
        super().__init__(stages, channels, stem=stem)
        first_channels = 2 * num_joints
        self.final_layers = nn.ModuleList(
            [
                output_conv(channels, first_channels, final_conv_kernel),
                output_conv(enlarged, num_joints, final_conv_kernel),
            ]
        )
        # The published names count deconvolutions, of which there is one, and put each block in a sequence of its own.
        layers = [Deconvolution(enlarged, enlargement.kernel)]
        deconvolution = deconvolution_layers(channels + first_channels, layers, bias=False)
        blocks = (nn.Sequential(BasicBlock(enlarged, enlarged)) for _ in range(enlargement.num_blocks))
        self.deconv_layers = nn.ModuleList([nn.Sequential(deconvolution, *blocks)])
        init_weights(self)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Estimate heatmaps and tags.

        Args:
            images: normalised images, (B, 3, H, W), float; H and W are multiples of 32 (with four branches).

        Returns:
            K heatmaps followed by K tags, (B, 2K, H / 4, W / 4), and K heatmaps, (B, K, H / 2, W / 2).
        """
        features = self.features(images)
        first = self.final_layers[0](features)
        features = self.deconv_layers[0](torch.cat((features, first), 1))
        return [first, self.final_layers[1](features)]

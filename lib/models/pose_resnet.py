"""Simple baseline: a ResNet followed by deconvolutions back to heatmap size.

Xiao et al., Simple Baselines for Human Pose Estimation and Tracking, ECCV 2018. Parameter names are those of
deep-high-resolution-net.pytorch, which for the ResNet are also torchvision's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from lib.models.blocks import BasicBlock, Bottleneck, ResidualBlock, conv, init_weights, output_conv, residual_layer

# depth -> block and number of blocks in layer1 .. layer4 (He et al., CVPR 2016, table 1).
RESNETS: dict[int, tuple[ResidualBlock, tuple[int, int, int, int]]] = {
    18: (BasicBlock, (2, 2, 2, 2)),
    34: (BasicBlock, (3, 4, 6, 3)),
    50: (Bottleneck, (3, 4, 6, 3)),
    101: (Bottleneck, (3, 4, 23, 3)),
    152: (Bottleneck, (3, 8, 36, 3)),
}
STEM_CHANNELS = 64


@dataclass(frozen=True)
class Deconvolution:
    """A layer that doubles the size; `kernel` is 2, 3 or 4, the kernels for which padding can make that exact."""

    channels: int
    kernel: int = 4


class PoseResNet(nn.Module):
    """ResNet with a deconvolution head.

    Args:
        depth: 18, 34, 50, 101 or 152.
        out_channels: channels of the heatmaps: K, 2K for associative embedding, or 3K for offset targets.
        deconvolutions: the layers of the head; with the published three the heatmap is a quarter of the image.
        deconv_bias: give the deconvolutions a bias.
        final_conv_kernel: kernel of the last convolution, 1 or 3.

    Weights start with the published values (`init_weights`).
    """

    # Modules that are absent from ImageNet weights.
    head_names: ClassVar[tuple[str, ...]] = ("deconv_layers", "final_layer")

    def __init__(
        self,
        depth: int,
        out_channels: int,
        *,
        deconvolutions: Sequence[Deconvolution] = (Deconvolution(256),) * 3,
        deconv_bias: bool = False,
        final_conv_kernel: int = 1,
    ) -> None:
        super().__init__()
        block, (blocks1, blocks2, blocks3, blocks4) = RESNETS[depth]
        expansion = block.expansion

        self.conv1 = conv(3, STEM_CHANNELS, 7, stride=2)
        self.bn1 = nn.BatchNorm2d(STEM_CHANNELS)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1 = residual_layer(block, STEM_CHANNELS, 64, blocks1)
        self.layer2 = residual_layer(block, 64 * expansion, 128, blocks2, stride=2)
        self.layer3 = residual_layer(block, 128 * expansion, 256, blocks3, stride=2)
        self.layer4 = residual_layer(block, 256 * expansion, 512, blocks4, stride=2)

        self.deconv_layers = deconvolution_layers(512 * expansion, deconvolutions, deconv_bias)
        features = deconvolutions[-1].channels if deconvolutions else 512 * expansion
        self.final_layer = output_conv(features, out_channels, final_conv_kernel)
        init_weights(self)

    def forward(self, images: Tensor) -> Tensor:
        """Estimate heatmaps.

        Args:
            images: normalised crops, (B, 3, H, W), float; H and W are multiples of 32.

        Returns:
            Heatmaps, (B, out_channels, H / 4, W / 4) with three deconvolutions.
        """
        x = self.maxpool(self.relu(self.bn1(self.conv1(images))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.final_layer(self.deconv_layers(x))


def deconvolution_layers(in_channels: int, deconvolutions: Sequence[Deconvolution], bias: bool) -> nn.Sequential:
    """Deconvolution, BatchNorm and ReLU for each layer, flat in one sequence as the published names ask."""
    layers: list[nn.Module] = []
    for layer in deconvolutions:
        # Output size = 2 * size - 2 + kernel - 2 * padding + output_padding = 2 * size.
        padding, output_padding = (layer.kernel - 1) // 2, layer.kernel % 2
        layers += [
            nn.ConvTranspose2d(
                in_channels, layer.channels, layer.kernel, 2, padding, output_padding=output_padding, bias=bias
            ),
            nn.BatchNorm2d(layer.channels),
            nn.ReLU(inplace=True),
        ]
        in_channels = layer.channels
    return nn.Sequential(*layers)

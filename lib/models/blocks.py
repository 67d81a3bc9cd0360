"""Building blocks that the networks share.

Sub-modules have the names of the published checkpoints (conv1, bn1, ..., downsample), so weights load unchanged.
BatchNorm keeps PyTorch's momentum 0.1 and eps 1e-5, which are the published values.
"""

from typing import ClassVar, TypeAlias

from torch import Tensor, nn

# Standard deviation of all convolutions' initial weights in the published networks.
INIT_STD = 0.001


def conv(in_channels: int, out_channels: int, kernel_size: int, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    """A convolution without bias that keeps the size (at stride 1); `kernel_size` is odd."""
    padding = kernel_size // 2
    return nn.Conv2d(in_channels, out_channels, kernel_size, stride, padding, groups=groups, bias=False)


def conv_norm(
    in_channels: int, out_channels: int, kernel_size: int, stride: int = 1, *, relu: bool = False
) -> nn.Sequential:
    """Convolution, BatchNorm and, on demand, ReLU."""
    layers: list[nn.Module] = [conv(in_channels, out_channels, kernel_size, stride), nn.BatchNorm2d(out_channels)]
    if relu:
        layers.append(nn.ReLU(inplace=True))
    return nn.Sequential(*layers)


def output_conv(in_channels: int, out_channels: int, kernel_size: int) -> nn.Conv2d:
    """The last layer: features to heatmaps of the same size, with a bias; `kernel_size` is odd."""
    return nn.Conv2d(in_channels, out_channels, kernel_size, padding=kernel_size // 2)


def shortcut(in_channels: int, out_channels: int, stride: int) -> nn.Module:
    """What a residual block adds its result to: the input, projected where size or channels change."""
    if stride == 1 and in_channels == out_channels:
        return nn.Identity()
    return conv_norm(in_channels, out_channels, 1, stride)


class BasicBlock(nn.Module):
    """Two 3x3 convolutions beside a shortcut (He et al., CVPR 2016, figure 5 left).

    Args:
        in_channels: channels of the input.
        width: channels inside; `width * expansion` come out.
        stride: of the first convolution.
    """

    expansion: ClassVar[int] = 1

    def __init__(self, in_channels: int, width: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = conv(in_channels, width, 3, stride)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = conv(width, width, 3)
        self.bn2 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = shortcut(in_channels, width, stride)

    def forward(self, x: Tensor) -> Tensor:
        """(B, in_channels, H, W) -> (B, width, H / stride, W / stride)."""
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += self.downsample(x)
        return self.relu(out)


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions beside a shortcut; the 3x3 has the stride (He et al., CVPR 2016, figure 5 right).

    Args:
        in_channels: channels of the input.
        width: channels inside; `width * expansion` come out.
        stride: of the 3x3 convolution.
    """

    expansion: ClassVar[int] = 4

    def __init__(self, in_channels: int, width: int, stride: int = 1) -> None:
        super().__init__()
        out_channels = width * self.expansion
        self.conv1 = conv(in_channels, width, 1)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = conv(width, width, 3, stride)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = conv(width, out_channels, 1)
        self.bn3 = nn.BatchNorm2d(out_channels)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = shortcut(in_channels, out_channels, stride)

    def forward(self, x: Tensor) -> Tensor:
        """(B, in_channels, H, W) -> (B, 4 * width, H / stride, W / stride)."""
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        out += self.downsample(x)
        return self.relu(out)


ResidualBlock: TypeAlias = type[BasicBlock] | type[Bottleneck]


def residual_layer(
    block: ResidualBlock, in_channels: int, width: int, num_blocks: int, stride: int = 1
) -> nn.Sequential:
    """`num_blocks` residual blocks in a row, the first with the stride; `width * block.expansion` channels come out."""
    first = block(in_channels, width, stride)
    return nn.Sequential(first, *(block(width * block.expansion, width) for _ in range(num_blocks - 1)))


def init_weights(model: nn.Module) -> None:
    """Give every layer the published initial values, in place.

    Weights of convolutions and deconvolutions are drawn from N(0, 0.001²), BatchNorm starts as the identity and biases
    at 0. Source: deep-high-resolution-net.pytorch lib/models/pose_hrnet.py:452-467 and pose_resnet.py:195-232; only
    pose_resnet without PRETRAINED differs there, its last bias keeps PyTorch's default.
    """
    for module in model.modules():
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.normal_(module.weight, std=INIT_STD)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.ones_(module.weight)
        else:
            continue
        if module.bias is not None:
            nn.init.zeros_(module.bias)

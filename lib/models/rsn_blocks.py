"""Building blocks of the residual steps network.

Sub-modules have the names of the published RSN checkpoints. BatchNorm keeps PyTorch's momentum and eps, as published.
"""

from typing import Protocol

from torch import Tensor, cat, nn
from torch.nn import functional

# Branches of a residual steps block, and the width of each as a part of the block's channels, in 64ths.
BRANCHES = 4
BRANCH_SHARE = 26


class ConvNorm(nn.Module):
    """Convolution, BatchNorm and, on demand, ReLU under the names `conv` and `bn`.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        kernel_size: odd; the size is kept at stride 1.
        stride: of the convolution.
        relu: end with a ReLU.
        bias: give the convolution a bias. BatchNorm takes it away again in training, where its gradient is 0 up to
            rounding, but the published weights have it.
        groups: of the convolution.
        pooled: the input is one value per channel, see `PooledNorm`.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        stride: int = 1,
        *,
        relu: bool,
        bias: bool,
        groups: int = 1,
        pooled: bool = False,
    ) -> None:
        super().__init__()
        padding = kernel_size // 2
        self.conv = nn.Conv2d(in_channels, out_channels, kernel_size, stride, padding, groups=groups, bias=bias)
        self.bn = PooledNorm(out_channels) if pooled else nn.BatchNorm2d(out_channels)
        self.relu = nn.ReLU(inplace=True) if relu else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """(B, in_channels, H, W) -> (B, out_channels, H / stride, W / stride)."""
        return self.relu(self.bn(self.conv(x)))


class PooledNorm(nn.BatchNorm2d):
    """BatchNorm of features that are one value per channel and person.

    A training batch of one person, as the last of an epoch may be, has no variance; it is normalised with the running
    statistics. PyTorch's BatchNorm refuses it.
    """

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, 1, 1) -> (B, C, 1, 1)."""
        if self.training and len(x) == 1:
            return functional.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)
        return super().forward(x)


class SqueezeExcitation(nn.Module):
    """Weigh channels by what the whole map says (Hu et al., CVPR 2018), as UDP-Pose's RSN does.

    Args:
        channels: of the input.
        reduction: `channels` by this are inside.
    """

    def __init__(self, channels: int, reduction: int) -> None:
        super().__init__()
        inside = channels // reduction
        self.fc = nn.Sequential(
            nn.Linear(channels, inside, bias=False),
            nn.ReLU(inplace=True),
            nn.Linear(inside, channels, bias=False),
            nn.Sigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, H, W) -> the same shape."""
        return x * self.fc(x.mean((2, 3)))[:, :, None, None]


class StepsBlock(nn.Module):
    """The residual steps block (Cai et al., ECCV 2020).

    A 1x1 convolution makes four branches; branch i is i 3x3 convolutions ("steps") long, and its step j also gets the
    result of step j of the branch before. The last steps, joined, stand beside a shortcut.

    Args:
        in_channels: channels of the input.
        channels: channels of the output.
        stride: of the first convolution.
        bias: convolutions have a bias.
        se_reduction: of squeeze and excitation before the shortcut is added; 0 = none.
        wide_start: the branches have 26/64 of the output's channels, as in UDP-Pose; else of the input's.
    """

    def __init__(
        self,
        in_channels: int,
        channels: int,
        stride: int = 1,
        *,
        bias: bool,
        se_reduction: int = 0,
        wide_start: bool = False,
    ) -> None:
        super().__init__()
        width = (channels if wide_start else in_channels) * BRANCH_SHARE // 64
        self.conv_bn_relu1 = ConvNorm(in_channels, BRANCHES * width, 1, stride, relu=True, bias=bias)
        for branch in range(1, BRANCHES + 1):
            for step in range(1, branch + 1):
                self.add_module(_step_name(branch, step), ConvNorm(width, width, 3, relu=True, bias=bias))
        self.conv_bn_relu3 = ConvNorm(BRANCHES * width, channels, 1, relu=False, bias=bias)
        self.se = SqueezeExcitation(channels, se_reduction) if se_reduction else nn.Identity()
        self.relu = nn.ReLU(inplace=True)
        self.downsample = _shortcut(in_channels, channels, stride, bias)

    def forward(self, x: Tensor) -> Tensor:
        """(B, in_channels, H, W) -> (B, channels, H / stride, W / stride)."""
        last_steps: list[Tensor] = []
        before: list[Tensor] = []
        for branch, out in enumerate(self.conv_bn_relu1(x).chunk(BRANCHES, 1), 1):
            steps: list[Tensor] = []
            for step in range(1, branch + 1):
                inputs = out + before[step - 1] if step < branch else out
                out = getattr(self, _step_name(branch, step))(inputs)
                steps.append(out)
            last_steps.append(out)
            before = steps
        out = self.se(self.conv_bn_relu3(cat(last_steps, 1)))
        out += self.downsample(x)
        return self.relu(out)


class PlainBlock(nn.Module):
    """1x1, 3x3 and 1x1 convolutions of one width beside a shortcut: the block of RSN's baseline Res-18.

    Args:
        in_channels: channels of the input.
        channels: channels inside and of the output.
        stride: of the 3x3 convolution.
        bias: convolutions have a bias.
    """

    def __init__(self, in_channels: int, channels: int, stride: int = 1, *, bias: bool) -> None:
        super().__init__()
        self.conv_bn_relu1 = ConvNorm(in_channels, channels, 1, relu=True, bias=bias)
        self.conv_bn_relu2 = ConvNorm(channels, channels, 3, stride, relu=True, bias=bias)
        self.conv_bn_relu3 = ConvNorm(channels, channels, 1, relu=False, bias=bias)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = _shortcut(in_channels, channels, stride, bias)

    def forward(self, x: Tensor) -> Tensor:
        """(B, in_channels, H, W) -> (B, channels, H / stride, W / stride)."""
        out = self.conv_bn_relu3(self.conv_bn_relu2(self.conv_bn_relu1(x)))
        out += self.downsample(x)
        return self.relu(out)


class BlockMaker(Protocol):
    """Makes a block with everything but its place in the network decided."""

    def __call__(self, in_channels: int, channels: int, stride: int = 1) -> nn.Module:
        """A block from `in_channels` to `channels`."""


class PoseRefineMachine(nn.Module):
    """Refine features by what the whole map says of each channel and what its surroundings say of each pixel.

    With f = conv3x3(x) the result is f * (1 + sigmoid(g) * sigmoid(l)), where g is two 1x1 convolutions of f's mean,
    and l a 1x1 and a depthwise 9x9 convolution of f (Cai et al., ECCV 2020). ReLUs precede the sigmoids, as in the
    published code, so both are between 0.5 and 1.

    Args:
        channels: of input and output.
        bias: convolutions have a bias.
    """

    def __init__(self, channels: int, *, bias: bool) -> None:
        super().__init__()
        self.conv_bn_relu_prm_1 = ConvNorm(channels, channels, 3, relu=True, bias=bias)
        self.conv_bn_relu_prm_2_1 = ConvNorm(channels, channels, 1, relu=True, bias=bias, pooled=True)
        self.conv_bn_relu_prm_2_2 = ConvNorm(channels, channels, 1, relu=True, bias=bias, pooled=True)
        self.conv_bn_relu_prm_3_1 = ConvNorm(channels, channels, 1, relu=True, bias=bias)
        self.conv_bn_relu_prm_3_2 = ConvNorm(channels, channels, 9, relu=True, bias=bias, groups=channels)

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, H, W) -> the same shape."""
        features = self.conv_bn_relu_prm_1(x)
        overall = self.conv_bn_relu_prm_2_2(self.conv_bn_relu_prm_2_1(features.mean((2, 3), keepdim=True)))
        local = self.conv_bn_relu_prm_3_2(self.conv_bn_relu_prm_3_1(features))
        return features * (1 + overall.sigmoid() * local.sigmoid())


def _step_name(branch: int, step: int) -> str:
    return f"conv_bn_relu2_{branch}_{step}"


def _shortcut(in_channels: int, channels: int, stride: int, bias: bool) -> nn.Module:
    """What a block adds its result to: the input, projected where size or channels change."""
    if stride == 1 and in_channels == channels:
        return nn.Identity()
    return ConvNorm(in_channels, channels, 1, stride, relu=False, bias=bias)

"""HRFormer: HRNet's branches with transformer blocks in place of residual blocks.

Yuan et al., HRFormer: High-Resolution Transformer for Dense Prediction, NeurIPS 2021. Parameter names are those of its
published pose code without `backbone.` and `keypoint_head.`.
"""

from dataclasses import dataclass, replace

from torch import Tensor, nn

from lib.models.blocks import conv, conv_norm
from lib.models.pose_hrnet import PoseHighResolutionNet, Stem
from lib.models.window_attention import WindowAttention

NORM_EPS = 1e-6
# Bottlenecks before stage 2 of the published networks.
HRFORMER_STEM = Stem(num_blocks=2)


@dataclass(frozen=True)
class TransformerStage:
    """A stage of HRFormer: transformer blocks on the branches.

    Attributes:
        num_modules: modules, each ending in an exchange between all branches.
        num_blocks: transformer blocks per branch and module.
        channels: channels per branch, finest branch first; at least two branches.
        num_heads: heads of the attention per branch; each divides the branch's channels.
        window: side of the attention's windows, tokens.
        mlp_ratio: width inside the feed-forward networks, in channels of the branch.
        with_bias: add the relative position bias.
        drop_rates: drop path's rate of each block of a branch over all modules; () for 0. All branches have the same.
    """

    num_modules: int
    num_blocks: int
    channels: tuple[int, ...]
    num_heads: tuple[int, ...]
    window: int = 7
    mlp_ratio: int = 4
    with_bias: bool = False
    drop_rates: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if len(self.num_heads) != len(self.channels) or len(self.channels) < 2:
            raise ValueError(f"{len(self.num_heads)} numbers of heads for {len(self.channels)} branches, at least two")
        if any(channels % heads for channels, heads in zip(self.channels, self.num_heads, strict=True)):
            raise ValueError(f"heads {self.num_heads} do not divide channels {self.channels}")
        if len(self.drop_rates) not in (0, self.depth):
            raise ValueError(f"{len(self.drop_rates)} drop rates for {self.depth} blocks")

    @property
    def depth(self) -> int:
        """Blocks of a branch over all modules."""
        return self.num_modules * self.num_blocks

    def make_branches(self, module: int) -> list[nn.Module]:
        """Transformer blocks on every branch of the module with this index."""
        start = module * self.num_blocks
        rates = (self.drop_rates or (0.0,) * self.depth)[start : start + self.num_blocks]
        return [
            nn.Sequential(*(self._block(channels, heads, rate) for rate in rates))
            for channels, heads in zip(self.channels, self.num_heads, strict=True)
        ]

    def make_path(self, source: int, target: int, out_channels: int) -> nn.Module:
        """Scaling and change of channels between branch `source` and output `target` (0 is the finest)."""
        in_channels = self.channels[source]
        if source < target:
            inner = (separable_downsampling(in_channels, in_channels, relu=True) for _ in range(target - source - 1))
            return nn.Sequential(*inner, separable_downsampling(in_channels, out_channels, relu=False))
        if source > target:
            scaling = nn.Upsample(scale_factor=2 ** (source - target), mode="bilinear", align_corners=False)
            return nn.Sequential(*conv_norm(in_channels, out_channels, 1), scaling)
        return nn.Identity()

    def _block(self, channels: int, num_heads: int, drop_rate: float) -> nn.Module:
        attention = WindowAttention(channels, num_heads, self.window, with_bias=self.with_bias)
        return TransformerBlock(channels, attention, channels * self.mlp_ratio, drop_rate)


def hrformer_stages(
    width: int, num_heads: int, *, with_bias: bool = False, drop_path: float = 0.0
) -> tuple[TransformerStage, TransformerStage, TransformerStage]:
    """Stages 2 to 4 of the published networks: small is (32, 1) with drop path 0.1, base (78, 2) with 0.2.

    Args:
        width: channels of the finest branch; each further branch has twice as many.
        num_heads: heads of the finest branch, doubled likewise.
        with_bias: add the relative position bias, as mmpose does.
        drop_path: the last block's rate.
    """
    stage2, stage3, stage4 = (
        TransformerStage(
            num_modules,
            2,
            tuple(width * 2**branch for branch in range(branches)),
            tuple(num_heads * 2**branch for branch in range(branches)),
            with_bias=with_bias,
        )
        for num_modules, branches in ((1, 2), (4, 3), (2, 4))
    )
    return spread_drop_path((stage2, stage3, stage4), drop_path)


def spread_drop_path(
    stages: tuple[TransformerStage, TransformerStage, TransformerStage], rate: float
) -> tuple[TransformerStage, TransformerStage, TransformerStage]:
    """The stages with rates that rise evenly from 0 at the first block of a branch to `rate` at the last.

    Source: HRFormer cls/models/hrt.py and mmpose hrformer.py: linspace over the blocks of one branch through all
    modules and stages; blocks side by side have the same rate.
    """
    depth = sum(stage.depth for stage in stages)
    rates = [rate * block / (depth - 1) for block in range(depth)]
    spread = []
    for stage in stages:
        spread.append(replace(stage, drop_rates=tuple(rates[: stage.depth])))
        rates = rates[stage.depth :]
    return spread[0], spread[1], spread[2]


class HRFormer(PoseHighResolutionNet):
    """HRFormer for pose estimation.

    Args:
        stages: stages 2 to 4; each has at least the branches of the one before.
        out_channels: channels of the heatmaps: K, or 3K for offset targets.
        stem: what comes before stage 2.
        final_conv_kernel: kernel of the last convolution, 1 or 3.

    Convolutions start with HRNet's published values, linear layers with PyTorch's, as in both published codes.
    """

    def __init__(
        self,
        stages: tuple[TransformerStage, TransformerStage, TransformerStage],
        out_channels: int,
        *,
        stem: Stem = HRFORMER_STEM,
        final_conv_kernel: int = 1,
    ) -> None:
        super().__init__(stages, out_channels, stem=stem, final_conv_kernel=final_conv_kernel)
        self.with_bias = stages[0].with_bias

    def scheme_fault(self, scheme: str) -> str:
        """Why weights that were published under a naming scheme cannot be meant for this network; '' where they can.

        HRFormer's own pose weights were trained without the relative position bias and mmpose's with it; both have the
        table. ImageNet weights start either.
        """
        trained_with_bias = {"HRFormer": False, "mmpose 0.x": True, "mmpose 1.x": True}.get(scheme, self.with_bias)
        if trained_with_bias == self.with_bias:
            return ""
        use = "with" if trained_with_bias else "without"
        return (
            f"weights as those of {scheme} were trained {use} the relative position bias; set "
            f"MODEL.EXTRA.WITH_RPE {str(trained_with_bias).lower()} for them"
        )


class TransformerBlock(nn.Module):
    """Attention and a feed-forward network, each normalised before and added to what went in.

    Args:
        channels: channels of the map.
        attention: maps (B, H, W, C) to the same shape.
        width: channels inside the feed-forward network.
        drop_rate: drop path's rate.
    """

    def __init__(self, channels: int, attention: nn.Module, width: int, drop_rate: float) -> None:
        super().__init__()
        self.attn = attention
        self.norm1 = nn.LayerNorm(channels, NORM_EPS)
        self.norm2 = nn.LayerNorm(channels, NORM_EPS)
        self.mlp = ConvolutionalMlp(channels, width)
        self.drop_path = DropPath(drop_rate)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        tokens = x.permute(0, 2, 3, 1)
        tokens = tokens + self.drop_path(self.attn(self.norm1(tokens)))
        x = tokens.permute(0, 3, 1, 2)
        return x + self.drop_path(self.mlp(self.norm2(tokens).permute(0, 3, 1, 2)))


class ConvolutionalMlp(nn.Module):
    """1x1, depthwise 3x3 and 1x1 convolutions, each with a bias, BatchNorm and GELU.

    Args:
        channels: channels of input and output.
        width: channels inside.
    """

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(channels, width, 1)
        self.norm1 = nn.BatchNorm2d(width)
        self.dw3x3 = nn.Conv2d(width, width, 3, padding=1, groups=width)
        self.norm2 = nn.BatchNorm2d(width)
        self.fc2 = nn.Conv2d(width, channels, 1)
        self.norm3 = nn.BatchNorm2d(channels)
        self.act = nn.GELU()

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        x = self.act(self.norm1(self.fc1(x)))
        x = self.act(self.norm2(self.dw3x3(x)))
        return self.act(self.norm3(self.fc2(x)))


class DropPath(nn.Module):
    """In training, leave out what a block adds for a random part of the samples (stochastic depth).

    Args:
        rate: probability of leaving out, at least 0 and less than 1; the rest is scaled up, so the mean stays.

    Source: Huang et al., Deep Networks with Stochastic Depth, ECCV 2016; per sample and scaled as in timm.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        """(B, ...) -> (B, ...)."""
        if not self.training or self.rate == 0:
            return x
        kept = 1 - self.rate
        mask = x.new_empty((x.shape[0],) + (1,) * (x.ndim - 1)).bernoulli_(kept)
        return x * (mask / kept)

    def extra_repr(self) -> str:
        """Shown when a network is printed."""
        return f"rate={self.rate:.3g}"


def separable_downsampling(in_channels: int, out_channels: int, *, relu: bool) -> nn.Sequential:
    """Depthwise 3x3 convolution of stride 2 and 1x1 convolution, each with BatchNorm, and on demand ReLU."""
    depthwise = conv(in_channels, in_channels, 3, stride=2, groups=in_channels)
    return nn.Sequential(depthwise, nn.BatchNorm2d(in_channels), *conv_norm(in_channels, out_channels, 1, relu=relu))

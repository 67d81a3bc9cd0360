"""RSN: one or more hourglasses of residual steps blocks, each answering at four resolutions.

Cai et al., Learning Delicate Local Representations for Multi-Person Pose Estimation, ECCV 2020. Parameter names are
those of caiyuanhao1998/RSN, whose networks, those of UDP-Pose's RSN and those of mmpose are all made here.
"""

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from torch import Size, Tensor, nn
from torch.nn import functional

from lib.models.rsn_blocks import BlockMaker, ConvNorm, PlainBlock, PoseRefineMachine, StepsBlock

# depth -> number of blocks in layer1 .. layer4.
BLOCK_COUNTS: dict[int, tuple[int, int, int, int]] = {18: (2, 2, 2, 2), 50: (3, 4, 6, 3)}
# Resolutions of a stage, each half of the one before.
LEVELS = 4


@dataclass(frozen=True)
class Channels:
    """Widths of a network; the published ones have the default.

    Attributes:
        width: of the stem, of layer1 and of what one stage hands the next; each further layer has twice as many.
        unit: of every unit on the way up.
    """

    width: int = 64
    unit: int = 256

    @property
    def layers(self) -> tuple[int, ...]:
        """Channels of layer1 .. layer4."""
        return tuple(self.width * 2**level for level in range(LEVELS))


class ResidualStepsNetwork(nn.Module):
    """RSN.

    Args:
        depth: 18 or 50, by the ResNet that has as many blocks.
        out_channels: channels of the heatmaps: K, or 3K for offset targets.
        num_stages: hourglasses in a row, 1 or more.
        steps: residual steps blocks; False makes the baseline of plain blocks, Res-18.
        conv_bias: convolutions have a bias, as in RSN and UDP-Pose; mmpose's have none.
        refine: pose refine machine in the finest unit of each stage, before all that is made of the unit's features,
            as in UDP-Pose.
        se_reduction: of squeeze and excitation in residual steps blocks, 8 in UDP-Pose; 0 = none.
        wide_start: branches take their width from a block's output, as in UDP-Pose; else from its input.
        deep_stem: three convolutions, as in UDP-Pose; else one and a max-pooling.
        channels: widths.

    Weights start with the published values, see `_init_weights`; all publications train from these, without ImageNet.
    """

    # The last convolution of every unit, whose channels are the keypoints.
    head_names: ClassVar[tuple[str, ...]] = ("res_conv2",)

    def __init__(
        self,
        depth: int,
        out_channels: int,
        *,
        num_stages: int = 1,
        steps: bool = True,
        conv_bias: bool = True,
        refine: bool = False,
        se_reduction: int = 0,
        wide_start: bool = False,
        deep_stem: bool = False,
        channels: Channels = Channels(),
    ) -> None:
        super().__init__()
        block: BlockMaker = partial(PlainBlock, bias=conv_bias)
        if steps:
            block = partial(StepsBlock, bias=conv_bias, se_reduction=se_reduction, wide_start=wide_start)
        self.num_stages = num_stages
        self.top = _Stem(channels.width, deep_stem, conv_bias)
        for index in range(num_stages):
            last = index == num_stages - 1
            ascent = _Ascent(channels, out_channels, last=last, refine=refine, bias=conv_bias)
            stage = _Stage(_Descent(block, channels, BLOCK_COUNTS[depth]), ascent)
            self.add_module(f"stage{index}", stage)
        _init_weights(self, everywhere=not conv_bias)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Estimate heatmaps.

        Args:
            images: normalised crops, (B, 3, H, W), float; H and W are multiples of 32.

        Returns:
            Heatmaps of every unit, stage by stage and from coarse to fine, 4 * num_stages times (B, out_channels,
            H / 4, W / 4); the last is the estimate.
        """
        x = self.top(images)
        skips: list[Tensor] = []
        heatmaps: list[Tensor] = []
        for index in range(self.num_stages):
            maps, skips, x = getattr(self, f"stage{index}")(x, skips)
            heatmaps += maps
        return heatmaps


class _Stem(nn.Module):
    """A quarter of the image's size in `channels` channels."""

    def __init__(self, channels: int, deep: bool, bias: bool) -> None:
        super().__init__()
        if deep:
            self.conv: nn.Module = nn.Sequential(
                ConvNorm(3, channels, 3, 2, relu=True, bias=bias),
                ConvNorm(channels, channels, 7, relu=True, bias=bias),
                ConvNorm(channels, channels, 3, 2, relu=True, bias=bias),
            )
            self.maxpool: nn.Module = nn.Identity()
        else:
            self.conv = ConvNorm(3, channels, 7, 2, relu=True, bias=bias)
            self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, channels, H / 4, W / 4)."""
        return self.maxpool(self.conv(images))


class _Stage(nn.Module):
    """Down to an eighth of the input and up again; all but the last stage prepare the next one."""

    def __init__(self, downsample: "_Descent", upsample: "_Ascent") -> None:
        super().__init__()
        self.downsample = downsample
        self.upsample = upsample

    def forward(self, x: Tensor, skips: list[Tensor]) -> tuple[list[Tensor], list[Tensor], Tensor]:
        """Heatmaps (coarse to fine), and for the next stage: its skips (fine to coarse) and its input."""
        return self.upsample(self.downsample(x, skips))


class _Descent(nn.Module):
    """Four layers of blocks, each but the first halving the size."""

    def __init__(self, block: BlockMaker, channels: Channels, counts: tuple[int, ...]) -> None:
        super().__init__()
        in_channels = channels.width
        for index, (width, count) in enumerate(zip(channels.layers, counts, strict=True), 1):
            first = block(in_channels, width, 1 if index == 1 else 2)
            self.add_module(f"layer{index}", nn.Sequential(first, *(block(width, width) for _ in range(count - 1))))
            in_channels = width

    def forward(self, x: Tensor, skips: list[Tensor]) -> list[Tensor]:
        """Features of the four layers, fine to coarse; `skips` of the stage before, if any, are added to them."""
        features = []
        for index in range(LEVELS):
            x = getattr(self, f"layer{index + 1}")(x)
            if skips:
                x = x + skips[index]
            features.append(x)
        return features


class _Ascent(nn.Module):
    """Four units, each but the first doubling the size."""

    def __init__(self, channels: Channels, out_channels: int, *, last: bool, refine: bool, bias: bool) -> None:
        super().__init__()
        self.last = last
        for level in range(LEVELS):
            unit = _Unit(channels, level, out_channels, last=last, refine=refine, bias=bias)
            self.add_module(f"up{level + 1}", unit)

    def forward(self, features: list[Tensor]) -> tuple[list[Tensor], list[Tensor], Tensor]:
        """See `_Stage.forward`; `features` come from fine to coarse."""
        heatmap_size = features[0].shape[-2:]
        heatmaps: list[Tensor] = []
        skips: list[Tensor] = []
        out: Tensor | None = None
        for level, x in enumerate(reversed(features)):
            unit: _Unit = getattr(self, f"up{level + 1}")
            out = unit(x, out)
            heatmaps.append(_resize(unit.res_conv2(unit.res_conv1(out)), heatmap_size))
            if not self.last:
                skips.insert(0, unit.skip1(x) + unit.skip2(out))
        return heatmaps, skips, unit.cross_conv(out)


class _Unit(nn.Module):
    """One resolution on the way up; `level` 0 is the coarsest, 3 the finest."""

    def __init__(
        self, channels: Channels, level: int, out_channels: int, *, last: bool, refine: bool, bias: bool
    ) -> None:
        super().__init__()
        in_channels, width = channels.layers[-1 - level], channels.unit
        finest = level == LEVELS - 1
        pointwise = partial(ConvNorm, kernel_size=1, bias=bias)
        self.u_skip = pointwise(in_channels, width, relu=False)
        self.up_conv = pointwise(width, width, relu=False) if level > 0 else nn.Identity()
        self.relu = nn.ReLU(inplace=True)
        self.prm = PoseRefineMachine(width, bias=bias) if refine and finest else nn.Identity()
        self.res_conv1 = pointwise(width, width, relu=True)
        self.res_conv2 = ConvNorm(width, out_channels, 3, relu=False, bias=bias)
        self.skip1 = nn.Identity() if last else pointwise(in_channels, in_channels, relu=True)
        self.skip2 = nn.Identity() if last else pointwise(width, in_channels, relu=True)
        hands_on = finest and not last
        self.cross_conv = pointwise(width, channels.width, relu=True) if hands_on else nn.Identity()

    def forward(self, x: Tensor, coarser: Tensor | None) -> Tensor:
        """Features (B, unit, h, w) from those of the way down, (B, in_channels, h, w), and of the coarser unit."""
        out = self.u_skip(x)
        if coarser is not None:
            out += self._enlarged(coarser, x.shape[-2:])
        return self.prm(self.relu(out))

    def _enlarged(self, coarser: Tensor, size: Size) -> Tensor:
        # Resizing is linear and its weights add up to 1, so with fixed statistics it may as well follow, at a quarter
        # of the arithmetic. In training BatchNorm's statistics are those of the resized map, as published.
        if self.training:
            return self.up_conv(_resize(coarser, size))
        return _resize(self.up_conv(coarser), size)


def _resize(x: Tensor, size: Size) -> Tensor:
    """Bilinear, corners on corners; a map of that size comes back as it is."""
    if x.shape[-2:] == size:
        return x
    return functional.interpolate(x, size, mode="bilinear", align_corners=True)


def _init_weights(network: ResidualStepsNetwork, *, everywhere: bool) -> None:
    """Draw convolutions' weights from N(0, 2 / (out_channels * kernel area)), in place.

    RSN does so on the way down and leaves all else at PyTorch's defaults (RSN exps/RSN18.coco/network.py,
    ResNet_downsample_module; UDP-Pose is the same); mmpose 0.29 does so everywhere (backbones/rsn.py and
    heads/topdown_heatmap_multi_stage_head.py, init_weights).
    """
    for name, module in network.named_modules():
        if isinstance(module, nn.Conv2d) and (everywhere or ".downsample." in name):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

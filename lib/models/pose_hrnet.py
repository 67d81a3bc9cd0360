"""HRNet: branches of several resolutions side by side, exchanging what they see, the finest always kept.

Sun et al., Deep High-Resolution Representation Learning for Human Pose Estimation, CVPR 2019. Parameter names are those
of deep-high-resolution-net.pytorch and, with the wide fusion, of UDP-Pose.

    image -> stem -> layer1 ──> branch 0 (1/4)  ─┬─ stage2 ─┬─ stage3 ─┬─ stage4 ──> heatmaps
                                └> branch 1 (1/8) ┴─        ─┤          ┤
                                        └> branch 2 (1/16)  ─┴─        ─┤
                                                └> branch 3 (1/32)     ─┘
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import ClassVar, Protocol

from torch import Tensor, nn

from lib.models.blocks import (
    BasicBlock,
    Bottleneck,
    ResidualBlock,
    conv,
    conv_norm,
    init_weights,
    output_conv,
    residual_layer,
)

# UDP-Pose's last fusion gives this many times the channels of branch 0 (UDP lib/models/pose_hrnet.py:194-221).
WIDE_FACTOR = 4


@dataclass(frozen=True)
class Stem:
    """What comes before stage 2; the published networks have the default.

    Attributes:
        width: channels of the two stride-2 convolutions, and width of the bottlenecks after them.
        num_blocks: bottlenecks.
    """

    width: int = 64
    num_blocks: int = 4


class StagePlan(Protocol):
    """What a stage is made of: modules in a row that all work on the same branches."""

    @property
    def num_modules(self) -> int:
        """Modules, each ending in an exchange between all branches."""

    @property
    def channels(self) -> tuple[int, ...]:
        """Channels of each branch between the modules, finest branch first."""

    def make_branches(self, module: int) -> list[nn.Module]:
        """The blocks on every branch of the module with this index; they keep size and channels."""

    def make_path(self, source: int, target: int, out_channels: int) -> nn.Module:
        """The way from branch `source` to output `target` (0 is the finest) of an exchange."""


@dataclass(frozen=True)
class Stage:
    """A stage of HRNet: residual blocks on the branches.

    Attributes:
        num_modules: modules, each ending in an exchange between all branches.
        num_blocks: residual blocks per branch and module.
        widths: width of the blocks per branch, finest branch first; at least two.
        block: the residual block.
    """

    num_modules: int
    num_blocks: tuple[int, ...]
    widths: tuple[int, ...]
    block: ResidualBlock = BasicBlock

    def __post_init__(self) -> None:
        if len(self.num_blocks) != len(self.widths):
            raise ValueError(f"{len(self.num_blocks)} block numbers for {len(self.widths)} branches")
        if len(self.widths) < 2:
            raise ValueError("a stage needs at least two branches to exchange anything")

    @property
    def channels(self) -> tuple[int, ...]:
        """Channels of each branch between the modules."""
        return tuple(width * self.block.expansion for width in self.widths)

    def make_branches(self, module: int) -> list[nn.Module]:  # noqa: ARG002 - all modules are alike
        """Residual blocks on every branch."""
        plan = zip(self.channels, self.widths, self.num_blocks, strict=True)
        return [residual_layer(self.block, channels, width, num_blocks) for channels, width, num_blocks in plan]

    def make_path(self, source: int, target: int, out_channels: int) -> nn.Module:
        """Scaling and change of channels between branch `source` and output `target` (0 is the finest)."""
        return fusion_path(source, target, self.channels[source], out_channels)


def hrnet_stages(width: int) -> tuple[Stage, Stage, Stage]:
    """Stages 2 to 4 of the published HRNet-W`width`, for example 32 or 48."""
    widths = (width, 2 * width, 4 * width, 8 * width)
    stage2, stage3, stage4 = (
        Stage(num_modules, (4,) * branches, widths[:branches]) for num_modules, branches in ((1, 2), (4, 3), (3, 4))
    )
    return stage2, stage3, stage4


class HighResolutionNet(nn.Module):
    """HRNet without a head.

    Args:
        stages: stages 2 to 4; each has at least the branches of the one before.
        out_channels: channels of the features.
        stem: what comes before stage 2.
    """

    def __init__(
        self, stages: tuple[StagePlan, StagePlan, StagePlan], out_channels: int, *, stem: Stem = Stem()
    ) -> None:
        super().__init__()
        stage2, stage3, stage4 = stages

        self.conv1 = conv(3, stem.width, 3, stride=2)
        self.bn1 = nn.BatchNorm2d(stem.width)
        self.conv2 = conv(stem.width, stem.width, 3, stride=2)
        self.bn2 = nn.BatchNorm2d(stem.width)
        self.relu = nn.ReLU(inplace=True)
        self.layer1 = residual_layer(Bottleneck, stem.width, stem.width, stem.num_blocks)

        self.transition1 = Transition((stem.width * Bottleneck.expansion,), stage2.channels)
        self.stage2 = make_stage(stage2, stage2.channels)
        self.transition2 = Transition(stage2.channels, stage3.channels)
        self.stage3 = make_stage(stage3, stage3.channels)
        self.transition3 = Transition(stage3.channels, stage4.channels)
        self.stage4 = make_stage(stage4, (out_channels,))  # only the finest branch is needed any more

    def features(self, images: Tensor) -> Tensor:
        """Features of the finest branch, (B, out_channels, H / 4, W / 4), of normalised images (B, 3, H, W)."""
        x = self.relu(self.bn1(self.conv1(images)))
        x = self.relu(self.bn2(self.conv2(x)))
        branches = [self.layer1(x)]
        branches = self.stage2(self.transition1(branches))
        branches = self.stage3(self.transition2(branches))
        branches = self.stage4(self.transition3(branches))
        return branches[0]


class PoseHighResolutionNet(HighResolutionNet):
    """HRNet for pose estimation.

    Args:
        stages: stages 2 to 4; each has at least the branches of the one before.
        out_channels: channels of the heatmaps: K, 2K for associative embedding, or 3K for offset targets.
        stem: what comes before stage 2.
        final_conv_kernel: kernel of the last convolution, 1 or 3.
        wide_fusion: UDP-Pose's network: the last fusion has 4 times the channels and projects branch 0 as well.

    Weights start with the published values (`init_weights`).
    """

    # Modules that depend on the keypoint set and are absent from ImageNet weights.
    head_names: ClassVar[tuple[str, ...]] = ("final_layer",)

    def __init__(
        self,
        stages: tuple[StagePlan, StagePlan, StagePlan],
        out_channels: int,
        *,
        stem: Stem = Stem(),
        final_conv_kernel: int = 1,
        wide_fusion: bool = False,
    ) -> None:
        fused_channels = stages[-1].channels[0] * (WIDE_FACTOR if wide_fusion else 1)
        super().__init__(stages, fused_channels, stem=stem)
        self.final_layer = output_conv(fused_channels, out_channels, final_conv_kernel)
        init_weights(self)

    def forward(self, images: Tensor) -> Tensor:
        """Estimate heatmaps.

        Args:
            images: normalised crops, (B, 3, H, W), float; H and W are multiples of 32 (with four branches).

        Returns:
            Heatmaps, (B, out_channels, H / 4, W / 4).
        """
        return self.final_layer(self.features(images))


class Transition(nn.ModuleList):
    """Bring the branches of one stage to the number and channels of the next.

    A branch that exists is passed on, through a 3x3 convolution where its channels change; a new one is made from the
    coarsest by stride-2 convolutions.
    """

    def __init__(self, in_channels: Sequence[int], out_channels: Sequence[int]) -> None:
        num_old = len(in_channels)
        kept = [
            nn.Identity() if old == new else conv_norm(old, new, 3, relu=True)
            for old, new in zip(in_channels, out_channels, strict=False)
        ]
        added = [
            downsampling(in_channels[-1], new, steps, last_relu=True)
            for steps, new in enumerate(out_channels[num_old:], start=1)
        ]
        super().__init__([*kept, *added])

    def forward(self, branches: list[Tensor]) -> list[Tensor]:
        """A list of (B, C_i, H / 2^i, W / 2^i), finest first -> the same with the next stage's branches."""
        coarsest = len(branches) - 1
        return [path(branches[min(index, coarsest)]) for index, path in enumerate(self)]


class HighResolutionModule(nn.Module):
    """Blocks on every branch, then an exchange in which each output is the sum over all branches.

    Args:
        stage: the branches.
        index: the module's place in the stage.
        out_channels: channels of each output, finest first; as many outputs as there are values.
    """

    def __init__(self, stage: StagePlan, index: int, out_channels: Sequence[int]) -> None:
        super().__init__()
        self.branches = nn.ModuleList(stage.make_branches(index))
        self.fuse_layers = nn.ModuleList(
            Fusion(stage, target, channels) for target, channels in enumerate(out_channels)
        )
        self.relu = nn.ReLU(inplace=True)

    def forward(self, branches: list[Tensor]) -> list[Tensor]:
        """A list of (B, C_i, H / 2^i, W / 2^i), finest first -> the fused outputs in the same order."""
        branches = [blocks(x) for blocks, x in zip(self.branches, branches, strict=True)]
        return [self.relu(fuse(branches)) for fuse in self.fuse_layers]


class Fusion(nn.ModuleList):
    """One output of an exchange: the sum over all branches, each brought to the output's size and channels.

    Args:
        stage: the branches.
        target: the branch whose resolution the output has.
        out_channels: channels of the output.
    """

    def __init__(self, stage: StagePlan, target: int, out_channels: int) -> None:
        super().__init__(stage.make_path(source, target, out_channels) for source in range(len(stage.channels)))

    def forward(self, branches: list[Tensor]) -> Tensor:
        """A list of (B, C_i, H / 2^i, W / 2^i), finest first -> (B, out_channels, H / 2^target, W / 2^target)."""
        terms = (path(x) for path, x in zip(self, branches, strict=True))
        return reduce(add, terms)  # not in place: the first term may be branch 0 itself


def make_stage(stage: StagePlan, out_channels: Sequence[int]) -> nn.Sequential:
    """The modules of a stage; the last one gives `out_channels`, the others keep the branches as they are."""
    outputs = [*[stage.channels] * (stage.num_modules - 1), out_channels]
    return nn.Sequential(*(HighResolutionModule(stage, index, channels) for index, channels in enumerate(outputs)))


def fusion_path(source: int, target: int, in_channels: int, out_channels: int) -> nn.Module:
    """The way from branch `source` to output `target` (0 is the finest): scaling and change of channels."""
    if source < target:
        return downsampling(in_channels, out_channels, target - source, last_relu=False)
    if source > target:
        return nn.Sequential(
            *conv_norm(in_channels, out_channels, 1),
            nn.Upsample(scale_factor=2 ** (source - target), mode="nearest"),
        )
    if in_channels == out_channels:
        return nn.Identity()
    return nn.Sequential(conv(in_channels, out_channels, 1))


def downsampling(in_channels: int, out_channels: int, steps: int, *, last_relu: bool) -> nn.Sequential:
    """`steps` 3x3 convolutions of stride 2; the last one changes the channels and may end without ReLU."""
    inner = (conv_norm(in_channels, in_channels, 3, stride=2, relu=True) for _ in range(steps - 1))
    return nn.Sequential(*inner, conv_norm(in_channels, out_channels, 3, stride=2, relu=last_relu))

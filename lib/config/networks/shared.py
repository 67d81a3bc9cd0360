"""What the descriptions of the networks share."""

from typing import Any, Protocol

from yacs.config import CfgNode

# Every network here halves its resolution five times at its coarsest, so the crop must be a multiple of this.
COARSEST_STRIDE = 32


class NetworkOptions(Protocol):
    """What the configuration must know about a network; each is a module of this package."""

    def default_extra(self) -> CfgNode:
        """MODEL.EXTRA with every option at its default."""

    def stride(self, extra: CfgNode, /) -> int:
        """Crop pixels per heatmap pixel."""

    def fault(self, model: CfgNode, /) -> str:
        """What is wrong with a MODEL section, as a phrase; '' for nothing."""


def final_kernel_fault(extra: CfgNode) -> str:
    """For networks with FINAL_CONV_KERNEL."""
    if extra.FINAL_CONV_KERNEL not in (1, 3):
        return f"MODEL.EXTRA.FINAL_CONV_KERNEL is {extra.FINAL_CONV_KERNEL}, but it must be 1 or 3"
    return ""


def wide_fusion_fault(model: CfgNode) -> str:
    """For networks other than pose_hrnet."""
    return "MODEL.WIDE_FUSION is true, but only pose_hrnet has a fusion to widen" if model.WIDE_FUSION else ""


def are_positive_integers(values: list[Any], count: int) -> bool:
    """Whether a list option holds `count` whole numbers greater than 0."""
    return len(values) == count and all(type(value) is int and value > 0 for value in values)

"""Options of pose_resnet."""

from yacs.config import CfgNode

from lib.config.networks.shared import COARSEST_STRIDE, are_positive_integers, final_kernel_fault, wide_fusion_fault


def default_extra() -> CfgNode:
    """MODEL.EXTRA with every option at its default."""
    node = CfgNode()
    node.PRETRAINED_LAYERS = ["*"]  # first parts of the names taken from MODEL.PRETRAINED; '*' = all
    node.NUM_LAYERS = 50  # depth: 18 | 34 | 50 | 101 | 152
    node.DECONV_WITH_BIAS = False  # bias in transposed convolutions
    node.NUM_DECONV_LAYERS = 3  # transposed convolutions, each doubling the resolution
    node.NUM_DECONV_FILTERS = [256, 256, 256]  # their widths
    node.NUM_DECONV_KERNELS = [4, 4, 4]  # their kernels: 2 | 3 | 4
    node.FINAL_CONV_KERNEL = 1  # kernel of the last convolution: 1 | 3
    return node


def stride(extra: CfgNode) -> int:
    """Crop pixels per heatmap pixel."""
    return COARSEST_STRIDE // int(2**extra.NUM_DECONV_LAYERS)


def fault(model: CfgNode) -> str:
    """What is wrong with a MODEL section, as a phrase; '' for nothing."""
    extra = model.EXTRA
    if extra.NUM_LAYERS not in (18, 34, 50, 101, 152):
        return f"MODEL.EXTRA.NUM_LAYERS is {extra.NUM_LAYERS}, but it must be 18, 34, 50, 101 or 152"
    count = extra.NUM_DECONV_LAYERS
    if not 0 <= count <= 5:
        return f"MODEL.EXTRA.NUM_DECONV_LAYERS is {count}, but it must be between 0 and 5"
    for name in ("NUM_DECONV_FILTERS", "NUM_DECONV_KERNELS"):
        if not are_positive_integers(extra[name], count):
            return f"MODEL.EXTRA.{name} is {extra[name]}, but it must be {count} numbers greater than 0"
    if not set(extra.NUM_DECONV_KERNELS) <= {2, 3, 4}:
        return f"MODEL.EXTRA.NUM_DECONV_KERNELS is {extra.NUM_DECONV_KERNELS}, but kernels must be 2, 3 or 4"
    return final_kernel_fault(extra) or wide_fusion_fault(model)

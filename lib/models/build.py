"""Networks from a configuration."""

from collections.abc import Callable
from pathlib import Path

from torch import nn
from yacs.config import CfgNode

from lib.config.bottom_up import GROUP_CODECS
from lib.models.blocks import BasicBlock, Bottleneck, ResidualBlock
from lib.models.hrformer import HRFormer, TransformerStage, spread_drop_path
from lib.models.pose_higher_hrnet import Enlargement, PoseHigherResolutionNet
from lib.models.pose_hrnet import PoseHighResolutionNet, Stage, Stem
from lib.models.pose_resnet import Deconvolution, PoseResNet
from lib.models.rsn import Channels, ResidualStepsNetwork
from lib.utils.checkpoint import WeightReport, load_weights
from lib.utils.errors import PoseError

# An offset codec has three maps per keypoint: mask, dx, dy.
MAPS_PER_KEYPOINT = {"gaussian": 1, "offset": 3}
# Associative embedding has two, heatmap and tag.
GROUP_MAPS = 2
BLOCKS: dict[str, ResidualBlock] = {"BASIC": BasicBlock, "BOTTLENECK": Bottleneck}


def build_model(cfg: CfgNode) -> nn.Module:
    """Make the network that the configuration describes, with the published initial weights.

    Args:
        cfg: from `lib.config.load_config`, which has checked MODEL.

    Returns:
        A network from normalised images (B, 3, H, W), float, to heatmaps (B, C, h, w), or to a list of such whose last
        is the estimate (rsn), where C is MODEL.NUM_JOINTS, or three times that for offset targets. Bottom-up: to K
        heatmaps and K tags (B, 2K, h, w), or to a list of these and of K heatmaps (B, K, 2h, 2w) (pose_higher_hrnet).

    Raises:
        PoseError: there is no network MODEL.NAME.
    """
    if cfg.MODEL.NAME not in NETWORKS:
        raise PoseError(f"MODEL.NAME is {cfg.MODEL.NAME!r}, but it must be one of {', '.join(NETWORKS)}.")
    return NETWORKS[cfg.MODEL.NAME](cfg.MODEL)


def init_pretrained(model: nn.Module, cfg: CfgNode) -> WeightReport | None:
    """Start training from MODEL.PRETRAINED, an ImageNet file or a checkpoint of a whole pose network.

    Only names whose first part is in MODEL.EXTRA.PRETRAINED_LAYERS are taken ('*': all). A head that the file lacks
    or has for other keypoints keeps its random values, as published, and so does UDP-Pose's widened last fusion where
    the file has the plain one.

    Returns:
        What was loaded; None where MODEL.PRETRAINED is empty or MODEL.INIT_WEIGHTS is false.

    Raises:
        PoseError: the file is absent, unreadable or belongs to another network, or a layer name is unknown.
    """
    path = cfg.MODEL.PRETRAINED
    if not path or not cfg.MODEL.INIT_WEIGHTS:
        return None
    if not Path(path).is_file():
        raise PoseError(
            f"MODEL.PRETRAINED {path} does not exist; fetch it with python tools/zoo.py download {Path(path).name} "
            f"--to {Path(path).parent}, or train without it by adding MODEL.PRETRAINED '' to the command."
        )
    layers = set(cfg.MODEL.EXTRA.PRETRAINED_LAYERS)
    known = {name for name, _ in model.named_children()}
    if not layers <= known | {"*"}:
        raise PoseError(
            f"MODEL.EXTRA.PRETRAINED_LAYERS names {', '.join(sorted(layers - known))}, but the network has only "
            f"{', '.join(sorted(known))}."
        )
    return load_weights(model, path, layers=None if "*" in layers else layers, allow_new_fusion=True)


def _build_hrnet(model: CfgNode) -> PoseHighResolutionNet:
    extra = model.EXTRA
    return PoseHighResolutionNet(
        _stages(extra),
        _num_maps(model),
        stem=Stem(extra.STAGE1.NUM_CHANNELS, extra.STAGE1.NUM_BLOCKS),
        final_conv_kernel=extra.FINAL_CONV_KERNEL,
        wide_fusion=bool(model.WIDE_FUSION),
    )


def _build_higher_hrnet(model: CfgNode) -> PoseHigherResolutionNet:
    extra = model.EXTRA
    return PoseHigherResolutionNet(
        _stages(extra),
        model.NUM_JOINTS,
        Enlargement(extra.DECONV.NUM_CHANNELS, extra.DECONV.KERNEL_SIZE, extra.DECONV.NUM_BASIC_BLOCKS),
        stem=Stem(extra.STAGE1.NUM_CHANNELS, extra.STAGE1.NUM_BLOCKS),
        final_conv_kernel=extra.FINAL_CONV_KERNEL,
    )


def _stages(extra: CfgNode) -> tuple[Stage, Stage, Stage]:
    return _stage(extra.STAGE2), _stage(extra.STAGE3), _stage(extra.STAGE4)


def _stage(node: CfgNode) -> Stage:
    return Stage(node.NUM_MODULES, tuple(node.NUM_BLOCKS), tuple(node.NUM_CHANNELS), BLOCKS[node.BLOCK])


def _build_hrformer(model: CfgNode) -> HRFormer:
    extra = model.EXTRA
    stages = [_transformer_stage(extra[name], extra.WITH_RPE) for name in ("STAGE2", "STAGE3", "STAGE4")]
    return HRFormer(
        spread_drop_path((stages[0], stages[1], stages[2]), extra.DROP_PATH),
        _num_maps(model),
        stem=Stem(extra.STAGE1.NUM_CHANNELS, extra.STAGE1.NUM_BLOCKS),
        final_conv_kernel=extra.FINAL_CONV_KERNEL,
    )


def _transformer_stage(node: CfgNode, with_bias: bool) -> TransformerStage:
    return TransformerStage(
        node.NUM_MODULES,
        node.NUM_BLOCKS[0],
        tuple(node.NUM_CHANNELS),
        tuple(node.NUM_HEADS),
        window=node.WINDOW,
        mlp_ratio=node.NUM_MLP_RATIO,
        with_bias=with_bias,
    )


def _build_resnet(model: CfgNode) -> PoseResNet:
    extra = model.EXTRA
    layers = zip(extra.NUM_DECONV_FILTERS, extra.NUM_DECONV_KERNELS, strict=True)
    return PoseResNet(
        extra.NUM_LAYERS,
        _num_maps(model),
        deconvolutions=[Deconvolution(channels, kernel) for channels, kernel in layers],
        deconv_bias=extra.DECONV_WITH_BIAS,
        final_conv_kernel=extra.FINAL_CONV_KERNEL,
    )


def _build_rsn(model: CfgNode) -> ResidualStepsNetwork:
    extra = model.EXTRA
    return ResidualStepsNetwork(
        extra.NUM_LAYERS,
        _num_maps(model),
        num_stages=extra.NUM_STAGES,
        steps=extra.BLOCK == "RSB",
        conv_bias=model.CODEC_VARIANT == "original" if extra.CONV_BIAS is None else extra.CONV_BIAS,
        refine=extra.PRM == "last",
        se_reduction=extra.SE_REDUCTION,
        wide_start=extra.BRANCH_FROM == "out" or (not extra.BRANCH_FROM and extra.SE_REDUCTION > 0),
        deep_stem=extra.STEM_CONVS == 3,
        channels=Channels(extra.WIDTH, extra.UPSAMPLE_CHANNELS),
    )


def _num_maps(model: CfgNode) -> int:
    maps = GROUP_MAPS if model.CODEC in GROUP_CODECS else MAPS_PER_KEYPOINT[model.TARGET_TYPE]
    return int(model.NUM_JOINTS) * maps


NETWORKS: dict[str, Callable[[CfgNode], nn.Module]] = {
    "pose_hrnet": _build_hrnet,
    "pose_resnet": _build_resnet,
    "rsn": _build_rsn,
    "hrformer": _build_hrformer,
    "pose_higher_hrnet": _build_higher_hrnet,
}

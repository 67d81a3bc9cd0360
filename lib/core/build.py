"""From the configuration to losses and the rules of tests."""

from torch import nn
from yacs.config import CfgNode

from lib.config import resolve_skeleton
from lib.config.resolve import LEVEL_CODECS
from lib.core.group_inference import GroupTest
from lib.core.group_loss import GroupLoss
from lib.core.loss import HardKeypointLoss, HeatmapLoss, OffsetLoss
from lib.core.suppression import Suppression
from lib.core.unit_loss import LevelLoss, UnitLoss
from lib.utils.errors import PoseError

# Networks that return the outputs of all their units.
UNIT_NETWORKS = ("rsn",)


def build_loss(cfg: CfgNode) -> nn.Module:
    """The loss that a resolved configuration asks for: outputs, targets, weights to named terms.

    Args:
        cfg: from `load_config`; read are MODEL.{NAME, CODEC, TARGET_TYPE, CODEC_VARIANT}, LOSS.{USE_TARGET_WEIGHT,
            USE_OHKM, TOPK, SMOOTH_L1, USE_DIFFERENT_JOINTS_WEIGHT} and the keypoint set.

    Raises:
        PoseError: an option that does not exist for this kind of target.
    """
    mmpose = cfg.MODEL.CODEC_VARIANT == "mmpose"
    if cfg.MODEL.TARGET_TYPE == "offset":
        offset = _offset_loss(cfg, mmpose=mmpose)
        return UnitLoss(offset, offset) if cfg.MODEL.NAME in UNIT_NETWORKS else offset
    if cfg.LOSS.SMOOTH_L1:
        raise PoseError("LOSS.SMOOTH_L1 exists for offset targets alone; set it to false for gaussian targets.")
    has_levels = cfg.MODEL.CODEC in LEVEL_CODECS
    # Neither RSN's own losses nor mmpose's for it have the factor of a half.
    options = {"use_weights": cfg.LOSS.USE_TARGET_WEIGHT, "mmpose": mmpose or has_levels}
    plain = HeatmapLoss(**options)
    final = HardKeypointLoss(cfg.LOSS.TOPK, **options) if cfg.LOSS.USE_OHKM else plain
    if has_levels:
        weights = resolve_skeleton(cfg).weights if cfg.LOSS.USE_DIFFERENT_JOINTS_WEIGHT else None
        return LevelLoss(final, plain, zeroes_hidden=not mmpose, joint_weights=weights)
    return UnitLoss(final, plain) if cfg.MODEL.NAME in UNIT_NETWORKS else final


def build_group_loss(cfg: CfgNode) -> GroupLoss:
    """The loss of a resolved bottom-up configuration: outputs, `GroupTargets` and masks to named terms.

    Args:
        cfg: from `load_config`; read are LOSS.{AE_LOSS_TYPE, HEATMAPS_LOSS_FACTOR, PUSH_LOSS_FACTOR, PULL_LOSS_FACTOR}.
    """
    loss = cfg.LOSS
    return GroupLoss(
        loss.AE_LOSS_TYPE,
        heatmap_factor=loss.HEATMAPS_LOSS_FACTOR,
        push_factor=loss.PUSH_LOSS_FACTOR,
        pull_factor=loss.PULL_LOSS_FACTOR,
    )


def _offset_loss(cfg: CfgNode, *, mmpose: bool) -> OffsetLoss:
    if cfg.LOSS.USE_OHKM:
        raise PoseError("LOSS.USE_OHKM exists for gaussian targets alone; set it to false for offset targets.")
    return OffsetLoss(use_weights=cfg.LOSS.USE_TARGET_WEIGHT, smooth_l1=cfg.LOSS.SMOOTH_L1, mmpose=mmpose)


def build_group_test(cfg: CfgNode) -> GroupTest:
    """How a bottom-up test looks at pictures."""
    options = cfg.TEST
    return GroupTest(tuple(sorted(options.SCALE_FACTOR, reverse=True)), options.FLIP_TEST, options.PROJECT2IMAGE)


def build_suppression(cfg: CfgNode) -> Suppression:
    """How predictions become results."""
    options = cfg.TEST
    return Suppression(resolve_skeleton(cfg).sigmas_array, options.IN_VIS_THRE, options.OKS_THRE, options.SOFT_NMS)

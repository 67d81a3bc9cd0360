"""From the configuration to the loss."""

from torch import nn
from yacs.config import CfgNode

from lib.core.loss import HardKeypointLoss, HeatmapLoss, OffsetLoss
from lib.utils.errors import PoseError


def build_loss(cfg: CfgNode) -> nn.Module:
    """The loss that a resolved configuration asks for: outputs, targets, weights to named terms.

    Args:
        cfg: from `load_config`; read are MODEL.{TARGET_TYPE, CODEC_VARIANT} and
            LOSS.{USE_TARGET_WEIGHT, USE_OHKM, TOPK, SMOOTH_L1}.

    Raises:
        PoseError: an option that does not exist for this kind of target.
    """
    mmpose = cfg.MODEL.CODEC_VARIANT == "mmpose"
    use_weights = cfg.LOSS.USE_TARGET_WEIGHT
    if cfg.MODEL.TARGET_TYPE == "offset":
        if cfg.LOSS.USE_OHKM:
            raise PoseError("LOSS.USE_OHKM exists for gaussian targets alone; set it to false for offset targets.")
        return OffsetLoss(use_weights=use_weights, smooth_l1=cfg.LOSS.SMOOTH_L1, mmpose=mmpose)
    if cfg.LOSS.SMOOTH_L1:
        raise PoseError("LOSS.SMOOTH_L1 exists for offset targets alone; set it to false for gaussian targets.")
    if cfg.LOSS.USE_OHKM:
        return HardKeypointLoss(cfg.LOSS.TOPK, use_weights=use_weights, mmpose=mmpose)
    return HeatmapLoss(use_weights=use_weights, mmpose=mmpose)

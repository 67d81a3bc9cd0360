"""From the configuration to the codec of a bottom-up network."""

from yacs.config import CfgNode

from lib.codecs.group.codec import GroupCodec
from lib.codecs.group.options import GroupOptions, published_order
from lib.config import AE_UDP, output_sizes, resolve_skeleton


def build_group_codec(cfg: CfgNode) -> GroupCodec:
    """The codec that a resolved bottom-up configuration asks for.

    Args:
        cfg: from `load_config`, with MODEL.CODEC ae or ae_udp; read are MODEL.{NAME, CODEC, CODEC_VARIANT, IMAGE_SIZE,
            HEATMAP_SIZE, SIGMA}, DATASET.MAX_NUM_PEOPLE, TEST.{DETECTION_THRESHOLD, TAG_THRESHOLD, USE_DETECTION_VAL,
            IGNORE_TOO_MUCH, NMS_KERNEL, ADJUST, REFINE} and the keypoint set.
    """
    skeleton = resolve_skeleton(cfg)
    mmpose = cfg.MODEL.CODEC_VARIANT == "mmpose"
    options = GroupOptions(
        published_order(skeleton.num_keypoints, mmpose=mmpose),
        max_people=cfg.DATASET.MAX_NUM_PEOPLE,
        detection_threshold=cfg.TEST.DETECTION_THRESHOLD,
        tag_threshold=cfg.TEST.TAG_THRESHOLD,
        use_scores=cfg.TEST.USE_DETECTION_VAL,
        ignore_too_much=cfg.TEST.IGNORE_TOO_MUCH,
        mmpose=mmpose,
        nms_kernel=cfg.TEST.NMS_KERNEL,
        adjust=cfg.TEST.ADJUST,
        refine=cfg.TEST.REFINE,
    )
    return GroupCodec(
        cfg.MODEL.IMAGE_SIZE,
        output_sizes(cfg),
        skeleton.flip_permutation,
        unbiased=cfg.MODEL.CODEC == AE_UDP,
        variant=cfg.MODEL.CODEC_VARIANT,
        sigma=cfg.MODEL.SIGMA,
        options=options,
    )

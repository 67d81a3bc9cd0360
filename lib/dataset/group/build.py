"""From the configuration to data sets of whole pictures."""

from yacs.config import CfgNode

from lib.codecs.group.build import build_group_codec
from lib.config.bottom_up import AE_UDP
from lib.config.skeleton import resolve_skeleton
from lib.dataset.group.augment import ViewSettings
from lib.dataset.group.dataset import GroupDataset
from lib.dataset.group.part import GroupPart, read_test_part, read_training_part
from lib.dataset.group.pictures import PictureDataset
from lib.dataset.group.resize import PlainResize, Resize, UdpResize
from lib.dataset.layout import DataFiles
from lib.dataset.pixels import ImagePixels


def build_group_dataset(cfg: CfgNode, files: DataFiles) -> GroupDataset:
    """The training part of a bottom-up configuration.

    Args:
        cfg: resolved configuration.
        files: where the part lies.

    Raises:
        PoseError: a file is absent or unusable, an image is missing, or nobody has labelled keypoints.
    """
    skeleton = resolve_skeleton(cfg)
    data = cfg.DATASET
    part, regions = read_training_part(
        files, skeleton.num_keypoints, skeleton.form, data.MAX_NUM_PEOPLE, mask_boxes=data.MASK_BOXES
    )
    return GroupDataset(
        part.records,
        regions,
        part.images,
        _pixels(part, files),
        build_group_codec(cfg).crops,
        skeleton,
        part.provenance,
        augment=view_settings(cfg),
        seed=cfg.SEED,
        color_rgb=data.COLOR_RGB,
    )


def build_picture_dataset(cfg: CfgNode, files: DataFiles) -> PictureDataset:
    """The test part of a bottom-up configuration.

    Args:
        cfg: resolved configuration.
        files: where the part lies.

    Raises:
        PoseError: a file is absent or unusable, or an image is missing.
    """
    skeleton = resolve_skeleton(cfg)
    part = read_test_part(files, skeleton.num_keypoints, skeleton.form)
    return PictureDataset(
        part.records,
        part.images,
        _pixels(part, files),
        build_resize(cfg),
        skeleton,
        part.provenance,
        color_rgb=cfg.DATASET.COLOR_RGB,
    )


def build_resize(cfg: CfgNode) -> Resize:
    """How a test resizes pictures."""
    short_side, scales = min(cfg.MODEL.IMAGE_SIZE), cfg.TEST.SCALE_FACTOR
    if cfg.MODEL.CODEC == AE_UDP:
        return UdpResize(short_side, scales)
    return PlainResize(short_side, scales, mmpose=cfg.MODEL.CODEC_VARIANT == "mmpose")


def view_settings(cfg: CfgNode) -> ViewSettings:
    """The random changes of training pictures."""
    return ViewSettings(
        flip=cfg.DATASET.FLIP,
        max_rotation=cfg.DATASET.ROT_FACTOR,
        min_scale=cfg.DATASET.MIN_SCALE,
        max_scale=cfg.DATASET.MAX_SCALE,
        scale_by_short=cfg.DATASET.SCALE_TYPE == "short",
        max_translate=cfg.DATASET.MAX_TRANSLATE,
        shift_by_axis=cfg.MODEL.CODEC_VARIANT == "mmpose",
        flip_on_output=cfg.DATASET.FLIP_ON == "output",
    )


def _pixels(part: GroupPart, files: DataFiles) -> ImagePixels:
    return ImagePixels(part.records.image_index, part.images, part.store, files.annotation_file)

"""From the configuration to data sets and loaders; the only place of this package that reads it."""

import torch
from yacs.config import CfgNode

from lib.codecs.build import build_codec
from lib.config import is_bottom_up
from lib.config.skeleton import resolve_skeleton
from lib.dataset.augment import AugmentSettings
from lib.dataset.check import Progress
from lib.dataset.dataset import PoseDataset, Provenance
from lib.dataset.group import GroupDataset, PictureDataset
from lib.dataset.group.build import build_group_dataset, build_picture_dataset, build_resize
from lib.dataset.group.check import check_pictures
from lib.dataset.layout import (
    COCO,
    MPII,
    PACKED,
    DataFiles,
    default_annotation_file,
    default_images,
    default_packed,
    zip_or_folder,
)
from lib.dataset.loader import PoseLoader
from lib.dataset.packed.format import Needs
from lib.dataset.packed.report import check_pack
from lib.dataset.packed.sampler import ShardSampler
from lib.dataset.packed.source import Pack, PackedPixels
from lib.dataset.parts import Rules, read_part, require_people
from lib.dataset.pixels import ImagePixels
from lib.dataset.records import select_well_filled
from lib.dataset.report import PartReport, check_part
from lib.dataset.sampler import TestSampler, TrainSampler

# People cut out of pictures, or for bottom-up configurations pictures with all their people.
TrainDataset = PoseDataset | GroupDataset
TestDataset = PoseDataset | PictureDataset


def build_train_dataset(cfg: CfgNode) -> TrainDataset:
    """The training part of the configured data set, of people or of whole pictures.

    Raises:
        PoseError: a file is absent or unusable, an image is missing, or no person is left.
    """
    if is_bottom_up(cfg):
        return build_group_dataset(cfg, locate_files(cfg, is_train=True))
    return build_dataset(cfg, is_train=True)


def build_test_dataset(cfg: CfgNode) -> TestDataset:
    """The test part of the configured data set, of people or of whole pictures; raises as `build_train_dataset`."""
    if is_bottom_up(cfg):
        return build_picture_dataset(cfg, locate_files(cfg, is_train=False))
    return build_dataset(cfg, is_train=False)


def build_dataset(cfg: CfgNode, is_train: bool) -> PoseDataset:
    """The training or the test part of the configured data set.

    Args:
        cfg: resolved configuration.
        is_train: the training part with random changes, else the test part.

    Raises:
        PoseError: a file is absent or unusable, an image is missing, or no person is left.
    """
    if _is_packed(cfg, is_train):
        return _packed_dataset(cfg)
    files = locate_files(cfg, is_train)
    skeleton, codec = resolve_skeleton(cfg), build_codec(cfg)
    part = read_part(files, codec, skeleton.form, _rules(cfg, is_train))
    return PoseDataset(
        part.records,
        part.images,
        ImagePixels(part.records.image_index, part.images, part.store, files.annotation_file),
        codec,
        skeleton,
        part.provenance,
        augment=augment_settings(cfg) if is_train else None,
        seed=cfg.SEED,
        color_rgb=cfg.DATASET.COLOR_RGB,
        defer=cfg.DATASET.CROP_ON == "device",
    )


def build_loader(
    cfg: CfgNode, dataset: TrainDataset | TestDataset, is_train: bool, rank: int = 0, world_size: int = 1
) -> PoseLoader:
    """Batches for one process.

    Args:
        cfg: resolved configuration.
        dataset: from `build_train_dataset` or `build_test_dataset`.
        is_train: shuffled and shared evenly, else each record exactly once over all processes.
        rank: this process.
        world_size: number of processes.
    """
    sampler: TrainSampler | TestSampler
    if is_train:
        batch_size = cfg.TRAIN.BATCH_SIZE_PER_GPU
        sampler = _train_sampler(cfg, dataset, rank, world_size)
    else:
        batch_size = cfg.TEST.BATCH_SIZE_PER_GPU
        sampler = TestSampler(dataset.records.image_index, rank, world_size)
    on_cuda = cfg.DEVICE.startswith("cuda") or (cfg.DEVICE == "auto" and torch.cuda.is_available())
    return PoseLoader(dataset, sampler, batch_size, num_workers=cfg.WORKERS, pin_memory=cfg.PIN_MEMORY and on_cuda)


def locate_files(cfg: CfgNode, is_train: bool) -> DataFiles:
    """Where the training or the test part lies, in the published layout or where the config says.

    For packed data these are the files that it is made from.
    """
    data = cfg.DATASET
    kind = MPII if data.DATASET == MPII else COCO
    name = data.TRAIN_SET if is_train else data.TEST_SET
    annotation_file = data.TRAIN_ANNO if is_train else data.TEST_ANNO
    # With packed data TRAIN_IMAGES names the packed folder.
    images = data.TEST_IMAGES if not is_train else "" if data.DATA_FORMAT == PACKED else data.TRAIN_IMAGES
    # MPII's people are given with centre and scale, in tests as well.
    use_detections = not is_train and not cfg.TEST.USE_GT_BBOX and kind == COCO
    return DataFiles(
        set_name=name,
        annotation_file=annotation_file or default_annotation_file(data.ROOT, name, kind),
        images=zip_or_folder(images or default_images(data.ROOT, name, kind), data.DATA_FORMAT),
        detection_file=cfg.TEST.COCO_BBOX_FILE if use_detections else None,
        kind=kind,
    )


def packed_folder(cfg: CfgNode) -> str:
    """Where the packed training part lies, or is to be made."""
    data = cfg.DATASET
    own = data.TRAIN_IMAGES if data.DATA_FORMAT == PACKED else ""
    return own or default_packed(data.ROOT, data.TRAIN_SET)


def check_dataset(cfg: CfgNode, is_train: bool, progress: Progress) -> PartReport:
    """Check the training or the test part of the configured data set; see `lib.dataset.report.check_part`."""
    title = "training part" if is_train else "test part"
    if _is_packed(cfg, is_train):
        needs = Needs.of(build_codec(cfg), resolve_skeleton(cfg), augment_settings(cfg))
        return check_pack(title, packed_folder(cfg), needs, own_shards=cfg.DATASET.SHARDS == "own")
    if is_bottom_up(cfg):
        return check_pictures(
            title,
            locate_files(cfg, is_train),
            resolve_skeleton(cfg),
            cfg.DATASET.MAX_NUM_PEOPLE,
            progress,
            resize=None if is_train else build_resize(cfg),
            mask_boxes=cfg.DATASET.MASK_BOXES,
        )
    files, rules = locate_files(cfg, is_train), _rules(cfg, is_train)
    return check_part(title, files, resolve_skeleton(cfg), build_codec(cfg), rules, progress)


def augment_settings(cfg: CfgNode) -> AugmentSettings:
    """The random changes of training samples."""
    return AugmentSettings(
        flip=cfg.DATASET.FLIP,
        scale_factor=cfg.DATASET.SCALE_FACTOR,
        rotation_factor=cfg.DATASET.ROT_FACTOR,
        half_body_probability=cfg.DATASET.PROB_HALF_BODY,
        half_body_above=cfg.DATASET.NUM_JOINTS_HALF_BODY,
        way=cfg.DATASET.AUGMENTATION,
    )


def _train_sampler(cfg: CfgNode, dataset: TrainDataset | TestDataset, rank: int, world_size: int) -> TrainSampler:
    batch_size, seed, shuffle, source = cfg.TRAIN.BATCH_SIZE_PER_GPU, cfg.SEED, cfg.TRAIN.SHUFFLE, dataset.source
    if not (isinstance(source, PackedPixels) and cfg.DATASET.SHARDS == "own"):
        return TrainSampler(len(dataset), batch_size, seed, rank, world_size, shuffle=shuffle)
    sampler = ShardSampler(source.shard, len(source.shards), batch_size, seed, rank, world_size, shuffle=shuffle)
    source.require(sampler.own_shards)
    return sampler


def _rules(cfg: CfgNode, is_train: bool) -> Rules:
    return Rules(cfg.TEST.IMAGE_THRE, is_train and cfg.DATASET.SELECT_DATA, for_training=is_train)


def _is_packed(cfg: CfgNode, is_train: bool) -> bool:
    return is_train and cfg.DATASET.DATA_FORMAT == PACKED


def _packed_dataset(cfg: CfgNode) -> PoseDataset:
    """The training part from its packed folder; neither images nor annotation file are needed."""
    skeleton, codec, settings = resolve_skeleton(cfg), build_codec(cfg), augment_settings(cfg)
    pack = Pack.open(packed_folder(cfg))
    pack.require(Needs.of(codec, skeleton, settings))
    records, layout, num_dropped = pack.records, pack.layout, pack.index.num_dropped
    if cfg.DATASET.SELECT_DATA:
        selected, off_center = select_well_filled(records)
        records, layout, num_dropped = records.take(selected), layout.take(selected), num_dropped | off_center
    source = PackedPixels(pack.folder, pack.index.shards, layout)
    if cfg.DATASET.SHARDS == "all":
        source.require(range(len(source.shards)))
    name = f"packed data set {pack.folder}"
    require_people(records, name, num_dropped, needs_keypoints=True)
    provenance = Provenance(str(pack.folder), "annotated boxes", num_dropped)
    return PoseDataset(
        records,
        pack.images,
        source,
        codec,
        skeleton,
        provenance,
        augment=settings,
        seed=cfg.SEED,
        color_rgb=cfg.DATASET.COLOR_RGB,
        defer=cfg.DATASET.CROP_ON == "device",
    )

"""From the configuration to a packed data set."""

from pathlib import Path

from yacs.config import CfgNode

from lib.codecs.build import build_codec
from lib.config.skeleton import resolve_skeleton
from lib.dataset.build import augment_settings, locate_files, packed_folder
from lib.dataset.check import Progress
from lib.dataset.packed.format import Needs, PackIndex, damaged_files, file_sha256
from lib.dataset.packed.plan import plan_layout
from lib.dataset.packed.source import Pack, arrays_of
from lib.dataset.packed.writer import PackWriter, PixelJob
from lib.dataset.parts import Rules, read_part
from lib.dataset.pixels import ImagePixels
from lib.utils.errors import PoseError


def write_packed(
    cfg: CfgNode, output: str, *, density: float | None, shard_bytes: int, workers: int, progress: Progress
) -> PackIndex:
    """Pack the people of the training part.

    Args:
        cfg: resolved configuration; its augmentation is what the pixels will be enough for.
        output: folder of the packed data set; '' for where a training looks for it.
        density: stored pixels per input pixel of a crop that is not enlarged; None for those of the images.
        shard_bytes: size of a shard.
        workers: processes.
        progress: wraps the iteration over a number of images.

    Returns:
        What was written.

    Raises:
        PoseError: a file is absent or unusable, there is nobody to pack, or the folder cannot be used.
    """
    files = locate_files(cfg, is_train=True)
    skeleton, codec, settings = resolve_skeleton(cfg), build_codec(cfg), augment_settings(cfg)
    # Trainings choose well filled boxes themselves.
    part = read_part(files, codec, skeleton.form, Rules(0.0, well_filled_only=False, for_training=True))
    records, images = part.records, part.images
    layout = plan_layout(records, images, codec, skeleton, settings, density=density, shard_bytes=shard_bytes)
    annotation_file = Path(files.annotation_file)
    index = PackIndex(
        annotation_file=annotation_file.name,
        annotation_bytes=annotation_file.stat().st_size,
        annotation_sha256=file_sha256(annotation_file),
        made_for=Needs.of(codec, skeleton, settings),
        density=density,
        num_people=len(records),
        num_images=len(set(records.image_index.tolist())),
        num_dropped=part.provenance.num_dropped,
        arrays={},
        shards=layout.shards(),
    )
    source = ImagePixels(records.image_index, images, part.store, files.annotation_file)
    writer = PackWriter(Path(output or packed_folder(cfg)), index, PixelJob(layout, records.image_index, source))
    writer.write({**arrays_of(records), **arrays_of(images), **arrays_of(layout)}, workers, progress)
    return writer.index


def verify_packed(cfg: CfgNode, output: str) -> PackIndex:
    """Recompute all checksums of a packed data set.

    Raises:
        PoseError: a file is absent or has changed.
    """
    pack = Pack.open(output or packed_folder(cfg))
    damaged = list(damaged_files(pack.folder, pack.index))
    if damaged:
        path, reason = damaged[0]
        raise PoseError(
            f"{path} {reason} ({len(damaged)} damaged files in all); pack again with the same options to write them "
            "again."
        )
    return pack.index

"""The check of a packed training part, in lines of text."""

from lib.dataset.check import summarise
from lib.dataset.faults import Fault
from lib.dataset.packed.format import Needs, PackIndex, shard_damage
from lib.dataset.packed.source import Pack
from lib.dataset.report import PartReport, unusable
from lib.utils.errors import PoseError


def check_pack(title: str, folder: str, needs: Needs) -> PartReport:
    """Check that a packed data set is complete and holds what a training needs; checksums are not recomputed.

    Args:
        title: how to call it, for example "training part".
        folder: of the data set.
        needs: what the training needs.
    """
    lines, faults = [f"{title}: packed data set {folder}"], list[Fault]()
    try:
        pack = Pack.open(folder)
        lines.append(f"  {describe(pack.index)}")
        for shard in pack.index.shards:
            reason = shard_damage(pack.folder, shard, read_all=False)
            if reason:
                faults.append(Fault("damaged shard", f"{pack.folder / shard.name} {reason}", "pack or copy it again"))
        pack.require(needs)
    except PoseError as error:
        faults.append(unusable(error))
    return PartReport(lines + [f"  {line}" for line in summarise(faults)], sum(fault.matters for fault in faults))


def describe(index: PackIndex) -> str:
    """People, images and sizes of a packed data set."""
    density = "as in the images" if index.density is None else f"reduced to {index.density:g} per input pixel"
    return (
        f"{index.num_people} people of {index.num_images} images from {index.annotation_file}, pixels {density}: "
        f"{index.num_bytes / 1e6:.1f} MB in {len(index.shards)} shards, {index.num_bytes / index.num_people / 1e3:.1f} "
        "MB per 1,000 people"
    )

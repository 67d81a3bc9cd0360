"""The check of a packed training part, in lines of text."""

from collections.abc import Iterator

from lib.dataset.check import summarise
from lib.dataset.faults import Fault
from lib.dataset.packed.format import Needs, PackIndex, shard_damage
from lib.dataset.packed.source import Pack
from lib.dataset.report import PartReport, unusable
from lib.utils.errors import PoseError


def check_pack(title: str, folder: str, needs: Needs, *, own_shards: bool) -> PartReport:
    """Check that a packed data set is complete and holds what a training needs; checksums are not recomputed.

    Args:
        title: how to call it, for example "training part".
        folder: of the data set.
        needs: what the training needs.
        own_shards: each process reads its own shards only, so that others may lie on other machines.
    """
    lines, faults = [f"{title}: packed data set {folder}"], list[Fault]()
    try:
        pack = Pack.open(folder)
        lines.append(f"  {describe(pack.index)}")
        faults += _shard_faults(pack, own_shards=own_shards)
        pack.require(needs)
    except PoseError as error:
        faults.append(unusable(error))
    return PartReport(lines + [f"  {line}" for line in summarise(faults)], sum(fault.matters for fault in faults))


def _shard_faults(pack: Pack, *, own_shards: bool) -> Iterator[Fault]:
    for shard in pack.index.shards:
        path, reason = pack.folder / shard.name, shard_damage(pack.folder, shard, read_all=False)
        if own_shards and not path.exists():
            yield Fault("shard elsewhere", f"{path} {reason}", "copy it where a process here reads it", matters=False)
        elif reason:
            yield Fault("damaged shard", f"{path} {reason}", "pack or copy it again")


def describe(index: PackIndex) -> str:
    """People, images and sizes of a packed data set."""
    density = "as in the images" if index.density is None else f"reduced to {index.density:g} per input pixel"
    return (
        f"{index.num_people} people of {index.num_images} images from {index.annotation_file}, pixels {density}: "
        f"{index.num_bytes / 1e6:.1f} MB in {len(index.shards)} shards, {index.num_bytes / index.num_people / 1e3:.1f} "
        "MB per 1,000 people"
    )

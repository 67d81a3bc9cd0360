"""Read a packed data set by memory mapping."""

import mmap
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from lib.dataset.coco import Images
from lib.dataset.packed.format import INDEX_NAME, Needs, PackIndex, Shard, array_damage, array_path, shard_damage
from lib.dataset.packed.plan import CHANNELS, Layout
from lib.dataset.pixels import StoredPixels
from lib.dataset.records import Records
from lib.utils.errors import PoseError

Table = TypeVar("Table", Records, Images, Layout)
_PREFIX = {Records: "record", Images: "image", Layout: "pixels"}


class PackedPixels:
    """The stored pixels of each record.

    Shards are mapped into memory when they are first needed. A mapping has no position in a file and belongs to no
    thread, so that it may be made before or after workers are forked, and all of them share the pages.

    Args:
        folder: of the data set.
        shards: its files of pixels.
        layout: where the pixels of the records in use lie.

    Attributes:
        shard: number of each record's shard, (N,).
    """

    def __init__(self, folder: Path, shards: tuple[Shard, ...], layout: Layout) -> None:
        self.folder = folder
        self.shards = shards
        self.shard = layout.shard
        # Arrays, not lists: every look at a Python object makes a forked worker copy the page that it lies in.
        self._layout = layout
        self._maps: dict[int, np.ndarray] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Without mappings, whose pixels would be sent to a worker that is not forked."""
        return self.__dict__ | {"_maps": {}}

    def pixels(self, index: int) -> StoredPixels:
        """See `lib.dataset.pixels.PixelSource`; the array cannot be written to."""
        shard, offset = int(self.shard[index]), int(self._layout.offset[index])
        width, height = self._layout.stored_wh[index].tolist()
        content = self._maps.get(shard)
        if content is None:
            content = self._maps[shard] = self._map(shard)
        array = content[offset : offset + height * width * CHANNELS].reshape(height, width, CHANNELS)
        return StoredPixels(array, self._layout.to_stored[index])

    def require(self, shards: Iterable[int]) -> None:
        """Check at the start that shards exist and have their full size.

        Raises:
            PoseError: one does not.
        """
        for number in shards:
            reason = shard_damage(self.folder, self.shards[number], read_all=False)
            if reason:
                raise PoseError(_damaged(self.folder / self.shards[number].name, reason))

    def _map(self, number: int) -> np.ndarray:
        self.require([number])
        path = self.folder / self.shards[number].name
        try:
            with path.open("rb") as file:
                return np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), np.uint8)
        except OSError as error:
            raise PoseError(_damaged(path, f"cannot be read ({error.strerror})")) from error


@dataclass(frozen=True)
class Pack:
    """An open packed data set.

    Attributes:
        folder: where it lies.
        index: what it was made from and for.
        records: the people.
        images: that they are in.
        layout: where their pixels lie.
    """

    folder: Path
    index: PackIndex
    records: Records
    images: Images
    layout: Layout

    @classmethod
    def open(cls, folder: str | Path) -> "Pack":
        """Open a packed data set; the checksums of its arrays are compared, its pixels are not looked at.

        Raises:
            PoseError: it is absent, unfinished, damaged or of another version.
        """
        path = Path(folder)
        index = PackIndex.read(path)
        unfinished = index.unfinished
        if unfinished:
            raise PoseError(
                f"packed data set {path} lacks {len(unfinished)} of {len(index.shards)} shards; run the "
                "tools/pack_dataset.py command that began it again."
            )
        arrays = {name: _array(path, name, sha256) for name, sha256 in index.arrays.items()}
        try:
            return cls(path, index, _table(Records, arrays), _table(Images, arrays), _table(Layout, arrays))
        except KeyError as error:
            raise PoseError(_damaged(path / INDEX_NAME, f"does not name the array {error}")) from error

    def require(self, needs: Needs) -> None:
        """Check that the pixels are enough for a training.

        Raises:
            PoseError: they are not; all values are named.
        """
        unmet = needs.unmet_by(self.index.made_for)
        if unmet:
            raise PoseError(
                f"packed data set {self.folder} does not hold what the config asks for: {'; '.join(unmet)}; pack it "
                "again with this config and another --output (tools/pack_dataset.py), or change the config."
            )


def arrays_of(table: Records | Images | Layout) -> dict[str, np.ndarray]:
    """The arrays of a table by the names of their files."""
    prefix = _PREFIX[type(table)]
    return {f"{prefix}_{field.name}": getattr(table, field.name) for field in fields(table)}


def _table(table: type[Table], arrays: dict[str, np.ndarray]) -> Table:
    return table(**{field.name: arrays[f"{_PREFIX[table]}_{field.name}"] for field in fields(table)})


def _array(folder: Path, name: str, sha256: str) -> np.ndarray:
    """An array whose checksum is right: with those of another data set, a training would learn nonsense unnoticed."""
    path, reason = array_path(folder, name), array_damage(folder, name, sha256)
    if reason:
        raise PoseError(_damaged(path, reason))
    return np.load(path, allow_pickle=False)


def _damaged(path: Path, reason: str) -> str:
    return f"{path} {reason}; run the tools/pack_dataset.py command that made it again, or copy it anew."

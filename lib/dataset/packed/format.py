"""The files of a packed data set.

    index.json          what it was made from and for, and its shards with their checksums
    arrays/NAME.npy     the records, the images and where the pixels of each record lie
    shard-00000.bin     pixels, (height, width, 3) uint8 BGR, one record after the other without anything between

Shards are filled in the order of the records; people of one image lie in one shard.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from lib.codecs.base import Codec
from lib.dataset.augment import AugmentSettings
from lib.skeletons.skeleton import Skeleton
from lib.utils.errors import PoseError
from lib.utils.files import read_json, write_json

FORMAT, VERSION = "packed people", 2
INDEX_NAME, ARRAYS_NAME = "index.json", "arrays"
_READ_BYTES = 1 << 22
# How to call the fields of Needs in messages.
OPTIONS = {
    "input_size_wh": "MODEL.IMAGE_SIZE",
    "crop": "the crop convention of the codec",
    "box_padding": "DATASET.BOX_PADDING",
    "keypoints": "the keypoint set",
    "upper_body": "the upper body",
    "augmentation": "DATASET.AUGMENTATION",
    "scale_factor": "DATASET.SCALE_FACTOR",
    "rotation_factor": "DATASET.ROT_FACTOR",
    "half_body_above": "DATASET.NUM_JOINTS_HALF_BODY",
}


@dataclass(frozen=True)
class Needs:
    """What a training needs of its pixels; everything else may differ from what they were packed for.

    Attributes:
        input_size_wh: of the crops.
        crop: name of the crop convention.
        box_padding: DATASET.BOX_PADDING.
        keypoints: names of the keypoint set, in order.
        upper_body: indices that half bodies depend on; empty without half bodies.
        augmentation: DATASET.AUGMENTATION.
        scale_factor: DATASET.SCALE_FACTOR.
        rotation_factor: DATASET.ROT_FACTOR.
        half_body_above: DATASET.NUM_JOINTS_HALF_BODY; None without half bodies.
    """

    input_size_wh: tuple[int, int]
    crop: str
    box_padding: tuple[float, float]
    keypoints: tuple[str, ...]
    upper_body: tuple[int, ...]
    augmentation: str
    scale_factor: float
    rotation_factor: float
    half_body_above: int | None

    @classmethod
    def of(cls, codec: Codec, skeleton: Skeleton, settings: AugmentSettings) -> "Needs":
        """What a training with these settings needs."""
        half_body = settings.half_body_probability > 0
        return cls(
            input_size_wh=codec.input_size_wh,
            crop=codec.crop.name,
            box_padding=codec.crop.box_padding,
            keypoints=skeleton.names,
            upper_body=skeleton.upper_body if half_body else (),
            augmentation=settings.way,
            scale_factor=float(settings.scale_factor),
            rotation_factor=float(settings.rotation_factor),
            half_body_above=settings.half_body_above if half_body else None,
        )

    def unmet_by(self, made_for: "Needs") -> list[str]:
        """What pixels that were packed for other needs do not offer, each with both values."""
        met = {
            "input_size_wh": self.input_size_wh == made_for.input_size_wh,
            "crop": self.crop == made_for.crop,
            "box_padding": self.box_padding == made_for.box_padding,
            "keypoints": self.keypoints == made_for.keypoints,
            "augmentation": self.augmentation == made_for.augmentation,
            "scale_factor": self.scale_factor <= made_for.scale_factor,
            "rotation_factor": self.rotation_factor <= made_for.rotation_factor,
        }
        above, packed_above = self.half_body_above, made_for.half_body_above
        if above is not None and packed_above is not None:
            met |= {"upper_body": self.upper_body == made_for.upper_body, "half_body_above": above >= packed_above}
        unmet = [
            f"{OPTIONS[field]} {_words(getattr(self, field))} (packed for {_words(getattr(made_for, field))})"
            for field, is_met in met.items()
            if not is_met
        ]
        if above is not None and packed_above is None:
            unmet.append("DATASET.PROB_HALF_BODY above 0 (packed for none)")
        return unmet


@dataclass(frozen=True)
class Shard:
    """One file of pixels.

    Attributes:
        name: of the file.
        num_bytes: its size.
        num_people: whose pixels it holds.
        sha256: of its content; '' until it is written.
    """

    name: str
    num_bytes: int
    num_people: int
    sha256: str = ""


@dataclass(frozen=True)
class PackIndex:
    """The content of index.json.

    Attributes:
        annotation_file: name of the file that the people come from.
        annotation_bytes, annotation_sha256: of that file.
        made_for: the trainings that it can serve.
        density: stored pixels per input pixel of a crop that is not enlarged; None for those of the images.
        num_people, num_images: people, and images with people.
        num_dropped: annotations that are not used, by reason.
        arrays: sha256 of each file in arrays/, by its name without ending.
        shards: the files of pixels.
    """

    annotation_file: str
    annotation_bytes: int
    annotation_sha256: str
    made_for: Needs
    density: float | None
    num_people: int
    num_images: int
    num_dropped: dict[str, int]
    arrays: dict[str, str]
    shards: tuple[Shard, ...]

    @property
    def num_bytes(self) -> int:
        """Of all pixels."""
        return sum(shard.num_bytes for shard in self.shards)

    @property
    def unfinished(self) -> list[Shard]:
        """Shards that are still to be written."""
        return [shard for shard in self.shards if not shard.sha256]

    def differences(self, other: "PackIndex") -> list[str]:
        """In which settings another packed data set of the same place differs, each with its value and ours."""
        own, others = self._settings(), other._settings()
        differences = [f"{name} {others[name]} there, {own[name]} here" for name in own if others[name] != own[name]]
        sizes, other_sizes = ([shard.num_bytes for shard in index.shards] for index in (self, other))
        if not differences and sizes != other_sizes:
            return [
                f"{len(other_sizes)} shards of up to {max(other_sizes)} bytes there, {len(sizes)} of {max(sizes)} here "
                "(--shard-size)"
            ]
        return differences

    def _settings(self) -> dict[str, str]:
        return {
            "annotation file": self.annotation_file,
            "its bytes": str(self.annotation_bytes),
            "its sha256": self.annotation_sha256,
            **{OPTIONS[name]: _words(value) for name, value in asdict(self.made_for).items()},
            "--density": "image" if self.density is None else f"{self.density:g}",
        }

    def finish(self, number: int, sha256: str) -> "PackIndex":
        """The index after a shard was written, or with '' after it turned out to be damaged."""
        shards = list(self.shards)
        shards[number] = replace(shards[number], sha256=sha256)
        return replace(self, shards=tuple(shards))

    def write(self, folder: Path) -> None:
        """Write index.json, atomically."""
        write_json(folder / INDEX_NAME, {"format": FORMAT, "version": VERSION, **asdict(self)}, indent=1)

    @classmethod
    def read(cls, folder: Path) -> "PackIndex":
        """Read index.json.

        Raises:
            PoseError: it is absent, damaged or of another version.
        """
        path = folder / INDEX_NAME
        if not path.is_file():
            raise PoseError(
                f"{folder} is no packed data set ({INDEX_NAME} is absent); make it with tools/pack_dataset.py or "
                "correct DATASET.ROOT or DATASET.TRAIN_IMAGES."
            )
        content = read_json(path, "index of the packed data set")
        if not isinstance(content, dict) or (content.get("format"), content.get("version")) != (FORMAT, VERSION):
            raise PoseError(
                f"{path} is not of version {VERSION} of the packed format; make the data set again with "
                "tools/pack_dataset.py."
            )
        try:
            return cls._from_json(content)
        except (KeyError, TypeError) as error:
            raise PoseError(f"{path} is damaged ({error}); make the data set again.") from error

    @classmethod
    def _from_json(cls, content: dict[str, Any]) -> "PackIndex":
        values = {field.name: content[field.name] for field in fields(cls)}
        needs: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in values["made_for"].items()
        }
        values["made_for"] = Needs(**needs)
        values["shards"] = tuple(Shard(**shard) for shard in values["shards"])
        return cls(**values)


def array_path(folder: Path, name: str) -> Path:
    """The file of an array."""
    return folder / ARRAYS_NAME / f"{name}.npy"


def file_sha256(path: Path) -> str:
    """The checksum of a file's content, as hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_READ_BYTES):
            digest.update(block)
    return digest.hexdigest()


def damaged_files(folder: Path, index: PackIndex) -> Iterator[tuple[Path, str]]:
    """Files of a packed data set that are absent or have another content than they were written with, and why."""
    for name, sha256 in index.arrays.items():
        reason = array_damage(folder, name, sha256)
        if reason:
            yield array_path(folder, name), reason
    for shard in index.shards:
        reason = shard_damage(folder, shard)
        if reason:
            yield folder / shard.name, reason


def array_damage(folder: Path, name: str, sha256: str) -> str:
    """What is wrong with the file of an array, '' for nothing."""
    path = array_path(folder, name)
    if not path.is_file():
        return "is absent"
    return _content_damage(path, sha256)


def shard_damage(folder: Path, shard: Shard, *, read_all: bool = True) -> str:
    """What is wrong with a shard, '' for nothing; without `read_all` only its size is looked at."""
    path = folder / shard.name
    if not shard.sha256:
        return "is not written yet"
    if not path.is_file():
        return "is absent"
    if path.stat().st_size != shard.num_bytes:
        return f"has {path.stat().st_size} bytes in place of {shard.num_bytes}"
    return _content_damage(path, shard.sha256) if read_all else ""


def _content_damage(path: Path, sha256: str) -> str:
    try:
        return "" if file_sha256(path) == sha256 else "does not match its checksum"
    except OSError as error:
        return f"cannot be read ({error.strerror})"


def _words(value: Any) -> str:
    if value is None:
        return "unused"
    if not isinstance(value, tuple):
        return f"{value:g}" if isinstance(value, float) else str(value)
    return ", ".join(map(str, value)) or "none"

"""The manifest of published weight files, `zoo.yaml` at the root of the repository."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from lib.utils.errors import PoseError
from lib.utils.strict_yaml import StrictLoader

MANIFEST = Path(__file__).resolve().parents[2] / "zoo.yaml"
DEFAULT_PLACE = "models/zoo"

# name-<hash>.pth of torchvision, name-<hash>_<date>.pth of mmpose.
HASH_IN_NAME = re.compile(r"-([0-9a-f]{8})(?:_\d{8})?\.pth$")
HASH = re.compile(r"[0-9a-f]{8,64}")

# What an entry may say; its group may say the same for all of its entries, but for the two that tell entries apart.
TEXTS = ("name", "config", "file", "base_url", "get", "sha256", "licence", "source", "place", "note", "title")
KEYS = (*TEXTS, "published", "options", "detector")
ENTRY_KEYS = tuple(key for key in KEYS if key != "title")
OWN_KEYS = ("name", "file")
# Each section's keys that must be said; `base_url` and `config` may be null.
REQUIRED = {
    "results": ("name", "file", "source", "licence", "base_url", "config", "published", "detector"),
    "pretrained": ("name", "file", "source", "licence", "base_url", "place"),
}
NULLABLE = ("base_url", "config", "detector")


@dataclass(frozen=True)
class Entry:
    """One published result, or one file of ImageNet weights; '' stands for what is unknown.

    Attributes:
        name: how commands call it.
        file: the name under which its weights are looked for; several results may share a file.
        source: repository of its authors.
        licence: of the authors' code and weights.
        url: where the file can be fetched from.
        get: where to get it by hand.
        sha256: start of the file's SHA-256, 8 to 64 hexadecimal digits.
        place: its folder when no other is named.
        config: experiment file below experiments/; '' where there is none yet, and for ImageNet weights.
        options: what the test changes in it, by dotted key.
        published: figures in percent, by the name that tests print; empty for ImageNet weights.
        detector: person AP on COCO val2017 of the boxes; None where no detector is used.
        note: anything else worth knowing.
        title: of its group.
    """

    name: str
    file: str
    source: str
    licence: str
    url: str = ""
    get: str = ""
    sha256: str = ""
    place: str = DEFAULT_PLACE
    config: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    published: Mapping[str, float] = field(default_factory=dict)
    detector: float | None = None
    note: str = ""
    title: str = ""

    def path(self, folder: str | Path | None = None) -> Path:
        """Where its file lies in `folder`, or in its own place."""
        return Path(folder or self.place) / self.file

    def by_hand(self, target: Path) -> str:
        """How to come by the file without this program."""
        return f"get it by hand ({self.url or self.get}) and put it there as {target}"


def read_manifest(path: Path = MANIFEST) -> list[Entry]:
    """Read and check a manifest.

    Args:
        path: a YAML file of the sections `results` and `pretrained`, each a list of groups with a title, what their
            entries share, and `entries`.

    Returns:
        The entries in their order.

    Raises:
        PoseError: the file is absent, no YAML or not of that form; an unknown or missing key, a value of the wrong
            type, a repeated name, a hash that is none or contradicts the file's name, or two entries that say
            different things of one file.
    """
    entries = [_entry(section, where, values) for section, where, values in _raw_entries(path)]
    _check_together(path, entries)
    return entries


def find(entries: Sequence[Entry], names: Sequence[str]) -> list[Entry]:
    """The entries of these names, or with files of these names, in the order asked for.

    Raises:
        PoseError: there is none of a name.
    """
    found = []
    for name in names:
        matches = [entry for entry in entries if entry.name == name] or [e for e in entries if e.file == name]
        if not matches:
            raise PoseError(f"the zoo has nothing named {name}; python tools/zoo.py list shows what it has.")
        found.append(matches[0])
    return found


def _raw_entries(path: Path) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Section, place in the file for errors, and the keys of each entry with those of its group."""
    content = _mapping(_read_yaml(path), f"zoo file {path}", tuple(REQUIRED))
    for section, groups in content.items():
        for number, raw_group in enumerate(_list(groups, f"zoo file {path}, section {section}"), 1):
            where = f"zoo file {path}, {section}, group {number}"
            group = dict(_mapping(raw_group, where, ("entries", *set(KEYS).difference(OWN_KEYS))))
            for position, raw in enumerate(_list(group.pop("entries", None), f"{where}: entries"), 1):
                own = _mapping(raw, f"{where}, entry {position}", ENTRY_KEYS)
                yield section, f"zoo file {path}, {own.get('name') or f'{section}, group {number}'}", {**group, **own}


def _read_yaml(path: Path) -> Any:
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=StrictLoader)
    except OSError as error:
        raise PoseError(f"zoo file {path} cannot be read ({error.strerror}); it is part of the repository.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise PoseError(f"zoo file {path} is not valid YAML ({' '.join(str(error).split())}); correct it.") from error


def _mapping(value: Any, where: str, known: Sequence[str]) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise PoseError(f"{where} must be a mapping of keys to values.")
    unknown = [str(key) for key in value if key not in known]
    if unknown:
        raise PoseError(f"{where} has the unknown key {unknown[0]}; it may have {', '.join(sorted(known))}.")
    return value


def _list(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise PoseError(f"{where} must be a list with something in it.")
    return value


def _entry(section: str, where: str, values: dict[str, Any]) -> Entry:
    missing = [key for key in REQUIRED[section] if key not in values]
    if missing:
        raise PoseError(f"{where} lacks {' and '.join(missing)}.")
    for key in TEXTS:
        value = values.get(key, "")
        if not isinstance(value, str) and not (value is None and key in NULLABLE):
            raise PoseError(f"{where}: {key} is {value!r}, but it must be text; put it in quotation marks.")
    base_url = values.pop("base_url") or ""
    published = _numbers(where, "published", values.pop("published", {}))
    options = {str(key): str(value) for key, value in _plain(where, "options", values.pop("options", {})).items()}
    detector = values.pop("detector", None)
    if detector is not None:
        _numbers(where, "detector", {"AP": detector})
    texts = {key: value or "" for key, value in values.items()}
    entry = Entry(
        **texts,
        url=base_url and base_url + values["file"],
        published=published,
        options=options,
        detector=detector,
    )
    fault = _fault(section, entry, base_url)
    if fault:
        raise PoseError(f"{where}: {fault}.")
    return entry


def _plain(where: str, key: str, value: Any) -> dict[Any, Any]:
    if not isinstance(value, dict):
        raise PoseError(f"{where}: {key} is {value!r}, but it must be a mapping.")
    return value


def _numbers(where: str, key: str, value: Any) -> dict[str, float]:
    numbers = _plain(where, key, value)
    for name, number in numbers.items():
        if not isinstance(number, (int, float)) or isinstance(number, bool) or not 0 < number < 100:
            raise PoseError(f"{where}: {key} {name} is {number!r}, but it must be a figure in percent.")
    return numbers


def _fault(section: str, entry: Entry, base_url: str) -> str:
    """What is wrong with one entry; '' for nothing."""
    if not entry.name or not entry.file or not entry.licence or not entry.source:
        return "name, file, licence and source must not be empty"
    if Path(entry.file).name != entry.file:
        return f"file is {entry.file!r}, but it must be a name without folders"
    if base_url and not re.fullmatch(r"https?://[^\s]+/", base_url):
        return f"base_url is {base_url!r}, but it must begin with https:// or http:// and end with /"
    if not entry.url and not entry.get:
        return "without base_url there must be get, which says where to find the file by hand"
    if section == "results" and not entry.published:
        return "published is empty"
    if section == "results" and not entry.config and not entry.note:
        return "without config there must be a note, which says why"
    if entry.sha256 and not HASH.fullmatch(entry.sha256):
        return f"sha256 is {entry.sha256!r}, but it must be 8 to 64 hexadecimal digits in lower case"
    in_name = HASH_IN_NAME.search(entry.file)
    if in_name and not entry.sha256.startswith(in_name[1]):
        return f"sha256 is {entry.sha256!r}, but the name of the file says {in_name[1]}"
    return ""


def _check_together(path: Path, entries: Sequence[Entry]) -> None:
    names: set[str] = set()
    files: dict[str, Entry] = {}
    for entry in entries:
        if entry.name in names:
            raise PoseError(f"zoo file {path}: the name {entry.name} occurs twice.")
        names.add(entry.name)
        other = files.setdefault(entry.file, entry)
        if (other.url, other.sha256, other.place) != (entry.url, entry.sha256, entry.place):
            raise PoseError(
                f"zoo file {path}: {other.name} and {entry.name} share the file {entry.file} but differ in its url, "
                "sha256 or place."
            )

"""Read YAML files with `_BASE_` inheritance and command-line overrides into flat settings."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from lib.config.foreign import refuse_foreign_config
from lib.config.values import COMMAND_LINE, Setting
from lib.utils.errors import PoseError
from lib.utils.strict_yaml import StrictLoader

BASE_KEY = "_BASE_"

Settings = dict[str, Setting]


def read_settings(path: Path) -> Settings:
    """The settings of a file and of the files it is based on, by dotted key.

    Args:
        path: a YAML file; its `_BASE_`, if any, is one path or a list of them, relative to the file's own folder. Of
            several bases the later one wins, and what the file says itself wins over all.

    Raises:
        PoseError: a file is absent, unreadable, not YAML, not a mapping, says a key twice or is its own base.
    """
    return _read(path, ())


def override_settings(overrides: Sequence[Any]) -> Settings:
    """The settings of trailing `KEY VALUE` arguments.

    Raises:
        PoseError: a key without a value.
    """
    if len(overrides) % 2:
        raise PoseError(f"overrides come in pairs KEY VALUE, but {overrides[-1]!r} has no value.")
    settings: Settings = {}
    for key, value in zip(overrides[::2], overrides[1::2], strict=True):
        # Text stays text here: whether 007 is a number or a name depends on the option it is for.
        settings.update(_flatten(str(key), value, COMMAND_LINE))
    return settings


def _read(path: Path, visited: tuple[Path, ...]) -> Settings:
    resolved = path.resolve()
    if resolved in visited:
        chain = " -> ".join(file.name for file in (*visited, resolved))
        raise PoseError(f"config {path} is its own base ({chain}); remove one {BASE_KEY}.")
    content = _read_yaml(path, f", the {BASE_KEY} of {visited[-1]}," if visited else "")
    settings: Settings = {}
    for base in _base_paths(content.pop(BASE_KEY, []), path):
        settings |= _read(base, (*visited, resolved))
    return settings | _flatten("", content, str(path))


def _base_paths(value: Any, path: Path) -> list[Path]:
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list) or not all(isinstance(name, str) and name for name in names):
        raise PoseError(
            f"{path} sets {BASE_KEY} to {value!r}, but it must be the path of a YAML file or a list of them."
        )
    return [path.parent / name for name in names]


def _read_yaml(path: Path, role: str) -> dict[str, Any]:
    refuse_foreign_config(path)
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=StrictLoader)
    except FileNotFoundError as error:
        raise PoseError(f"config {path}{role} does not exist; see experiments/ for those that do.") from error
    except OSError as error:
        raise PoseError(f"config {path}{role} cannot be read ({error.strerror}); give a readable file.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise PoseError(f"config {path} is not valid YAML ({' '.join(str(error).split())}); correct it.") from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise PoseError(f"config {path} holds {type(content).__name__} data; it must be a mapping of keys to values.")
    return content


def _flatten(prefix: str, value: Any, source: str) -> Settings:
    """Nested mappings as dotted keys; an empty mapping sets nothing."""
    if not isinstance(value, Mapping):
        return {prefix: Setting(value, source)}
    settings: Settings = {}
    for key, item in value.items():
        settings.update(_flatten(f"{prefix}.{key}" if prefix else str(key), item, source))
    return settings

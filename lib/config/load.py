"""From a YAML file and overrides to one frozen, checked configuration."""

import difflib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from yacs.config import CfgNode

from lib.config.checks import check_config
from lib.config.default import default_config
from lib.config.higher_hrnet_file import OUR_NAMES, translate_settings
from lib.config.networks import MODEL_NAMES, default_extra
from lib.config.read import Settings, override_settings, read_settings
from lib.config.resolve import resolve_config
from lib.config.values import typed_value
from lib.utils.errors import PoseError

# Where a configuration keeps its notices: an attribute, so that they are no option and not part of equality.
_NOTICES = "__notices__"


def load_config(path: str | os.PathLike[str], overrides: Sequence[str] = ()) -> CfgNode:
    """Load an experiment.

    Args:
        path: YAML file, possibly with a `_BASE_`; files of HRNet, UDP-Pose, DarkPose and HigherHRNet load
            unchanged.
        overrides: `KEY VALUE` pairs in one flat sequence, which win over the file.

    Returns:
        The frozen configuration in which every choice is made: MODEL.CODEC, MODEL.WIDE_FUSION, TEST.DECODER,
        DATASET.SKELETON, RUN_NAME and TRAIN.EXPECTED_BATCH are set, and paths are joined with DATA_DIR.

    Raises:
        PoseError: missing or corrupt file, unknown key, wrong type, or an impossible combination.
    """
    file = Path(path)
    file_settings, extra_settings, remarks = translate_settings(read_settings(file), override_settings(overrides))
    settings = file_settings | extra_settings
    config = default_config()
    config.MODEL.NAME = _model_name(settings, config.MODEL.NAME)
    config.MODEL.EXTRA = default_extra(config.MODEL.NAME)
    _apply(config, file_settings)
    if config.TRAIN.EXPECTED_BATCH == 0:
        train = config.TRAIN
        train.EXPECTED_BATCH = train.BATCH_SIZE_PER_GPU * max(len(config.GPUS), 1) * train.ACCUMULATE
    _apply(config, extra_settings)
    config.RUN_NAME = config.RUN_NAME or file.stem
    config.__dict__[_NOTICES] = (*remarks, *resolve_config(config, frozenset(settings)))
    check_config(config, str(file))
    config.freeze()
    return config


def notices(config: CfgNode) -> list[str]:
    """What a command prints once about a loaded configuration: choices made and keys without effect."""
    return list(config.__dict__.get(_NOTICES, ()))


def config_to_text(config: CfgNode) -> str:
    """The configuration as YAML; loading it again gives an equal configuration."""
    return str(config.dump(sort_keys=False))


def flat_items(config: CfgNode, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every option as (dotted key, value)."""
    for key, value in config.items():
        if isinstance(value, CfgNode):
            yield from flat_items(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def _model_name(settings: Settings, default: str) -> str:
    """The network's name, refused when it is not one of ours."""
    if "MODEL.NAME" not in settings:
        return default
    setting = settings["MODEL.NAME"]
    name = typed_value("MODEL.NAME", setting, default)
    if name not in MODEL_NAMES:
        raise PoseError(
            f"{setting.source} sets MODEL.NAME to {name!r}, a network that is not part of this project; "
            f"it has {', '.join(MODEL_NAMES)}."
        )
    return str(name)


def _apply(config: CfgNode, settings: Settings) -> None:
    """Write settings into the configuration, in the types of its options."""
    for key, setting in settings.items():
        if key == "MODEL.NAME":
            continue  # chosen already, because the options in MODEL.EXTRA depend on it
        *sections, name = key.split(".")
        node: Any = config
        for section in sections:
            node = node.get(section) if isinstance(node, CfgNode) else None
        if not isinstance(node, CfgNode) or name not in node:
            owner = f" of {config.MODEL.NAME}" if key.startswith("MODEL.EXTRA.") else ""
            raise PoseError(f"{setting.source} sets the unknown key {key}{owner}; {_suggestion(key, config)}.")
        if isinstance(node[name], CfgNode):
            if setting.value is not None:
                raise PoseError(f"{setting.source} sets {key} to {setting.value!r}, but it is a section of keys.")
            continue
        node[name] = typed_value(key, setting, node[name])


def _suggestion(key: str, config: CfgNode) -> str:
    """The known key that was probably meant: HigherHRNet's, the same name in another section, or the most similar."""
    if key in OUR_NAMES:
        return f"here it is called {OUR_NAMES[key]}"
    known = [name for name, _ in flat_items(config)]
    name = key.rpartition(".")[2]
    same_name = [other for other in known if other.rpartition(".")[2] == name]
    nearest = difflib.get_close_matches(key, same_name or known, n=1, cutoff=0.0)
    return f"the nearest known key is {nearest[0]}"

"""Weights that know synthetic people alone, as those of the quickstart."""

import json
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import yaml

from lib.media.source import Source
from lib.utils.checkpoint import Metadata

SYNTHETIC = "synthetic"


def synthetic_notice(metadata: Metadata | None, sources: Iterable[Source]) -> str | None:
    """What to say where weights of synthetic people are to look at photos.

    Args:
        metadata: of the weights; None for those of others, which know real people.
        sources: the inputs.

    Returns:
        A sentence, or None where weights and pictures belong together.
    """
    if metadata is None or not _is_synthetic(metadata):
        return None
    photo = next((source for source in sources if not _is_synthetic_picture(source.path)), None)
    if photo is None:
        return None
    return (
        f"the weights were trained on synthetic people alone and find little on photos such as {photo.name}; give "
        "weights trained on photos as TEST.MODEL_FILE (python tools/zoo.py list)."
    )


def _is_synthetic(metadata: Metadata) -> bool:
    config = yaml.safe_load(metadata.config) or {}
    return bool(config.get("DATASET", {}).get("DATASET") == SYNTHETIC)


def _is_synthetic_picture(path: Path | None) -> bool:
    return path is not None and any(_is_synthetic_set(folder) for folder in path.absolute().parents)


@lru_cache(maxsize=4096)
def _is_synthetic_set(folder: Path) -> bool:
    """Whether tools/make_synthetic.py made the folder."""
    try:
        content = json.loads((folder / "manifest.json").read_text())
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and "texture_families" in content

"""Packages that make something faster where they are installed."""

import importlib
from types import ModuleType


def optional_module(name: str) -> ModuleType | None:
    """The module, or None where it is not installed, as on a platform without its wheels."""
    try:
        return importlib.import_module(name)
    except ImportError:
        return None

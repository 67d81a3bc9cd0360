"""Commands of tools/ as modules of this process."""

import importlib.util
from types import ModuleType

from helpers.tiny_run import REPOSITORY


def load_tool(name: str) -> ModuleType:
    """tools/NAME.py, freshly loaded."""
    spec = importlib.util.spec_from_file_location(f"tool_{name}", REPOSITORY / "tools" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module

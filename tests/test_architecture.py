"""Which package may import which: the rules of CONTRIBUTING.md."""

import ast
from pathlib import Path

import pytest

ALLOWED = {
    "utils": {"utils"},
    "skeletons": {"skeletons", "utils"},
    "config": {"config", "utils", "skeletons"},
    "codecs": {"codecs", "utils", "skeletons"},
    "models": {"models", "utils", "skeletons"},
    "dataset": {"dataset", "codecs", "utils", "skeletons"},
    "core": {"core", "codecs", "utils", "skeletons"},
    "zoo": {"zoo", "utils"},
    "export": {"export", "codecs", "core", "models", "utils", "skeletons"},
    "estimator": {"estimator", "core", "codecs", "dataset", "utils", "skeletons"},
    "media": {"media", "utils"},
    "detectors": {"detectors", "utils"},
    "tracking": {"tracking", "utils"},
    "writers": {"writers", "utils", "skeletons"},
}
# The files where the config node is taken apart into plain arguments.
CONFIG_READERS = {"build.py"}


def _imported_modules(path: Path) -> set[str]:
    modules = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            modules.add(node.module or "")
    return modules


def _lib_packages(modules: set[str]) -> set[str]:
    return {module.split(".")[1] for module in modules if module.startswith("lib.")}


@pytest.mark.parametrize("package", sorted(ALLOWED))
def test_package_imports_only_what_it_may(repository: Path, package: str) -> None:
    for path in sorted((repository / "lib" / package).rglob("*.py")):
        modules = _imported_modules(path)
        allowed = ALLOWED[package] | ({"config"} if path.name in CONFIG_READERS else set())
        assert _lib_packages(modules) <= allowed, path
        assert not any(module.split(".")[0] in {"tools", "visualization"} for module in modules), path


def test_visualization_knows_plain_arrays_only(repository: Path) -> None:
    for path in sorted((repository / "visualization").rglob("*.py")):
        allowed = {"utils", "skeletons"} | ({"core"} if path.name.startswith("plot_") else set())
        assert _lib_packages(_imported_modules(path)) <= allowed, path


@pytest.mark.parametrize("package", sorted(set(ALLOWED) - {"config"}))
def test_only_builders_read_the_config(repository: Path, package: str) -> None:
    for path in sorted((repository / "lib" / package).rglob("*.py")):
        if path.name in CONFIG_READERS:
            continue
        assert not any(module.split(".")[0] == "yacs" for module in _imported_modules(path)), path


def test_no_eval_no_pickle(repository: Path) -> None:
    for path in sorted((repository / "lib").rglob("*.py")):
        tree = ast.parse(path.read_text())
        calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
        assert not {func.id for func in calls if isinstance(func, ast.Name)} & {"eval", "exec"}, path
        assert not _imported_modules(path) & {"pickle", "dill", "joblib"}, path

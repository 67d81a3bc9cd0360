"""Rows of a benchmark: printed as a table, written as CSV with the machine they were measured on."""

import csv
import io
import os
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import torch
from numpy.typing import ArrayLike

from lib.utils.files import atomic_path

PACKAGES = ("torch", "numpy", "opencv-python-headless", "pycocotools", "hotcoco", "openvino", "onnxruntime")


@dataclass(frozen=True)
class Row:
    """One measured thing.

    Attributes:
        name: what was done.
        way: how it was done.
        unit: of the values.
        median, low, high: over the repeats.
        ratio, ratio_low, ratio_high: against the plain way in the same repeat; None where there is none.
        target: what was to be reached, for example "8x" or "< 1.5 s".
        repeats: how often it was measured.
    """

    name: str
    way: str
    unit: str
    median: float
    low: float
    high: float
    ratio: float | None = None
    ratio_low: float | None = None
    ratio_high: float | None = None
    target: str = ""
    repeats: int = 1

    @classmethod
    def of(
        cls,
        name: str,
        way: str,
        unit: str,
        values: ArrayLike,
        ratios: ArrayLike | None = None,
        target: str = "",
        repeats: int = 1,
    ) -> "Row":
        """A row from the values of its repeats."""
        median, low, high = _summary(values)
        row = cls(name, way, unit, median, low, high, target=target, repeats=repeats)
        if ratios is None:
            return row
        ratio, ratio_low, ratio_high = _summary(ratios)
        return replace(row, ratio=ratio, ratio_low=ratio_low, ratio_high=ratio_high)


def format_table(rows: Sequence[Row]) -> str:
    """The rows in Markdown."""
    lines = ["| what | way | median | spread | ratio | spread | to reach |", "|---|---|---|---|---|---|---|"]
    for row in rows:
        value, spread = f"{_short(row.median)} {row.unit}", f"{_short(row.low)}-{_short(row.high)}"
        ratio = ratio_spread = ""
        if row.ratio is not None and row.ratio_low is not None and row.ratio_high is not None:
            ratio, ratio_spread = f"{_short(row.ratio)}x", f"{_short(row.ratio_low)}-{_short(row.ratio_high)}"
        lines.append(f"| {row.name} | {row.way} | {value} | {spread} | {ratio} | {ratio_spread} | {row.target} |")
    return "\n".join(lines)


def write_rows(path: str | os.PathLike[str], rows: Sequence[Row], device: str) -> None:
    """Write rows as CSV, each with the machine, the versions and the commit."""
    machine = describe(device)
    text = io.StringIO()
    columns = [*(field.name for field in fields(Row)), *machine]
    writer = csv.DictWriter(text, fieldnames=columns, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: _rounded(value) for name, value in asdict(row).items()} | machine)
    with atomic_path(path) as temporary:
        temporary.write_text(text.getvalue())


def describe(device: str) -> dict[str, str]:
    """The machine and what runs on it, by name."""
    return {
        "device": torch.cuda.get_device_name(device) if device.startswith("cuda") else _processor(),
        "cores": str(os.cpu_count()),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "python": platform.python_version(),
        **{name: _version(name) for name in PACKAGES},
        "commit": _commit(),
    }


def _summary(values: ArrayLike) -> tuple[float, float, float]:
    array = np.asarray(values, dtype=np.float64)
    return float(np.median(array)), float(array.min()), float(array.max())


def _short(value: float) -> str:
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"


def _rounded(value: object) -> object:
    return float(f"{value:.4g}") if isinstance(value, float) else "" if value is None else value


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _commit() -> str:
    """The commit of this checkout, with + where files differ from it; empty outside a checkout."""
    folder = Path(__file__).parent
    try:
        commit = _git("rev-parse", "--short=12", "HEAD", folder=folder)
        changed = _git("status", "--porcelain", "--untracked-files=no", folder=folder)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return commit + ("+" if changed else "")


def _git(*words: str, folder: Path) -> str:
    return subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()

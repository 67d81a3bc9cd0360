"""Curves of a training run as one picture."""

import csv
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lib.utils.errors import PoseError
from lib.utils.files import atomic_path

# Title of each panel, and its columns of history.csv with their labels.
PANELS: tuple[tuple[str, dict[str, str]], ...] = (
    ("loss", {"train_loss": "training", "val_loss": "validation"}),
    ("PCK on heatmaps", {"train_pck": "training", "val_pck": "validation"}),
)
# Columns of history.csv of every run; the figures of the test follow, first the one that chooses the best weights.
COMMON = ("epoch", "lr", "train_", "val_")
# The last panel: the one that has this figure, else the figure alone.
MEASURES: tuple[tuple[str, dict[str, str]], ...] = (
    ("COCO statistics", {"AP": "AP", "AR": "AR"}),
    ("PCKh, %", {"Mean@0.5": "at 0.5", "Mean@0.11": "at 0.11"}),
    ("like PCKh, by head segments, %", {"segment Mean@0.5": "at 0.5", "segment Mean@0.11": "at 0.11"}),
)
COLORS = ("#1f6fb4", "#e4572e")
DPI = 120


def read_history(path: str | os.PathLike[str]) -> list[dict[str, str]]:
    """Rows of a history.csv.

    Raises:
        PoseError: the file is absent or cannot be read as CSV.
    """
    try:
        with Path(path).open(newline="") as file:
            return list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise PoseError(f"history {path} cannot be read ({error}); name the history.csv of a run.") from error


def plot_curves(
    history: str | os.PathLike[str] | Iterable[Mapping[str, Any]], path: str | os.PathLike[str], title: str = ""
) -> None:
    """Draw loss, PCK and the chief figure of the tests over epochs, with the drops of the learning rate, as PNG.

    Args:
        history: a history.csv, or its rows: epoch, lr, train_loss, train_pck, val_loss, val_pck, then figures like AP
            and AR. Columns may be absent; values that are empty or no finite number are left out.
        path: the PNG to be written, atomically.
        title: above the panels, usually the run.

    Raises:
        PoseError: the history cannot be read, or the folder cannot be written to.
    """
    rows: Sequence[Mapping[str, Any]]
    rows = read_history(history) if isinstance(history, (str, os.PathLike)) else list(history)
    panels = (*PANELS, _measures(rows))
    columns = {key: _column(rows, key) for key in ("epoch", "lr", *(name for _, names in panels for name in names))}
    missing = np.isnan(columns["epoch"])
    epochs = np.where(missing, np.arange(len(rows)), columns["epoch"])
    figure = Figure(figsize=(4.2 * len(panels), 3.4), layout="constrained")
    for axes, (name, labels) in zip(figure.subplots(1, len(panels)), panels, strict=True):
        _panel(axes, name, epochs, {label: columns[key] for key, label in labels.items()})
        _mark_rate_changes(axes, epochs, columns["lr"])
    if title:
        figure.suptitle(title, fontsize=11)
    with atomic_path(path) as temporary:
        FigureCanvasAgg(figure).print_figure(temporary, dpi=DPI, format="png")


def _measures(rows: Sequence[Mapping[str, Any]]) -> tuple[str, dict[str, str]]:
    """Title and columns of the last panel."""
    figures = (
        key for row in rows for key, value in row.items() if not key.startswith(COMMON) and value not in (None, "")
    )
    first = next(figures, None)
    if first is None:
        return MEASURES[0]
    return next((panel for panel in MEASURES if first in panel[1]), (first, {first: first}))


def _panel(axes: Axes, title: str, epochs: np.ndarray, curves: Mapping[str, np.ndarray]) -> None:
    axes.set_title(title, fontsize=10)
    axes.set_xlabel("epoch", fontsize=9)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.tick_params(which="both", labelsize=8)
    axes.grid(color="#dddddd", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    for color, (label, values) in zip(COLORS, curves.items(), strict=False):
        known = np.isfinite(values)
        if known.any():
            axes.plot(epochs[known], values[known], color=color, marker=".", markersize=4, linewidth=1.4, label=label)
    if not axes.lines:
        axes.text(0.5, 0.5, "no values", transform=axes.transAxes, ha="center", va="center", color="#888888")
        return
    if title == "loss" and all(np.nanmin(values, initial=np.inf) > 0 for values in curves.values()):
        axes.set_yscale("log")
    _mark_best_ap(axes, epochs, curves.get("AP"))
    axes.legend(fontsize=8, frameon=False)


def _mark_best_ap(axes: Axes, epochs: np.ndarray, values: np.ndarray | None) -> None:
    if values is None or not np.isfinite(values).any():
        return
    best = int(np.nanargmax(values))
    axes.plot(epochs[best], values[best], "o", color=COLORS[0], markersize=7, markerfacecolor="none", label="_best")
    axes.annotate(
        f"{values[best]:.3f}",
        (epochs[best], values[best]),
        textcoords="offset points",
        xytext=(0, -16),
        ha="center",
        fontsize=8,
    )


def _mark_rate_changes(axes: Axes, epochs: np.ndarray, rates: np.ndarray) -> None:
    """Dotted lines where the rate drops from or to a level; a warm-up is no drop, and a falling line has none."""
    for index in range(1, len(rates)):
        level = rates[index - 1] in rates[: index - 1][-1:] or rates[index] in rates[index + 1 :][:1]
        if level and rates[index] < 0.6 * rates[index - 1]:
            axes.axvline(epochs[index], color="#888888", linewidth=0.8, linestyle=":")


def _column(rows: Sequence[Mapping[str, Any]], key: str) -> np.ndarray:
    """Values as float, (N,), NaN for what is absent, empty or infinite."""
    values = np.full(len(rows), np.nan)
    for index, row in enumerate(rows):
        try:
            values[index] = float(row.get(key, "nan"))
        except (TypeError, ValueError):
            continue
    values[~np.isfinite(values)] = np.nan
    return values

"""Curves from complete, incomplete and empty histories."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lib.utils.errors import PoseError
from lib.utils.image import read_image
from visualization import curves
from visualization.curves import _mark_rate_changes, plot_curves

COLUMNS = ("epoch", "lr", "train_loss", "train_pck", "val_loss", "val_pck", "AP", "AR", "images_per_s", "data_wait")


def test_history_file_with_gaps(tmp_path: Path) -> None:
    with (tmp_path / "history.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="")
        writer.writeheader()
        for epoch in range(6):
            writer.writerow({"epoch": epoch, "lr": 1e-3 if epoch < 4 else 1e-4, "train_loss": 1 / (epoch + 1)})
        writer.writerow({"epoch": 6, "lr": 1e-4, "train_loss": "nan", "val_pck": "n/a", "AP": 0.5, "AR": 0.6})
    plot_curves(tmp_path / "history.csv", tmp_path / "new" / "curves.png", "a run")
    assert read_image(tmp_path / "new" / "curves.png").shape[1] > 1000


@pytest.mark.parametrize(
    ("rates", "marked"),
    [
        ([1.0, 1.0, 0.1, 0.1], [2]),
        ([1.0, 1.0, 0.3, 0.09, 0.09], [2, 3]),
        ([0.5, 0.01], []),
        ([1.0, 0.6, 0.3, 0.0], []),
        ([0.5, 1.0, 0.6, 0.2, 0.01], []),
        ([0.001, 1.0, 1.0], []),
        ([0.8, 0.6, 0.4, 0.2, 0.0], []),
    ],
)
def test_drops_of_the_rate_are_marked(rates: list[float], marked: list[int]) -> None:
    axes = Figure().subplots()
    _mark_rate_changes(axes, np.arange(len(rates)), np.array(rates))
    assert [line.get_xdata()[0] for line in axes.lines] == marked  # type: ignore[index]


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [{}],
        [{"epoch": 0, "train_loss": 0.0, "AP": -1}],
        [{"epoch": None, "train_loss": float("inf"), "AR": "", "AP": None}, {"val_loss": -2.0}],
    ],
)
def test_hardly_any_values(tmp_path: Path, rows: list[dict]) -> None:
    plot_curves(rows, tmp_path / "curves.png")
    assert (tmp_path / "curves.png").stat().st_size > 0


def test_missing_history(tmp_path: Path) -> None:
    with pytest.raises(PoseError, match=r"history\.csv cannot be read"):
        plot_curves(tmp_path / "history.csv", tmp_path / "curves.png")


@pytest.mark.parametrize(
    ("columns", "title"),
    [
        ({"AP": 0.0, "AR": 0.1}, "COCO statistics"),
        ({"Mean@0.5": 88.0}, "PCKh, %"),
        ({"segment Mean@0.5": 88.0, "segment Mean@0.11": 30.0}, "like PCKh, by head segments, %"),
        ({"EPE": 3.0, "AP": 0.5}, "EPE"),
        ({"train_loss": 1.0, "EPE": None, "PCK@0.2": 0.5}, "PCK@0.2"),
        ({"val_loss": 1.0}, "COCO statistics"),
    ],
)
def test_the_last_panel_shows_what_was_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, columns: dict[str, float], title: str
) -> None:
    titles: list[str] = []
    panel = curves._panel

    def note(axes: Axes, name: str, *arguments: Any) -> None:
        titles.append(name)
        panel(axes, name, *arguments)

    monkeypatch.setattr(curves, "_panel", note)
    plot_curves([{"epoch": 0, "lr": 0.1, **columns}], tmp_path / "curves.png")
    assert titles[-1] == title

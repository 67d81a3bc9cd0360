import csv
from pathlib import Path

import pytest
import torch

from lib.bench.rows import Row, describe, format_table, write_rows

ROWS = [
    Row.of("decoding", "plain", "people/s", [10, 30, 20]),
    Row.of("decoding", "ours", "people/s", [100, 300, 1234.5], [8, 10, 12], "8x", repeats=3),
]


def test_a_row_holds_median_and_spread() -> None:
    assert (ROWS[0].median, ROWS[0].low, ROWS[0].high, ROWS[0].ratio) == (20, 10, 30, None)
    assert (ROWS[1].ratio, ROWS[1].ratio_low, ROWS[1].ratio_high) == (10, 8, 12)


def test_the_table_names_everything() -> None:
    lines = format_table(ROWS).splitlines()
    assert len(lines) == 4
    assert lines[3] == "| decoding | ours | 300 people/s | 100-1234 | 10x | 8-12 | 8x |"


def test_files_name_machine_versions_and_commit(tmp_path: Path) -> None:
    write_rows(tmp_path / "new" / "rows.csv", ROWS, "cpu")
    with (tmp_path / "new" / "rows.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["way"] for row in rows] == ["plain", "ours"]
    assert rows[0]["ratio"] == ""
    assert float(rows[1]["median"]) == 300
    for name, value in describe("cpu").items():
        assert rows[1][name] == value
    assert rows[1]["torch"]
    assert rows[1]["device"]


def test_the_gpu_is_the_one_that_was_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_name", {"cuda:0": "First", "cuda:1": "Second"}.get)
    assert describe("cuda:1")["device"] == "Second"

"""The table of all networks."""

from pathlib import Path

from helpers.tiny_run import tiny_experiment

from lib.bench.devices import EXPERIMENTS
from lib.bench.families import COLUMNS, FAMILY, family_rows, family_table
from lib.bench.settings import BenchSettings


def test_every_experiment_exists() -> None:
    assert not [name for name in FAMILY if not (EXPERIMENTS / f"{name}.yaml").is_file()]


def test_a_line_per_network(tmp_path: Path) -> None:
    experiment = tiny_experiment(tmp_path, tmp_path)
    rows = family_rows(BenchSettings(repeats=1), [experiment.with_suffix("")])
    assert [row.way for row in rows] == list(COLUMNS)
    assert all(row.median > 0 for row in rows)
    table = family_table(rows).splitlines()
    assert len(table) == 3
    assert table[2].count("|") == len(COLUMNS) + 2

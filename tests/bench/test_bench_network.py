"""Size, work and speed of networks."""

from pathlib import Path

from helpers.tiny_run import tiny_experiment

from lib.bench.devices import data_sheet_peak, measured_peak
from lib.bench.network import network_rows
from lib.bench.settings import BenchSettings
from lib.config import load_config


def test_rows_of_any_configuration(tmp_path: Path) -> None:
    cfg = load_config(tiny_experiment(tmp_path, tmp_path))
    rows = network_rows(BenchSettings(repeats=2), cfg, batch_sizes=(1, 3))
    assert [(row.way, row.unit) for row in rows[:2]] == [
        ("parameters", "million"),
        ("multiply-adds per image", "G"),
    ]
    assert [row.name for row in rows[2:]] == [f"pose_hrnet 64x64, batch {batch}" for batch in (1, 1, 1, 3, 3, 3)]
    assert [row.unit for row in rows[2:5]] == ["images/s", "images/s", "%"]
    assert all(row.median > 0 for row in rows)


def test_peaks_of_gpus_go_by_their_names() -> None:
    assert data_sheet_peak("NVIDIA A100-SXM4-80GB", bf16=True) == 312000
    assert data_sheet_peak("NVIDIA H100 80GB HBM3", bf16=True) == 989000
    assert data_sheet_peak("NVIDIA H100 PCIe", bf16=False) == 378000
    assert data_sheet_peak("Tesla V100-SXM2-16GB", bf16=True) is None
    assert data_sheet_peak("A GPU of next year", bf16=False) is None


def test_the_peak_of_this_machine_is_measured() -> None:
    assert measured_peak("cpu", bf16=False) > 1

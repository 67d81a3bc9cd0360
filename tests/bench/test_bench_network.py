"""Size, work and speed of networks."""

from pathlib import Path

import pytest
import torch
from helpers.tiny_run import tiny_experiment

from lib.bench.devices import data_sheet_peak, measured_peak, published_config
from lib.bench.network import count_parameters, giga_multiply_adds, network_rows
from lib.bench.settings import BenchSettings
from lib.config import load_config
from lib.models import build_model


@pytest.mark.parametrize(
    ("name", "millions", "giga"),
    [
        ("coco/hrnet/w32_256x192_adam_lr1e-3.yaml", 28.5, 7.1),
        ("coco/hrnet/w48_256x192_adam_lr1e-3.yaml", 63.6, 14.6),
    ],
)
def test_size_and_work_are_those_of_the_publication(name: str, millions: float, giga: float) -> None:
    """HRNet's table 1, whose code divides by 2^30."""
    cfg = published_config(name)
    with torch.device("meta"):
        model = build_model(cfg).eval()
        work = giga_multiply_adds(model, tuple(cfg.MODEL.IMAGE_SIZE))
    assert count_parameters(model) / 1e6 == pytest.approx(millions, abs=0.06)
    assert work * 1e9 / 2**30 == pytest.approx(giga, abs=0.05)


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

"""tools/benchmark.py as people call it."""

import csv
import subprocess
import sys
from pathlib import Path

import pytest

SMALL = "experiments/synthetic/hrnet_w24_128x96_udp.yaml"


def call(repository: Path, *words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(repository / "tools" / "benchmark.py"), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=repository)


def test_a_table_and_a_file(repository: Path, tmp_path: Path) -> None:
    done = call(repository, "decode", "--repeats", 1, "--output", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "decoding 32 people, udp | batched" in done.stdout
    with (tmp_path / "decode_cpu.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["way"] for row in rows] == ["plain", "batched"] * 2
    assert float(rows[1]["ratio"]) > 1


def test_any_network_alone(repository: Path, tmp_path: Path) -> None:
    words = ("network", "--cfg", SMALL, "--batch-sizes", 1, 2, "--repeats", 1, "--output", tmp_path)
    done = call(repository, *words, "TEST.RUNTIME", "eager")
    assert done.returncode == 0, done.stderr
    assert "parameters" in done.stdout
    assert "batch 2" in done.stdout
    assert (tmp_path / "network_cpu.csv").is_file()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("network",), "error: the benchmark network needs a configuration; add --cfg"),
        (("precision",), "error: the benchmark precision needs a configuration; add --cfg"),
        (("decode", "--repeats", "0"), "error: --repeats is 0; give 1 or more."),
        (("loader", "--data", "/nowhere"), "error: annotation file /nowhere"),
    ],
)
def test_bad_input_is_one_sentence(repository: Path, tmp_path: Path, words: tuple[str, ...], sentence: str) -> None:
    done = call(repository, *words, "--output", tmp_path)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith(sentence)
    assert list(tmp_path.iterdir()) == []

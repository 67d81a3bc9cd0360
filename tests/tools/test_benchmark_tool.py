"""tools/benchmark.py as people call it."""

import csv
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lib.utils.errors import PoseError

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
    assert float(rows[1]["ratio"]) > 0


@pytest.fixture
def main(repository: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """The command in this process, because importing all it may need takes seconds."""
    run = runpy.run_path(str(repository / "tools" / "benchmark.py"))["main"]

    def with_words(*words: object) -> None:
        monkeypatch.setattr(sys, "argv", ["benchmark.py", *map(str, words)])
        run()

    return with_words


def test_any_network_alone(
    main: Callable[..., None], repository: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--cfg", repository / SMALL, "--batch-sizes", 1, 2, "--repeats", 1, "--output", tmp_path)
    main("network", *words, "TEST.RUNTIME", "eager")
    printed = capsys.readouterr().out
    assert "parameters" in printed
    assert "batch 2" in printed
    assert (tmp_path / "network_cpu.csv").is_file()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("network",), r"the benchmark network needs a configuration; add --cfg"),
        (("precision",), r"the benchmark precision needs a configuration; add --cfg"),
        (("decode", "--repeats", "0"), r"--repeats is 0; give 1 or more\."),
        (("loader", "--data", "/nowhere"), r"annotation file /nowhere"),
    ],
)
def test_bad_input_is_one_sentence(
    main: Callable[..., None], tmp_path: Path, words: tuple[str, ...], sentence: str
) -> None:
    with pytest.raises(PoseError, match=sentence):
        main(*words, "--output", tmp_path)
    assert list(tmp_path.iterdir()) == []

"""The quickstart in small: every command of it runs, and a second run does nothing again."""

import re
import subprocess
from pathlib import Path

import pytest
from helpers.tiny_run import run_tool


def _quickstart(folder: Path, val: int = 4) -> subprocess.CompletedProcess[str]:
    overrides = {
        "DATASET.ROOT": folder / "data",
        "OUTPUT_DIR": folder / "output",
        "LOG_DIR": folder / "log",
        "TRAIN.END_EPOCH": 1,
        "TRAIN.BATCH_SIZE_PER_GPU": 4,
    }
    words = [word for pair in overrides.items() for word in pair]
    return run_tool("quickstart", "--train", 6, "--val", val, *words)


@pytest.mark.slow
def test_quickstart_ends_with_results_and_starts_again_at_once(tmp_path: Path) -> None:
    first = _quickstart(tmp_path)
    assert first.returncode == 0, first.stderr
    run = tmp_path / "output" / "synthetic" / "pose_hrnet" / "hrnet_w24_128x96_udp"
    tail = first.stdout[first.stdout.index("Result on held-out people, GT boxes") :]
    assert re.search(r"val: 4 images, \d+ people .* of the joints occluded", tail)
    assert "| Arch | AP |" in tail
    for name in ("results", "pictures", "curves"):
        (line,) = re.findall(rf"^{name} +(.*)$", tail, re.MULTILINE)
        assert Path(line).exists()
        assert Path(line).is_relative_to(run)
    assert len(list((run / "results" / "pictures").iterdir())) == 4

    written = (run / "checkpoint.pth").stat().st_mtime_ns
    second = _quickstart(tmp_path)
    assert second.returncode == 0, second.stderr
    assert "This run is finished" in second.stdout
    assert second.stdout[second.stdout.index("Result on held-out") :] == tail
    assert (run / "checkpoint.pth").stat().st_mtime_ns == written, "the second run must not train"

    third = _quickstart(tmp_path, val=5)
    assert third.returncode == 0, third.stderr
    assert "val: 5 images" in third.stdout
    assert "This run is finished" not in third.stdout, "other pictures need another network"


@pytest.mark.slow
def test_a_failing_step_ends_the_quickstart(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where the folder should be")
    failed = _quickstart(tmp_path)
    assert failed.returncode != 0
    assert "ended with exit code" in failed.stderr
    assert "Train:" not in failed.stdout

"""One process without a launcher, and several real ones with it."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lib.utils import distributed

PROGRAM = """
import sys
import numpy as np
import torch
from lib.utils import distributed
from lib.utils.cli import run_command
from lib.utils.errors import PoseError

def main():
    rank = distributed.rank()
    arrays = {"a": np.full((rank * 2, 3), rank, np.float32), "b": np.arange(rank * 2)}
    joined = distributed.gather_arrays(arrays)
    assert joined["a"].shape == (2, 3) and joined["b"].tolist() == [0, 1], joined
    assert distributed.gather_values({"rank": rank}) == [{"rank": 0}, {"rank": 1}]
    assert distributed.from_main(f"from {rank}") == "from 0"
    layer = torch.nn.BatchNorm1d(2)
    layer.running_mean += rank
    with torch.no_grad():
        layer.weight += rank
    convolution = torch.nn.Conv2d(2, 2, 3).to(memory_format=torch.channels_last)
    with torch.no_grad():
        convolution.weight.fill_(rank)
    for module in (layer, convolution):
        distributed.share_weights(module)
    assert layer.running_mean.tolist() == [0, 0] and layer.weight.tolist() == [1, 1]
    assert not convolution.weight.any()
    if sys.argv[1] == "error" and rank == 1:
        raise PoseError("rank one fails.")
    if sys.argv[1] == "late":
        if rank == 1:
            import time
            time.sleep(20)
        distributed.barrier("the test", timeout_seconds=2)
    distributed.barrier("the end")
    if distributed.is_main():
        print("all is well")

run_command(lambda: distributed.run_together(main))
"""


def _run(tmp_path: Path, case: str) -> subprocess.CompletedProcess[str]:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    words = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", str(program), case]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(words, capture_output=True, text=True, timeout=120, env=environment, check=False)


def test_one_process_gathers_its_own(rng: np.random.Generator) -> None:
    array = rng.random((3, 2))
    assert distributed.gather_arrays({"x": array})["x"] is array
    assert distributed.gather_values(1) == [1]
    assert distributed.from_main("own") == "own"
    assert (distributed.rank(), distributed.world_size(), distributed.is_main()) == (0, 1, True)
    distributed.barrier("nothing")


@pytest.mark.slow
def test_two_processes_share_values(tmp_path: Path) -> None:
    process = _run(tmp_path, "well")
    assert process.returncode == 0, process.stderr
    assert process.stdout == "all is well\n"


@pytest.mark.slow
def test_one_error_is_one_message(tmp_path: Path) -> None:
    process = _run(tmp_path, "error")
    assert process.returncode != 0
    assert process.stderr.count("error: ") == 1
    assert "rank one fails." in process.stderr


@pytest.mark.slow
def test_a_process_that_does_not_come_is_named(tmp_path: Path) -> None:
    process = _run(tmp_path, "late")
    assert process.returncode != 0
    (line,) = [line for line in process.stderr.splitlines() if line.startswith("error: ")]
    assert "waited 2 s in vain before the test" in line
    assert "1" in line.split("(")[1]

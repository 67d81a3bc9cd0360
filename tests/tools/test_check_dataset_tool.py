import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers.tiny_dataset import CONFIG, rewrite_annotations, write_dataset


def _run(repository: Path, root: Path, *options: str) -> subprocess.CompletedProcess[str]:
    sets = (
        "DATASET.DATASET",
        "coco",
        "DATASET.ROOT",
        str(root),
        "DATASET.TRAIN_SET",
        "tiny",
        "DATASET.TEST_SET",
        "tiny",
    )
    command = [sys.executable, "tools/check_dataset.py", "--cfg", str(CONFIG), *sets, *options]
    return subprocess.run(command, cwd=repository, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_exit_codes_and_lines(repository: Path, tmp_path: Path, rng: np.random.Generator) -> None:
    content = write_dataset(tmp_path, rng)
    good = _run(repository, tmp_path)
    assert good.returncode == 0, good.stderr
    assert good.stdout.rstrip().endswith("no faults that matter")
    content["annotations"][0]["area"] = 0
    rewrite_annotations(tmp_path, content)
    bad = _run(repository, tmp_path)
    assert bad.returncode == 1
    assert "FAULT zero area (1): annotation 1 has no area" in bad.stdout
    assert bad.stdout.rstrip().endswith("2 faults that matter")
    pairs = ("MODEL.NUM_JOINTS", "3", "SKELETON.NAMES", "['a', 'b', 'c']", "SKELETON.FLIP_PAIRS", "[[0, 1], [1, 2]]")
    flips = _run(repository, tmp_path, *pairs)
    assert flips.returncode == 2
    assert "no involution" in flips.stderr
    assert "Traceback" not in flips.stderr

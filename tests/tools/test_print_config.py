"""tools/print_config.py."""

import subprocess
import sys
from pathlib import Path

import yaml


def run(repository: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(repository / "tools" / "print_config.py"), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=repository)


def test_whole_and_differences(repository: Path) -> None:
    cfg = "experiments/coco/resnet/res50_256x192_d256x3_adam_lr1e-3_udp.yaml"
    whole = yaml.safe_load(run(repository, "--cfg", cfg, "TRAIN.LR", "1e-4").stdout)
    assert whole["TRAIN"]["LR"] == 0.0001
    assert whole["MODEL"]["SIGMA"] == 2
    result = run(repository, "--cfg", cfg, "TRAIN.LR", "1e-4", "--diff")
    different = yaml.safe_load(result.stdout)
    assert different["TRAIN"]["LR"] == 0.0001
    assert "SIGMA" not in different["MODEL"]
    assert "EXTRA" not in different["MODEL"]
    assert "MODEL.CODEC is udp" in result.stderr


def test_bad_key_is_one_sentence(repository: Path) -> None:
    cfg = "experiments/synthetic/hrnet_w24_128x96_udp.yaml"
    result = run(repository, "--cfg", cfg, "TRAIN.LEARNING_RATE", "1")
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.startswith("error: the command line sets the unknown key TRAIN.LEARNING_RATE")
    assert len(result.stderr.splitlines()) == 1

"""tools/get_flops.py."""

import subprocess
import sys
from pathlib import Path

CFG = "experiments/coco/resnet/res50_256x192_d256x3_adam_lr1e-3.yaml"


def run(repository: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(repository / "tools" / "get_flops.py"), "--cfg", CFG, *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=repository)


def test_modules_and_total(repository: Path) -> None:
    lines = run(repository).stdout.splitlines()
    rows = {line.split()[0]: line.split()[1:] for line in lines if line}
    assert rows["all"] == ["33,999,697", "100.0%", "5.426", "100.0%", "8.991"]
    assert rows["deconv_layers"][0] == "10,487,296"
    assert "layer1.0" not in rows
    assert "layer1.0" in run(repository, "--depth", "2").stdout


def test_options_can_be_changed(repository: Path) -> None:
    output = run(repository, "--depth", "0", "MODEL.IMAGE_SIZE", "[96,128]", "MODEL.HEATMAP_SIZE", "[24,32]").stdout
    assert "one image of 128x96" in output
    assert "layer1" not in output


def test_bad_depth_is_one_sentence(repository: Path) -> None:
    result = run(repository, "--depth", "-1")
    assert (result.returncode, len(result.stderr.splitlines())) == (2, 1)

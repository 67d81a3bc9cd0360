from pathlib import Path

import numpy as np
import pytest
from helpers.tiny_run import make_tiny_data, run_folder, run_tool, tiny_experiment


@pytest.fixture
def experiment(tmp_path: Path) -> Path:
    return tiny_experiment(tmp_path, make_tiny_data(tmp_path / "data"))


@pytest.mark.slow
def test_packing_verifying_and_training(tmp_path: Path, experiment: Path) -> None:
    packed = tmp_path / "data" / "packed" / "train"
    done = run_tool("pack_dataset", "--cfg", experiment, "--workers", 2)
    assert done.returncode == 0, done.stderr
    assert (
        "12 people of 12 images from person_keypoints_train.json, pixels reduced to 1.5 per input pixel" in done.stdout
    )
    assert "MB per 1,000 people; complete (" in done.stdout
    assert done.stderr == ""
    verified = run_tool("pack_dataset", "--cfg", experiment, "--verify")
    assert verified.returncode == 0
    assert "every checksum is right" in verified.stdout

    trained = run_tool(
        "train",
        *("--cfg", experiment, "--epochs", 1),
        *("DATASET.DATA_FORMAT", "packed", "MODEL.INIT_WEIGHTS", "False", "WORKERS", 1),
    )
    assert trained.returncode == 0, trained.stderr
    assert f"Training records: 12 of {packed}" in trained.stdout + trained.stderr
    assert (run_folder(tmp_path) / "final_state.pth").is_file()

    shard = packed / "shard-00000.bin"
    content = np.fromfile(shard, np.uint8)
    content[7] ^= 255
    content.tofile(shard)
    damaged = run_tool("pack_dataset", "--cfg", experiment, "--verify")
    assert damaged.returncode == 2
    assert "shard-00000.bin does not match its checksum (1 damaged files in all)" in damaged.stderr
    assert "Traceback" not in damaged.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--density", "much"), "much is neither a number above 0 nor 'image'"),
        (("DATASET.TRAIN_SET", "nothing"), "person_keypoints_nothing.json does not exist"),
    ],
)
@pytest.mark.slow
def test_bad_input_is_one_sentence(experiment: Path, arguments: tuple[str, ...], message: str) -> None:
    done = run_tool("pack_dataset", "--cfg", experiment, *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr

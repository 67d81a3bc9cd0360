"""Two processes do what one does."""

import json
from pathlib import Path

import pytest
import torch
from helpers.tiny_run import make_tiny_data, run_folder, run_tool, tiny_experiment


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # An odd number of records, so that they cannot be shared evenly.
    return make_tiny_data(tmp_path_factory.mktemp("tiny") / "data", train=10, val=7)


@pytest.mark.slow
def test_two_processes_train_and_test_like_one(data: Path, tmp_path: Path) -> None:
    experiment = tiny_experiment(tmp_path, data, TRAIN={"END_EPOCH": 1, "EXPECTED_BATCH": 4})
    trained = run_tool("train", "--cfg", experiment, processes=2)
    assert trained.returncode == 0, trained.stderr
    assert trained.stdout.count("Done.") == 1, "only one process prints"
    assert "total batch is 8 people" in trained.stdout
    folder = run_folder(tmp_path)
    stored = torch.load(folder / "checkpoint.pth", weights_only=True)
    assert len(stored["processes"]) == 2

    results = folder / "results" / "keypoints_val_results_0.json"
    tested = [run_tool("test", "--cfg", experiment, processes=processes) for processes in (2, 0)]
    contents = []
    for process in tested:
        assert process.returncode == 0, process.stderr
        contents.append([line for line in process.stdout.splitlines() if line.startswith(("records", "| pose"))])
    assert contents[0] == contents[1]
    image_ids = [result["image_id"] for result in json.loads(results.read_text())]
    assert len(image_ids) == len(set(image_ids)) == 7


@pytest.mark.slow
def test_two_processes_end_by_steps(data: Path, tmp_path: Path) -> None:
    """A network with several outputs; two batches of each process per step, and the second epoch is cut short."""
    model = {"NAME": "rsn", "CODEC": "megvii", "EXTRA": {"WIDTH": 8, "UPSAMPLE_CHANNELS": 16}}
    train = {"MAX_ITERS": 3, "LR_SCHEDULE": "linear", "ACCUMULATE": 2, "BATCH_SIZE_PER_GPU": 2, "EVAL_EVERY": 9}
    experiment = tiny_experiment(tmp_path, data, MODEL=model, TRAIN={**train, "END_EPOCH": 0})
    trained = run_tool("train", "--cfg", experiment, processes=2)
    assert trained.returncode == 0, trained.stderr
    (checkpoint,) = tmp_path.rglob("checkpoint.pth")
    stored = torch.load(checkpoint, weights_only=True)
    assert (stored["run"]["epoch"], stored["run"]["updates"], stored["run"]["best_epoch"]) == (2, 3, 1)


@pytest.mark.slow
def test_an_error_ends_all_processes_with_one_message(data: Path, tmp_path: Path) -> None:
    experiment = tiny_experiment(tmp_path, data)
    process = run_tool("test", "--cfg", experiment, "TEST.MODEL_FILE", "nowhere.pth", processes=2)
    assert process.returncode != 0
    assert process.stderr.count("error: ") == 1
    assert "nowhere.pth" in process.stderr

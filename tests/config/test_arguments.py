"""The command line of training and testing."""

from pathlib import Path

import pytest

from lib.config import parse_arguments

HRNET = str(Path(__file__).resolve().parents[2] / "experiments" / "coco" / "hrnet" / "w32_256x192_adam_lr1e-3.yaml")


def test_old_scripts_command_line() -> None:
    words = ["--cfg", HRNET, "--modelDir", "", "--logDir", "", "--dataDir", "", "--prevModelDir", ""]
    config, flags = parse_arguments("Train", True, words)
    assert (config.OUTPUT_DIR, config.LOG_DIR, config.DATASET.ROOT) == ("output", "log", "data/coco/")
    assert not flags.resume
    assert flags.load_from == ""


def test_published_flags_and_trailing_overrides() -> None:
    words = ["--cfg", HRNET, "--modelDir", "m", "--logDir", "l", "--dataDir", "d", "TEST.FLIP_TEST", "False"]
    config, _ = parse_arguments("Test", False, [*words, "GPUS", "(0,1)", "TEST.MODEL_FILE", "a.pth"])
    assert (config.OUTPUT_DIR, config.LOG_DIR, config.DATASET.ROOT) == ("m", "l", "d/data/coco/")
    assert config.TEST.MODEL_FILE == "d/a.pth"
    assert config.TEST.FLIP_TEST is False
    assert config.GPUS == (0, 1)


def test_flags_set_options_wherever_they_stand() -> None:
    words = ["TRAIN.WD", "1e-5", "--epochs", "3", "--cfg", HRNET, "--amp", "TRAIN.SHUFFLE", "False", "--lr", "1e-2"]
    words += ["--batch-size", "7", "--workers", "0", "--device", "cpu", "--seed", "5"]
    config, _ = parse_arguments("Train", True, words)
    assert (config.TRAIN.END_EPOCH, config.TRAIN.LR, config.TRAIN.WD) == (3, 0.01, 1e-5)
    assert (config.TRAIN.BATCH_SIZE_PER_GPU, config.TEST.BATCH_SIZE_PER_GPU) == (7, 7)
    assert (config.WORKERS, config.DEVICE, config.SEED, config.AMP) == (0, "cpu", 5, "bf16")
    assert config.TRAIN.SHUFFLE is False


@pytest.mark.parametrize(("words", "value"), [([], "auto"), (["--amp"], "bf16"), (["--amp", "none"], "none")])
def test_amp(words: list[str], value: str) -> None:
    config, _ = parse_arguments("Train", True, ["--cfg", HRNET, *words])
    assert value == config.AMP


def test_resume_and_load_from() -> None:
    config, flags = parse_arguments("Train", True, ["--cfg", HRNET, "AUTO_RESUME", "False", "--resume"])
    assert config.AUTO_RESUME
    assert flags.resume
    config, flags = parse_arguments("Train", True, ["--cfg", HRNET, "--load-from", "w.pth"])
    assert not config.AUTO_RESUME
    assert flags.load_from == "w.pth"
    with pytest.raises(SystemExit):
        parse_arguments("Train", True, ["--cfg", HRNET, "--load-from", "w.pth", "--resume"])


def test_load_from_in_a_test_is_the_model_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    config, _ = parse_arguments("Test", False, ["--cfg", HRNET, "--dataDir", "d", "--load-from", "w.pth"])
    assert str(tmp_path / "w.pth") == config.TEST.MODEL_FILE


def test_batch_size_of_a_test_leaves_training_alone() -> None:
    config, _ = parse_arguments("Test", False, ["--cfg", HRNET, "--batch-size", "3"])
    assert (config.TRAIN.BATCH_SIZE_PER_GPU, config.TEST.BATCH_SIZE_PER_GPU) == (32, 3)


@pytest.mark.parametrize("words", [[], ["--cfg", HRNET, "--epoch", "3"], ["--cfg", HRNET, "--amp=fp8"]])
def test_wrong_flags_end_the_program(words: list[str]) -> None:
    with pytest.raises(SystemExit):
        parse_arguments("Train", True, words)

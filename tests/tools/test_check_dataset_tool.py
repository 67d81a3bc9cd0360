import runpy
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from helpers.tiny_dataset import CONFIG, rewrite_annotations, write_dataset

Command = Callable[..., int]


@pytest.fixture
def run(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """The command on the data set in `tmp_path`; gives its exit code."""

    def call(*options: str) -> int:
        sets = ("DATASET.ROOT", str(tmp_path), "DATASET.TRAIN_SET", "tiny", "DATASET.TEST_SET", "tiny")
        arguments = ["check_dataset.py", "--cfg", str(CONFIG), "DATASET.DATASET", "coco", *sets, *options]
        monkeypatch.setattr("sys.argv", arguments)
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(str(repository / "tools" / "check_dataset.py"), run_name="__main__")
        return int(ended.value.code or 0)

    return call


def test_a_sound_data_set(
    run: Command, tmp_path: Path, rng: np.random.Generator, capsys: pytest.CaptureFixture[str]
) -> None:
    write_dataset(tmp_path, rng)
    assert run() == 0
    assert capsys.readouterr().out.rstrip().endswith("no faults that matter")


def test_faults_are_printed(
    run: Command, tmp_path: Path, rng: np.random.Generator, capsys: pytest.CaptureFixture[str]
) -> None:
    content = write_dataset(tmp_path, rng)
    content["annotations"][0]["area"] = 0
    rewrite_annotations(tmp_path, content)
    assert run() == 1
    printed = capsys.readouterr().out
    assert printed.count("FAULT zero area (1): annotation 1 has no area") == 2
    assert printed.rstrip().endswith("2 faults that matter")


def test_flip_pairs_that_are_no_involution(run: Command, capsys: pytest.CaptureFixture[str]) -> None:
    pairs = ("MODEL.NUM_JOINTS", "3", "SKELETON.NAMES", "['a', 'b', 'c']", "SKELETON.FLIP_PAIRS", "[[0, 1], [1, 2]]")
    assert run(*pairs) == 2
    assert "no involution" in capsys.readouterr().err

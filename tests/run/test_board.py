from pathlib import Path

import numpy as np
import pytest

from lib.run.board import Board
from lib.utils.logging import close_log, open_log


def test_scalars_and_pictures_reach_the_file(tmp_path: Path) -> None:
    board = Board(tmp_path / "log")
    board.scalars({"train/loss": 0.5, "train/pck": float("nan")}, 1)
    board.picture("train/targets", np.zeros((8, 8, 3), np.uint8), 1)
    board.close()
    (file,) = (tmp_path / "log").iterdir()
    content = file.read_bytes()
    assert b"train/loss" in content
    assert b"train/targets" in content
    assert b"train/pck" not in content


def test_a_crash_is_one_warning_and_ends_the_board(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    open_log()
    board = Board(tmp_path / "log")

    def crash(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("tensorboardX.event_file_writer.EventsWriter.write_event", crash)
    for step in range(3):
        board.scalars({"train/loss": 0.5}, step)
    board.close()
    close_log()
    assert capsys.readouterr().err.count("no space left") == 1


def test_other_processes_write_nothing(tmp_path: Path) -> None:
    board = Board(None)
    board.scalars({"train/loss": 0.5}, 0)
    board.close()
    assert not list(tmp_path.iterdir())

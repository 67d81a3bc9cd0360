"""Pictures that cannot be written do not end a run: its data are worth more."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers.infer_runs import run_inputs
from helpers.made_videos import write_video

from lib.media import VideoWriter
from lib.utils.errors import PoseError

GREY = np.full((60, 40, 3), 90, np.uint8)


def frames_in(path: Path) -> int:
    return len(json.loads(path.read_text())["frames"])


def two_pictures(folder: Path, monkeypatch: pytest.MonkeyPatch, failing: int) -> None:
    """Write a.png and b.png; of the pictures encoded from now on the first `failing` cannot be written."""
    folder.mkdir()
    for name in ("a.png", "b.png"):
        cv2.imwrite(str(folder / name), GREY)
    encode = cv2.imencode
    asked: list[str] = []

    def fails(suffix: str, *more: object) -> tuple[bool, np.ndarray]:
        asked.append(suffix)
        return (False, np.empty(0)) if len(asked) <= failing else encode(suffix, *more)  # type: ignore[call-overload]

    monkeypatch.setattr(cv2, "imencode", fails)


def test_a_picture_that_its_format_does_not_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    two_pictures(tmp_path / "in", monkeypatch, failing=1)
    counts = run_inputs(tmp_path / "out", tmp_path / "in")
    assert counts.frames == 2
    assert len(counts.undrawn) == 1
    assert [path.name for path in (tmp_path / "out" / "pictures").iterdir()] == ["b.png"]
    assert frames_in(tmp_path / "out" / "json" / "a.json") == 1
    assert "a.png cannot be written" in caplog.text
    assert "written all the same" in caplog.text


@pytest.mark.parametrize("step", ["__enter__", "_begin", "_finish"])
def test_a_video_that_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, step: str
) -> None:
    write_video(tmp_path / "a.mp4", [GREY] * 12)

    def fails(*_: object, **__: object) -> None:
        raise PoseError("video a.mp4 cannot be written (trouble); make room there.")

    monkeypatch.setattr(VideoWriter, step, fails)
    counts = run_inputs(tmp_path / "out", tmp_path / "a.mp4")
    assert counts.frames == 12
    assert caplog.text.count("(trouble)") == 1
    assert "written all the same" in caplog.text
    assert frames_in(tmp_path / "out" / "json" / "a.json") == 12
    assert len(json.loads((tmp_path / "out" / "results.json").read_text())) == 12
    pictures = tmp_path / "out" / "pictures"
    assert not pictures.exists() or not list(pictures.iterdir())


@pytest.mark.parametrize("failing", [1, 2])
def test_where_pictures_are_all_one_of_them_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    two_pictures(tmp_path / "in", monkeypatch, failing)
    if failing == 1:
        assert len(run_inputs(tmp_path / "out", tmp_path / "in", kinds=["pictures"]).undrawn) == 1
        return
    with pytest.raises(PoseError, match="not one of 2 inputs could be drawn"):
        run_inputs(tmp_path / "out", tmp_path / "in", kinds=["pictures"])

"""Webcams, with OpenCV's reader replaced by a made one."""

import itertools
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from lib.media import VideoWriter, camera, open_inputs
from lib.utils.errors import PoseError

BLUE_BGR = np.full((48, 64, 3), (250, 10, 20), np.uint8)


class Camera:
    """Gives an image for each True of `reads`, then nothing."""

    def __init__(self, reads: list[bool], *, fps: float = 30.0, is_there: bool = True) -> None:
        self.reads, self.fps, self.is_there = iter(reads), fps, is_there
        self.is_released, self.number, self.asked = False, -1, 0

    def __call__(self, number: int) -> "Camera":
        self.number = number
        return self

    def isOpened(self) -> bool:
        return self.is_there

    def read(self) -> tuple[bool, np.ndarray | None]:
        self.asked += 1
        return (True, BLUE_BGR.copy()) if next(self.reads, False) else (False, None)

    def get(self, key: int) -> float:
        return self.fps if key == cv2.CAP_PROP_FPS else 0.0

    def release(self) -> None:
        self.is_released = True


@pytest.fixture(autouse=True)
def _fast_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = itertools.count(100.0, 0.1)
    monkeypatch.setattr(camera.time, "monotonic", lambda: next(ticks))
    monkeypatch.setattr(camera.time, "sleep", lambda _: None)


def plugged(monkeypatch: pytest.MonkeyPatch, made: Camera) -> Camera:
    monkeypatch.setattr(cv2, "VideoCapture", made)
    return made


def test_a_camera_that_stops_ends_well(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    made = plugged(monkeypatch, Camera([True, True, *[False] * (camera.MAX_FAILED_READS - 1), True]))
    (source,) = open_inputs("2")
    frames = list(source.frames())
    assert made.number == 2
    assert [frame.index for frame in frames] == [0, 1, 2]
    np.testing.assert_allclose([frame.time for frame in frames], [0, 0.1, 0.2])
    assert frames[0].image[0, 0].tolist() == [20, 10, 250], "RGB"
    assert source.problem == "camera 2 stopped after 3 frames."
    assert source.problem in caplog.text
    assert made.is_released
    assert made.asked == 2 + camera.MAX_FAILED_READS + camera.MAX_FAILED_READS
    assert source.info is not None
    assert (source.info.size_wh, source.info.rate, source.info.duration) == ((64, 48), Fraction(30), None)


@pytest.mark.parametrize(
    ("made", "message"), [(Camera([]), "gives no pictures"), (Camera([], is_there=False), "opened")]
)
def test_no_camera(monkeypatch: pytest.MonkeyPatch, made: Camera, message: str) -> None:
    plugged(monkeypatch, made)
    (source,) = open_inputs("0")
    with pytest.raises(PoseError, match=f"camera 0 .*{message}"):
        list(source.frames())
    assert made.is_released


def test_a_number_that_no_camera_can_have() -> None:
    (source,) = open_inputs("4294967296")
    with pytest.raises(PoseError, match="camera 4294967296 cannot be opened"):
        list(source.frames())


def test_a_camera_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked again after a pause, and for about a second in all."""
    pauses: list[float] = []
    monkeypatch.setattr(camera.time, "sleep", pauses.append)
    plugged(monkeypatch, Camera([True]))
    assert len(list(open_inputs("0")[0].frames())) == 1
    assert set(pauses) == {camera.PAUSE_S}
    assert 0.5 < sum(pauses) < 2


@pytest.mark.parametrize("fps", [0.0, -1.0, 1e6, float("nan")])
def test_senseless_rates_are_unknown(monkeypatch: pytest.MonkeyPatch, fps: float) -> None:
    plugged(monkeypatch, Camera([True], fps=fps))
    (source,) = open_inputs("0")
    list(source.frames())
    assert source.info is not None
    assert source.info.rate is None


def test_leaving_early_frees_the_camera(monkeypatch: pytest.MonkeyPatch) -> None:
    made = plugged(monkeypatch, Camera([True] * 5))
    frames = open_inputs("0")[0].frames()
    next(frames)
    frames.close()  # type: ignore[attr-defined]
    assert made.is_released


def test_a_recording_keeps_the_times_of_the_clock(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    plugged(monkeypatch, Camera([True] * 6))
    (source,) = open_inputs("0")
    frames = list(source.frames())
    assert source.info is not None
    with VideoWriter(tmp_path / "a.mp4", source.info) as writer:
        for frame in frames:
            writer.write(frame.image, frame.time, frame.duration)
    again = list(open_inputs(str(tmp_path / "a.mp4"))[0].frames())
    np.testing.assert_allclose([frame.time for frame in again], np.arange(6) / 10, atol=1e-4)

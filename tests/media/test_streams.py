"""Addresses of the network, served by this machine."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from helpers.file_server import Behaviour, file_server
from helpers.made_videos import pan_zoom

from lib.media import open_inputs, videos
from lib.utils.errors import PoseError


@contextmanager
def silent_server() -> Iterator[int]:
    """The port of a server that takes calls and never says a word."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def send_and_fall_silent(server: socket.socket, content: bytes) -> None:
    """Answer the first call with `content` and keep the line open until the other side hangs up."""
    line, _ = server.accept()
    with line:
        line.sendall(content)
        line.settimeout(10)
        line.recv(1)


def test_video_over_http(photo: np.ndarray, tmp_path: Path) -> None:
    truth, _ = pan_zoom(photo, 10, (96, 64), tmp_path / "a.ts", sound=True)
    with file_server(Behaviour((tmp_path / "a.ts").read_bytes(), content_type="video/mp2t")) as address:
        (source,) = open_inputs(f"{address}a.ts")
        frames = list(source.frames())
    assert source.path is None
    assert source.is_live
    assert len(frames) == 10
    assert np.abs(frames[-1].image.astype(float) - truth[-1]).mean() < 3
    np.testing.assert_allclose([frame.time for frame in frames], np.arange(10) / 25, atol=1e-3)


@pytest.mark.parametrize("scheme", ["http", "rtsp", "tcp"])
def test_a_stream_that_never_answers(monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    monkeypatch.setattr(videos, "STREAM_TIMEOUT_S", 0.2)
    with silent_server() as port:
        (source,) = open_inputs(f"{scheme}://me:secret@127.0.0.1:{port}/live")
        with pytest.raises(PoseError, match=f"stream {scheme}://127.0.0.1:{port}/live cannot be read") as caught:
            list(source.frames())
    assert "secret" not in str(caught.value)
    if scheme != "rtsp":
        assert "no answer for 0.2 s" in str(caught.value)


def test_a_stream_that_falls_silent_keeps_its_frames(
    photo: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(videos, "STREAM_TIMEOUT_S", 0.5)
    pan_zoom(photo, 200, (96, 64), tmp_path / "a.ts")
    content = (tmp_path / "a.ts").read_bytes()
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        (source,) = open_inputs(f"tcp://127.0.0.1:{server.getsockname()[1]}")
        thread = threading.Thread(target=send_and_fall_silent, args=(server, content))
        thread.start()
        count = sum(1 for _ in source.frames())
        thread.join()
    assert 100 < count <= 200
    assert "broke off after" in source.problem
    assert "no answer for 0.5 s" in source.problem


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:9/x", "rtsp://[bad/1", "nonsense://x", "udp://127.0.0.1:notaport"]
)
def test_addresses_that_lead_nowhere(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(videos, "STREAM_TIMEOUT_S", 0.5)
    with pytest.raises(PoseError, match="cannot be read"):
        list(open_inputs(address)[0].frames())


def test_login_is_taken_away() -> None:
    assert videos.without_login("rtsp://a:b@c@host:1/p?q=r@s") == "rtsp://host:1/p?q=r@s"
    assert videos.without_login("http://[::1]:80/x") == "http://[::1]:80/x"

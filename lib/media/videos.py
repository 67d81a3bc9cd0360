"""Video files and streams of the network as inputs."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import av

from lib.media.decode import Decoder
from lib.media.source import Frame, Source
from lib.utils.errors import PoseError

# Cameras of the network need a few seconds to wake up; beyond this they are taken for gone.
STREAM_TIMEOUT_S = 15.0
# RTSP over UDP loses packets, and many routers do not let it through at all.
STREAM_OPTIONS = {"rtsp_transport": "tcp"}
# How much shorter than announced a video may be before it is reported: sound, whose length some containers count in,
# often goes on for a moment after the last frame.
ODD_END_S = 1.0
# What stands before the last @ of the host.
LOGIN = re.compile(r"(?<=://)[^/?#]*@")


@dataclass
class VideoSource(Source):
    """A video file, read by PyAV, turned as its display matrix says."""

    path: Path
    is_video: ClassVar[bool] = True
    is_live: ClassVar[bool] = False

    def frames(self) -> Iterator[Frame]:
        """See `Source.frames`."""
        with opened(str(self.path), f"video {self.name}") as container:
            yield from _frames(self, container, f"video {self.name}")


@dataclass
class StreamSource(Source):
    """An address such as rtsp://camera/1, read by PyAV.

    Attributes:
        address: with user and password where it needs them.
    """

    address: str
    is_video: ClassVar[bool] = True
    is_live: ClassVar[bool] = True

    def frames(self) -> Iterator[Frame]:
        """See `Source.frames`; a stream that falls silent ends, and says so in `problem`."""
        what = f"stream {self.name}"
        with opened(self.address, what, timeout=STREAM_TIMEOUT_S, options=STREAM_OPTIONS) as container:
            yield from _frames(self, container, what)


@contextmanager
def opened(address: str, what: str, **options: Any) -> Iterator[Any]:
    """Open a video for reading.

    Args:
        address: a path, or an address of the network.
        what: how to call it in an error.
        options: of `av.open`.

    Raises:
        PoseError: it cannot be opened.
    """
    try:
        container = av.open(address, "r", metadata_errors="replace", **options)
    except (av.FFmpegError, OSError, ValueError) as error:
        raise PoseError(f"{what} cannot be read ({_reason(error)}); check that it is there and a video.") from error
    with container:
        yield container


def without_login(address: str) -> str:
    """An address, or what is meant as one, without its user and password."""
    return LOGIN.sub("", address, count=1)


def _frames(source: Source, container: Any, what: str) -> Iterator[Frame]:
    source.info, source.problem = None, ""
    # Not the first one: covers are pictures too.
    stream = container.streams.best("video")
    if stream is None:
        raise PoseError(f"{what} has no pictures in it; give another file.")
    stream.thread_type = "AUTO"
    decoder = Decoder(container, stream)
    for frame in decoder.frames():
        source.info = decoder.info
        yield frame
    if source.info is None:
        reason = _reason(decoder.failure) if decoder.failure else f"{decoder.broken} broken places"
        raise PoseError(f"{what} has no frame that can be read ({reason}); fetch or write it again.")
    _report_losses(source, decoder, what)


def _report_losses(source: Source, decoder: Decoder, what: str) -> None:
    if decoder.broken:
        source.report(f"{what}: {decoder.broken} broken places were left out or patched up.")
    if decoder.info and decoder.info.restarts:
        times = len(decoder.info.restarts)
        source.report(f"{what}: its time stamps begin anew {times} times; the frames follow each other all the same.")
    announced = decoder.info.duration if decoder.info else None
    if decoder.failure is not None:
        source.report(f"{what} broke off after {decoder.end:.1f} s ({_reason(decoder.failure)}).")
    elif not source.is_live and announced is not None and decoder.end < announced - ODD_END_S:
        source.report(f"{what} has frames for {decoder.end:.1f} s of {announced:.1f} s; it may be cut short.")


def _reason(error: Exception) -> str:
    """Without the address, which may hold a password."""
    if isinstance(error, av.error.ExitError):
        return f"no answer for {STREAM_TIMEOUT_S:g} s"
    return str(getattr(error, "strerror", None) or type(error).__name__)

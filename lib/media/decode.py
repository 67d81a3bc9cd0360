"""Decoding a video with PyAV: every frame that can be had, with its time."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import av

from lib.media.source import Frame, VideoInfo
from lib.media.upright import UprightRgb

# Broken packets in a row after which the rest of an input counts as lost. A damaged spot is a few packets long; beyond
# a cut, some readers fail once for every packet that is not there.
MAX_BROKEN_PACKETS = 100
MICROSECONDS = 1_000_000  # FFmpeg's unit for the length of a file
# Time stamps that fall further begin anew; falls of a few frames are faults of single ones.
RESTART_S = 0.5
# How long a stream of Matroska is, a tag that its writers agree on.
DURATION_TAG = re.compile(r"(\d+):(\d+):(\d+(?:\.\d+)?)")


def packets(container: Any, stream: Any) -> Iterator[Any]:
    """The packets of one stream, over damaged places, and an empty one for the end.

    Args:
        container: an open input of PyAV.
        stream: one of its streams.

    Raises:
        av.FFmpegError: what is no damage of the file, such as a connection that is gone.
    """
    broken = 0
    while broken < MAX_BROKEN_PACKETS:
        try:
            for packet in container.demux(stream):
                broken = 0
                yield packet
            return
        except av.error.InvalidDataError:
            broken += 1


@dataclass
class Decoder:
    """The frames of one video.

    Attributes:
        container, stream: an open input of PyAV and its pictures.
        info: None until the first frame.
        broken: places so far where the decoder had to leave something out or to patch it up.
        end: seconds from the first frame to the end of the last one.
        failure: why reading stopped before the end, or None.
    """

    container: Any
    stream: Any
    info: VideoInfo | None = field(default=None, init=False)
    broken: int = field(default=0, init=False)
    end: float = field(default=0.0, init=False)
    failure: av.FFmpegError | None = field(default=None, init=False)
    _start: Fraction = field(default=Fraction(0), init=False)
    _last: float = field(default=-1.0, init=False)

    def frames(self) -> Iterator[Frame]:
        """Decode from where the container stands; what breaks is counted and left out."""
        convert = None
        for index, picture in enumerate(self._pictures()):
            seconds = _seconds(picture)
            if convert is None:
                convert, self._start = UprightRgb(picture), seconds or Fraction(0)
                self.info = self._describe(picture, convert, self._start)
            time = self._last = self._time(seconds)
            # PyAV knows how long a frame is shown from version 15 on.
            duration = float((getattr(picture, "duration", None) or 0) * (picture.time_base or 0))
            self.end = time + (duration or self._frame_seconds())
            yield Frame(convert(picture), index, time, duration)

    def _time(self, seconds: Fraction | None) -> float:
        """The time of a frame from its time stamp; times rise, whatever the stamps do."""
        if seconds is None:
            return self.end
        time = float(seconds - self._start)
        if time > self._last:
            return time
        if time >= self._last - RESTART_S or self.info is None:
            # Where the next one will find its place.
            return (self._last + self.end) / 2
        self._start = seconds - Fraction(self.end)
        self.info.restarts.append(self._start)
        return self.end

    def _pictures(self) -> Iterator[av.VideoFrame]:
        try:
            for packet in packets(self.container, self.stream):
                try:
                    pictures = packet.decode()
                except av.error.InvalidDataError:
                    self.broken += 1
                    continue
                self.broken += sum(picture.is_corrupt for picture in pictures)
                yield from pictures
        except av.FFmpegError as error:
            self.failure = error

    def _describe(self, picture: av.VideoFrame, convert: UprightRgb, start: Fraction) -> VideoInfo:
        stream = self.stream
        aspect = stream.sample_aspect_ratio or Fraction(1)
        return VideoInfo(
            size_wh=convert.size_wh,
            rate=stream.average_rate or stream.guessed_rate or None,
            duration=self._length(start),
            time_base=picture.time_base or stream.time_base or Fraction(1, MICROSECONDS),
            pixel_aspect=1 / aspect if convert.turn.transpose else aspect,
            start=start,
            has_sound=bool(self.container.streams.audio),
        )

    def _length(self, start: Fraction) -> float | None:
        """Seconds of the pictures; the length of a file with sound says nothing of them."""
        stream, container = self.stream, self.container
        whole = Fraction(container.duration, MICROSECONDS) if container.duration else None
        own = stream.duration * stream.time_base if stream.duration else None
        if own is None and (tag := DURATION_TAG.fullmatch(stream.metadata.get("DURATION", ""))):
            hours, minutes, seconds = map(Fraction, tag.groups())
            own = 3600 * hours + 60 * minutes + seconds - start
        if own is None or own <= 0:
            return None if whole is None or container.streams.audio else float(whole)
        return float(own if whole is None else min(own, whole))

    def _frame_seconds(self) -> float:
        rate = self.info.rate if self.info else None
        return float(1 / rate) if rate else 0.0


def _seconds(picture: av.VideoFrame) -> Fraction | None:
    if picture.pts is None or picture.time_base is None:
        return None
    return picture.pts * Fraction(picture.time_base)

"""The sound of a video beside its new pictures."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from lib.media.decode import RESTART_S, packets
from lib.media.source import VideoInfo
from lib.utils.logging import warn_once

# What players find in an MP4 as a matter of course is copied; everything else (PCM, Vorbis, WMA, ...) becomes AAC.
COPIED_CODECS = ("aac", "mp3", "mp3float", "ac3", "eac3", "opus", "libopus", "alac")
AAC_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000)
USUAL_RATE = 48000
# MP4 counts slower MP3 (MPEG-2.5) among what it does not hold.
LEAST_MP3_RATE = 16000


class SoundTrack:
    """The first sound track of a file, passed on to an output in step with its pictures.

    Args:
        path: the file with the sound.
        info: of its video: `start` becomes 0, and where the time stamps begin anew the sound follows the pictures.
        output: an open output of PyAV that has not begun.

    Raises:
        av.FFmpegError, ValueError: there is none, or no way into the output.
    """

    def __init__(self, path: Path, info: VideoInfo, output: Any) -> None:
        self._path, self._info, self._output = path, info, output
        self._input = av.open(str(path), metadata_errors="replace")
        try:
            self._source = _first_sound(self._input)
            self._is_copied = _can_be_copied(self._source.codec_context)
            self._target = output.add_stream_from_template(self._source) if self._is_copied else self._aac()
        except BaseException:
            self._input.close()
            raise
        self._packets: Iterator[Any] = packets(self._input, self._source)
        self._waiting: Any = None
        self._start, self._restarts = info.start, 0
        # Of the packet before, as it was read, and of the last one passed on, in its own steps.
        self._read_at: Fraction | None = None
        self._passed: int | None = None

    def pass_until(self, seconds: float) -> None:
        """Pass on what sounds before a time, counted from the first picture; a track that breaks off is a warning."""
        try:
            while (packet := self._next()) is not None:
                if packet.pts is not None and self._time(packet) >= seconds:
                    self._waiting = packet
                    return
                self._pass(packet)
        except (av.FFmpegError, ValueError) as error:
            self._packets, self._waiting = iter(()), None
            warn_once(f"the sound of {self._path} breaks off ({type(error).__name__}); the video goes on without it")

    def finish(self) -> None:
        """Write what the encoder still holds."""
        if not self._is_copied and self._target.codec_context.is_open:
            self._output.mux(self._target.encode(None))

    def close(self) -> None:
        """Close the file."""
        self._input.close()

    def _aac(self) -> Any:
        context = self._source.codec_context
        rate = context.sample_rate if context.sample_rate in AAC_RATES else USUAL_RATE
        target = self._output.add_stream("aac", rate=rate)
        target.codec_context.layout = "mono" if context.layout.nb_channels == 1 else "stereo"
        return target

    def _next(self) -> Any:
        packet, self._waiting = self._waiting or next(self._packets, None), None
        return packet

    def _time(self, packet: Any) -> float:
        """Seconds from the first picture; infinity where the pictures did not get as far yet."""
        at = packet.pts * packet.time_base
        if self._read_at is not None and at < self._read_at - RESTART_S:
            if self._restarts == len(self._info.restarts):
                return float("inf")
            self._start = self._info.restarts[self._restarts]
            self._restarts += 1
        self._read_at = at
        return float(at - self._start)

    def _pass(self, packet: Any) -> None:
        if not self._is_copied:
            for piece in packet.decode():
                if piece.pts is not None:
                    piece.pts -= round(self._start / piece.time_base)
                if self._rises(piece.pts):
                    self._output.mux(self._target.encode(piece))
        elif packet.dts is not None:  # not the empty packet at the end
            shift = round(self._start / packet.time_base)
            packet.pts = None if packet.pts is None else packet.pts - shift
            packet.dts -= shift
            if self._rises(packet.dts):
                packet.stream = self._target
                self._output.mux(packet)

    def _rises(self, stamp: int | None) -> bool:
        """Whether a time stamp comes after the last one; where files were joined, sounds may overlap."""
        if stamp is None:
            return True
        if self._passed is not None and stamp <= self._passed:
            return False
        self._passed = stamp
        return True


def _first_sound(container: Any) -> Any:
    stream = next(iter(container.streams.audio), None)
    if stream is None:
        raise ValueError("no sound track")
    if stream.codec_context is None:
        raise ValueError("sound of an unknown format")
    return stream


def _can_be_copied(context: Any) -> bool:
    is_slow_mp3 = context.name.startswith("mp3") and context.sample_rate < LEAST_MP3_RATE
    return context.name in COPIED_CODECS and not is_slow_mp3

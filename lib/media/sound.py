"""The sound of a video beside its new pictures."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from lib.media.decode import packets
from lib.utils.logging import warn_once

# What players find in an MP4 as a matter of course is copied; everything else (PCM, Vorbis, WMA, ...) becomes AAC.
COPIED_CODECS = ("aac", "mp3", "mp3float", "ac3", "eac3", "opus", "libopus", "alac")
AAC_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000)
USUAL_RATE = 48000


class SoundTrack:
    """The first sound track of a file, passed on to an output in step with its pictures.

    Args:
        path: the file with the sound.
        start: time in it that becomes 0, seconds.
        output: an open output of PyAV that has not begun.

    Raises:
        av.FFmpegError, ValueError: there is none, or no way into the output.
    """

    def __init__(self, path: Path, start: Fraction, output: Any) -> None:
        self._path, self._start, self._output = path, start, output
        self._input = av.open(str(path))
        try:
            self._source = _first_sound(self._input)
            self._is_copied = self._source.codec_context.name in COPIED_CODECS
            self._target = output.add_stream_from_template(self._source) if self._is_copied else self._aac()
        except BaseException:
            self._input.close()
            raise
        self._packets: Iterator[Any] = packets(self._input, self._source)
        self._waiting: Any = None

    def pass_until(self, seconds: float) -> None:
        """Pass on what sounds before a time, counted from `start`; a track that breaks off is a warning."""
        try:
            while (packet := self._next()) is not None:
                if packet.pts is not None and float(packet.pts * packet.time_base - self._start) >= seconds:
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

    def _pass(self, packet: Any) -> None:
        if not self._is_copied:
            for piece in packet.decode():
                if piece.pts is not None:
                    piece.pts -= round(self._start / piece.time_base)
                self._output.mux(self._target.encode(piece))
        elif packet.dts is not None:  # not the empty packet at the end
            shift = round(self._start / packet.time_base)
            packet.pts = None if packet.pts is None else packet.pts - shift
            packet.dts -= shift
            packet.stream = self._target
            self._output.mux(packet)


def _first_sound(container: Any) -> Any:
    stream = next(iter(container.streams.audio), None)
    if stream is None:
        raise ValueError("no sound track")
    return stream

"""Writing a video: MP4, with the times and the sound of the video that its pictures came from."""

import errno
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from lib.media.encoders import COLORS, Encoder, StreamSettings, choose_encoder
from lib.media.sound import SoundTrack
from lib.media.source import VideoInfo
from lib.utils.errors import PoseError
from lib.utils.files import atomic_path
from lib.utils.logging import warn_once

SUFFIX = ".mp4"
# How much of the end may be missing for all of the sound to be kept: some sound outlasts its pictures.
WHOLE_WITHIN_S = 1.0
FALLBACK_SECONDS = 1 / 25  # for which a single picture of unknown rate is shown


class VideoWriter:
    """Write an MP4; a context manager.

    Args:
        path: the file, .mp4; its folder is made. It is there when the block ends well, or is interrupted from the
            keyboard: then with the frames up to there. Any other exception leaves nothing.
        info: of the video that the pictures come from: rate, time base and pixel aspect are taken over. The size is
            that of the first picture.
        sound_from: the file whose first sound track goes along, or None.

    Raises:
        PoseError: another suffix, a folder that cannot be written to, a size that no encoder takes, no picture at all.
    """

    def __init__(self, path: Path, info: VideoInfo, *, sound_from: Path | None = None) -> None:
        if path.suffix.lower() != SUFFIX:
            raise PoseError(f"video {path} cannot be written as '{path.suffix}'; give it the suffix {SUFFIX}.")
        self._path, self._info, self._sound_from = path, info, sound_from
        self._stack = ExitStack()
        self._container: Any = None
        self._track: _PictureTrack | None = None
        self._sound: SoundTrack | None = None

    def __enter__(self) -> "VideoWriter":
        temporary = self._stack.enter_context(atomic_path(self._path))
        try:
            with self._named_errors():
                self._container = av.open(str(temporary), "w")
        except BaseException:
            self._stack.__exit__(*sys.exc_info())
            raise
        return self

    def write(self, image: np.ndarray, time: float, duration: float = 0.0) -> None:
        """Append a picture.

        Args:
            image: (H, W, 3) uint8 RGB, of the size of the first one.
            time: seconds from the first picture; one that does not rise is moved behind the one before it.
            duration: seconds that it is shown; only of the last one it matters. 0: as long as the one before.
        """
        with self._named_errors():
            if self._track is None:
                self._track = self._begin(image)
            self._track.append(image, time, duration)
            if self._sound is not None:
                self._sound.pass_until(time)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        is_kept = self._track is not None and (kind is None or issubclass(kind, KeyboardInterrupt))
        try:
            if is_kept:
                self._finish(is_interrupted=kind is not None)
            elif kind is None:
                raise PoseError(f"video {self._path} would hold no picture; check that its input has any.")
        except BaseException:
            self._close(*sys.exc_info())
            raise
        if is_kept:
            self._close(None, None, None)
        else:
            self._close(kind, error, trace)

    def _begin(self, image: np.ndarray) -> "_PictureTrack":
        size_wh = (image.shape[1], image.shape[0])
        info = self._info
        settings = StreamSettings(size_wh, info.rate, info.time_base, info.pixel_aspect)
        track = _PictureTrack(self._container, settings, choose_encoder(settings))
        if self._sound_from is not None and info.has_sound:
            try:
                self._sound = SoundTrack(self._sound_from, info, self._container)
            except (av.FFmpegError, ValueError) as error:
                reason = getattr(error, "strerror", None) or str(error)
                warn_once(f"video {self._path} has no sound ({reason} in {self._sound_from})")
        return track

    def _finish(self, *, is_interrupted: bool) -> None:
        track = self._track
        if track is None:
            return
        with self._named_errors():
            track.finish()
            if self._sound is not None:
                length = self._info.duration
                is_whole = not is_interrupted if length is None else track.end >= length - WHOLE_WITHIN_S
                self._sound.pass_until(float("inf") if is_whole else track.end)
                self._sound.finish()
            self._container.close()

    def _close(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close all files; with an exception nothing is left of the video."""
        if self._sound is not None:
            self._sound.close()
        with suppress(av.FFmpegError):
            self._container.close()
        self._stack.__exit__(kind, error, trace)

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        try:
            yield
        except av.FFmpegError as failure:
            full = getattr(failure, "errno", None) == errno.ENOSPC
            way_out = "make room there" if full else "choose another folder or leave `pictures` out of --save"
            raise PoseError(f"video {self._path} cannot be written ({failure.strerror}); {way_out}.") from failure


class _PictureTrack:
    """The pictures of an output.

    Attributes:
        end: seconds at which the last picture so far stops being shown.
    """

    def __init__(self, container: Any, settings: StreamSettings, encoder: Encoder) -> None:
        self._container, self._size_wh = container, settings.size_wh
        self._stream = container.add_stream(encoder.name, rate=settings.encoder_rate)
        settings.apply(self._stream.codec_context, encoder)
        self._time_base = self._stream.codec_context.time_base
        self._usual = float(1 / settings.rate) if settings.rate else 0.0
        self._reformatter = VideoReformatter()
        self._last = -1
        self._durations: dict[int, int] = {}
        self.end = 0.0

    def append(self, image: np.ndarray, time: float, duration: float) -> None:
        """See `VideoWriter.write`."""
        if (image.shape[1], image.shape[0]) != self._size_wh:
            raise ValueError(f"picture of shape {image.shape} in a video of width and height {self._size_wh}")
        stamp = max(round(time / self._time_base), self._last + 1)
        gap = (stamp - self._last) * float(self._time_base) if self._last >= 0 else 0.0
        seconds = duration or self._usual or gap or FALLBACK_SECONDS
        picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
        pixel_format = self._stream.codec_context.pix_fmt
        converted = self._reformatter.reformat(picture, format=pixel_format, **COLORS)
        converted.pts, converted.time_base = stamp, self._time_base
        self._durations[stamp] = max(round(seconds / self._time_base), 1)
        self._mux(self._stream.encode(converted))
        self._last, self.end = stamp, stamp * float(self._time_base) + seconds

    def finish(self) -> None:
        """Write what the encoder still holds."""
        self._mux(self._stream.encode(None))

    def _mux(self, packets: list[Any]) -> None:
        for packet in packets:
            packet.duration = self._durations.pop(packet.pts, 1)
            self._container.mux(packet)

"""Videos made for tests: of given frames, or a picture panned and zoomed over with known motion.

    frames, matrices = pan_zoom(photo, 50, (320, 240), tmp_path / "moving.mp4", sound=True, rotation=90)
    keypoints_in_frame_7 = keypoints @ matrices[7][:, :2].T + matrices[7][:, 2]

`frames` are what a reader has to give back, up to the loss of the compression: (H, W, 3) uint8 RGB, upright.
"""

import math
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

SOUND_RATE, TONE_HERTZ = 48000, 440.0
TIME_BASE = Fraction(1, 90000)
FAST_OPTIONS = {
    "libx264": {"crf": "10", "preset": "veryfast"},
    "libvpx": {"deadline": "realtime", "cpu-used": "8", "b": "2M"},
}
FIXED_ONE = 1 << 16  # 1.0 in the upper part of an MP4 matrix
# [a b; c d] of a track's matrix: the stored (x, y) is shown at (a x + c y, b x + d y).
TURNS = {0: (1, 0, 0, 1), 90: (0, 1, -1, 0), 180: (-1, 0, 0, -1), 270: (0, -1, 1, 0)}


def pan_zoom(
    image: np.ndarray, num_frames: int, size_wh: tuple[int, int], path: Path, **options: Any
) -> tuple[list[np.ndarray], np.ndarray]:
    """A camera that moves over a picture, from its upper left to its lower right, closer in the middle of the way.

    Args:
        image: (H, W, 3) uint8 RGB.
        num_frames: N >= 1.
        size_wh: of the video; the whole view stays inside the picture.
        path: the video to write.
        options: see `write_video`.

    Returns:
        The N frames, each (H, W, 3) uint8 RGB and upright, and matrices (N, 2, 3), float64, that take image_ (x, y) to
        a frame's (x, y), pixel centres at integers.
    """
    matrices = np.stack([_view(image, size_wh, step) for step in np.linspace(0, 1, num_frames)])
    frames = [cv2.warpAffine(image, matrix, size_wh, flags=cv2.INTER_LINEAR) for matrix in matrices]
    write_video(path, frames, **options)
    return frames, matrices


def write_video(
    path: Path,
    frames: Iterable[np.ndarray],
    *,
    rate: Fraction | int = 25,
    times: Sequence[float] | None = None,
    sound: bool | str = False,
    sound_seconds: float | None = None,
    sound_start: float = 0.0,
    rotation: int = 0,
    pixel_aspect: Fraction | int = 1,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    encoder_options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
) -> None:
    """Write a video; the suffix of `path` decides the container.

    Args:
        path: the file.
        frames: (H, W, 3) uint8 RGB of one size, as they are to be seen.
        rate: frames per second.
        times: seconds of each frame, rising, for a variable rate; by `rate` when None.
        sound: a tone beside it: True for AAC, or the name of an encoder such as "pcm_s16le".
        sound_seconds: how long it sounds; as long as the frames when None.
        sound_start: seconds at which it begins.
        rotation: degrees that a player turns the stored pictures clockwise, 0, 90, 180 or 270: they are stored turned
            back, as phones do. Only .mp4 and .mov.
        pixel_aspect: width / height of a stored pixel.
        codec, pix_fmt, encoder_options: of the pictures.
        container_options: of the file, such as {"movflags": "+faststart"}.
    """
    with av.open(str(path), "w", container_options=container_options or {}) as container:
        stream = container.add_stream(codec, rate=Fraction(rate))
        stream.pix_fmt = pix_fmt
        stream.options = {**FAST_OPTIONS.get(codec, {}), **(encoder_options or {})}
        if codec == "mpeg4":
            stream.bit_rate = 4_000_000
        if times is not None:
            stream.codec_context.time_base = TIME_BASE
        tone = container.add_stream("aac" if sound is True else sound, rate=SOUND_RATE) if sound else None
        count = 0
        for count, frame in enumerate(frames, 1):
            picture = _stored(frame, rotation)
            if count == 1:
                stream.width, stream.height = picture.width, picture.height
                stream.codec_context.sample_aspect_ratio = Fraction(pixel_aspect)
            if times is not None:
                picture.time_base, picture.pts = TIME_BASE, round(times[count - 1] / TIME_BASE)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
        if tone is not None:
            seconds = times[-1] if times is not None else count / rate
            for part in _tone(float(sound_seconds or seconds)):
                part.pts += round(sound_start * SOUND_RATE)
                container.mux(tone.encode(part))
            container.mux(tone.encode(None))
    if rotation:
        _set_rotation(path, rotation)


def _view(image: np.ndarray, size_wh: tuple[int, int], step: float) -> np.ndarray:
    """The matrix (2, 3) from the picture to the frame at `step` in 0..1 of the way."""
    height, width = image.shape[:2]
    cover = max(size_wh[0] / width, size_wh[1] / height)
    scale = cover * (1.2 + 0.3 * math.sin(math.pi * step))
    room = np.array([width, height]) - np.array(size_wh) / scale
    corner = room * (0.1 + 0.8 * step)
    return np.array([[scale, 0.0, -scale * corner[0]], [0.0, scale, -scale * corner[1]]])


def _stored(frame: np.ndarray, rotation: int) -> av.VideoFrame:
    turned = np.ascontiguousarray(np.rot90(frame, rotation // 90))
    return av.VideoFrame.from_ndarray(turned, format="rgb24")


def _tone(seconds: float) -> Iterable[av.AudioFrame]:
    """A stereo sine in pieces of at most one second."""
    total = round(seconds * SOUND_RATE)
    for start in range(0, total, SOUND_RATE):
        count = min(SOUND_RATE, total - start)
        wave = 0.3 * np.sin(2 * np.pi * TONE_HERTZ * (start + np.arange(count)) / SOUND_RATE)
        samples = np.repeat((wave * 32767).astype(np.int16), 2)[None]
        piece = av.AudioFrame.from_ndarray(samples, format="s16", layout="stereo")
        piece.sample_rate, piece.pts, piece.time_base = SOUND_RATE, start, Fraction(1, SOUND_RATE)
        yield piece


def _set_rotation(path: Path, rotation: int) -> None:
    """Write the display matrix of the first track by hand: PyAV can only from version 17 on."""
    content = bytearray(path.read_bytes())
    header = content.index(b"tkhd")
    # Behind the name: version and flags (4 bytes), times, id and length (20, or 32 in version 1), then 16 bytes.
    place = header + 4 + 4 + (32 if content[header + 4] else 20) + 16
    a, b, c, d = (value * FIXED_ONE for value in TURNS[rotation])
    matrix = np.array([a, b, 0, c, d, 0, 0, 0, 1 << 30], dtype=">i4").tobytes()
    content[place : place + len(matrix)] = matrix
    path.write_bytes(content)

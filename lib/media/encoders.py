"""How pictures become a video stream that everything plays, at a size that is kept."""

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import av
from av.video.reformatter import ColorRange, Colorspace

from lib.utils.errors import PoseError

# FFmpeg's numbers for BT.709 (primaries, transfer, matrix) and for the limited range, which is what players expect.
BT709, LIMITED_RANGE = 1, 1
COLORS = {"dst_colorspace": Colorspace.ITU709, "dst_color_range": ColorRange.MPEG}
# Finer than any camera's; MP4 has 32 bits for a duration, which a nanosecond clock fills in 4 s.
FINEST_STEPS = 100_000
CLOCK_STEPS = 90_000
# For rates that nobody says; it only tells the encoder how much may change from frame to frame.
USUAL_RATE = Fraction(25)
RATES = (Fraction(1, 10), Fraction(1000))


@dataclass(frozen=True)
class Encoder:
    """An encoder with its settings.

    Attributes:
        name: FFmpeg's.
        options: FFmpeg's.
        odd_sizes: the pixel format for widths or heights that are odd.
        finest_steps: time stamps per second that it can count.
    """

    name: str
    options: dict[str, str]
    odd_sizes: str
    finest_steps: int = FINEST_STEPS

    def pixel_format(self, size_wh: tuple[int, int]) -> str:
        """YUV 4:2:0, which every player takes, where it can hold the size."""
        return "yuv420p" if size_wh[0] % 2 == size_wh[1] % 2 == 0 else self.odd_sizes

    def steps_per_second(self, time_base: Fraction) -> int:
        """Time stamps per second that keep those of `time_base` exactly, where that is possible."""
        steps = time_base.denominator
        return steps if steps <= self.finest_steps else min(CLOCK_STEPS, self.finest_steps)


# Visually lossless. Without B-frames each packet holds one frame in its turn, so that any rate and the time of the last
# frame are kept exactly. H.264 in 4:2:0 has even sizes only; MPEG-4 has any size, but counts 16 bits of time.
ENCODERS = (
    Encoder("libx264", {"crf": "18", "preset": "veryfast", "bf": "0"}, "yuv444p"),
    Encoder("mpeg4", {"qmin": "2", "qmax": "4", "bf": "0"}, "yuv420p", finest_steps=60_000),
)


@dataclass(frozen=True)
class StreamSettings:
    """What a video stream is opened with.

    Attributes:
        size_wh: of the pictures.
        rate: frames per second on average, or None.
        time_base: of the input's time stamps.
        pixel_aspect: width / height of a pixel.
    """

    size_wh: tuple[int, int]
    rate: Fraction | None
    time_base: Fraction
    pixel_aspect: Fraction = field(default=Fraction(1))

    def apply(self, context: Any, encoder: Encoder) -> None:
        """Set a codec context that is not open yet."""
        context.width, context.height = self.size_wh
        context.pix_fmt = encoder.pixel_format(self.size_wh)
        context.time_base = Fraction(1, encoder.steps_per_second(self.time_base))
        context.framerate = self.encoder_rate
        context.sample_aspect_ratio = self.pixel_aspect
        context.colorspace = context.color_primaries = context.color_trc = BT709
        context.color_range = LIMITED_RANGE
        context.options = dict(encoder.options)

    @property
    def encoder_rate(self) -> Fraction:
        """A rate that encoders accept."""
        known = self.rate is not None and RATES[0] <= self.rate <= RATES[1]
        return self.rate.limit_denominator(FINEST_STEPS) if known and self.rate else USUAL_RATE


def choose_encoder(settings: StreamSettings) -> Encoder:
    """The first encoder that is installed and takes the size.

    Raises:
        PoseError: none does.
    """
    for encoder in ENCODERS:
        try:
            context = av.CodecContext.create(encoder.name, "w")
            settings.apply(context, encoder)
            context.open()
        except (av.FFmpegError, ValueError):
            continue
        return encoder
    width, height = settings.size_wh
    raise PoseError(f"no video encoder takes pictures of {width} x {height}; leave `pictures` out of --save.")

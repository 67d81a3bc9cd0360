"""Writing videos: size, colours, times, and what is left after trouble."""

import errno
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from helpers.made_videos import pan_zoom, write_video

from lib.media import Frame, Source, VideoInfo, VideoWriter, encoders, open_inputs, writer
from lib.utils.errors import PoseError

INFO = VideoInfo((96, 64), Fraction(25), None, Fraction(1, 90000))
KNOWS_DURATIONS = hasattr(av.VideoFrame, "duration")


def read(path: Path) -> tuple[Source, list[Frame]]:
    (source,) = open_inputs(str(path))
    return source, list(source.frames())


def copied(source: Path, target: Path, *, sound: bool = True) -> tuple[list[Frame], list[Frame], VideoInfo, VideoInfo]:
    """A video read and written again: the frames and the facts of both."""
    before, frames = read(source)
    assert before.info is not None
    with VideoWriter(target, before.info, sound_from=before.path if sound else None) as output:
        for frame in frames:
            output.write(frame.image, frame.time, frame.duration)
    after, again = read(target)
    assert after.info is not None
    assert after.problem == ""
    return frames, again, before.info, after.info


def write_some(target: Path, images: list[np.ndarray], end: type[BaseException] | None = None) -> None:
    """A video of `images` at 25 frames per second, and then an exception."""
    with VideoWriter(target, INFO) as output:
        for index, image in enumerate(images):
            output.write(image, index / 25)
        if end is not None:
            raise end


def interrupt_copying(source: Source, frames: list[Frame], target: Path) -> None:
    """Copy frames and sound and then press Ctrl-C."""
    assert source.info is not None
    with VideoWriter(target, source.info, sound_from=source.path) as output:
        for frame in frames:
            output.write(frame.image, frame.time, frame.duration)
        raise KeyboardInterrupt


def difference(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one.astype(float) - other).mean())


@pytest.mark.parametrize("rate", [Fraction(25), Fraction(30000, 1001), Fraction(15), Fraction(120)])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts"])
def test_size_rate_length_and_times_are_kept(photo: np.ndarray, tmp_path: Path, rate: Fraction, suffix: str) -> None:
    pan_zoom(photo, 30, (96, 64), tmp_path / f"a{suffix}", rate=rate, rotation=90 if suffix == ".mp4" else 0)
    frames, again, before, after = copied(tmp_path / f"a{suffix}", tmp_path / "b.mp4")
    assert [frame.time for frame in again] == [frame.time for frame in frames]
    assert after.size_wh == before.size_wh == (96, 64)
    assert after.rate == pytest.approx(before.rate, rel=1e-3)
    assert len(again) == 30
    assert after.duration == pytest.approx(30 / float(rate), abs=0.002)
    assert max(difference(new.image, old.image) for new, old in zip(again, frames, strict=True)) < 4
    assert after.start == 0


def test_variable_rates_are_kept(photo: np.ndarray, tmp_path: Path) -> None:
    times = [0.0, 0.02, 0.5, 0.51, 2.25, 2.3]
    write_video(tmp_path / "a.mp4", [photo] * 6, times=times, encoder_options={"bf": "0"})
    frames, again, before, after = copied(tmp_path / "a.mp4", tmp_path / "b.mp4")
    assert [frame.time for frame in again] == [frame.time for frame in frames]
    if KNOWS_DURATIONS:
        assert after.duration == pytest.approx(before.duration, abs=1e-3)


def test_the_last_frame_is_shown_as_long_as_it_was(photo: np.ndarray, tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "a.mp4", INFO) as output:
        output.write(photo, 0.0, 0.04)
        output.write(photo, 0.04, 1.5)
    assert read(tmp_path / "a.mp4")[0].info.duration == pytest.approx(1.54, abs=1e-3)  # type: ignore[union-attr]


def test_colours_come_back_and_are_named(photo: np.ndarray, tmp_path: Path) -> None:
    patches = np.zeros((64, 96, 3), np.uint8)
    for column, color in enumerate(
        [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (16, 16, 16), (200, 60, 30)]
    ):
        patches[:, 16 * column : 16 * column + 16] = color
    with VideoWriter(tmp_path / "a.mp4", INFO) as output:
        output.write(patches, 0.0)
        output.write(photo[:64, :96], 0.04)
    _, frames = read(tmp_path / "a.mp4")
    inner = np.tile(np.arange(16), 6) // 4 % 3 == 1  # away from the borders, where half-size colours mix
    assert np.abs(frames[0].image[:, inner].astype(int) - patches[:, inner]).mean() < 3
    assert difference(frames[1].image, photo[:64, :96]) < 3
    with av.open(str(tmp_path / "a.mp4")) as container:
        picture = next(container.decode(video=0))
        assert (picture.colorspace, picture.color_range) == (encoders.BT709, encoders.LIMITED_RANGE)
        assert picture.format.name == "yuv420p"


@pytest.mark.parametrize("size_wh", [(1, 1), (2, 2), (1, 7), (33, 17), (95, 64), (96, 63)])
@pytest.mark.parametrize("fallback", [False, True])
def test_any_size(
    rng: np.random.Generator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size_wh: tuple[int, int], fallback: bool
) -> None:
    if fallback:  # as where FFmpeg was built without x264
        monkeypatch.setattr(encoders, "ENCODERS", encoders.ENCODERS[1:])
    colors = rng.integers(30, 220, (5, 3))
    images = [np.full((size_wh[1], size_wh[0], 3), color, np.uint8) for color in colors]
    with VideoWriter(tmp_path / "a.mp4", INFO) as output:
        for index, image in enumerate(images):
            output.write(image, index / 25)
    source, frames = read(tmp_path / "a.mp4")
    assert source.info is not None
    assert (source.info.size_wh, source.info.rate) == (size_wh, 25)
    errors = [difference(frame.image, image) for frame, image in zip(frames, images, strict=True)]
    # FFmpeg 7 makes wrong colours of one pixel's width at half the colour resolution.
    assert max(errors) < 6 or (fallback and size_wh[0] == 1)


def test_an_encoder_that_is_not_installed_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    absent = encoders.Encoder("no_such_encoder", {}, "yuv444p")
    monkeypatch.setattr(encoders, "ENCODERS", (absent, *encoders.ENCODERS))
    settings = encoders.StreamSettings((64, 48), Fraction(25), Fraction(1, 25))
    assert encoders.choose_encoder(settings).name == "libx264"


def test_a_size_that_nothing_takes(tmp_path: Path) -> None:
    with (
        pytest.raises(PoseError, match=r"takes pictures of 20000 x 2; leave `pictures` out of --save"),
        VideoWriter(tmp_path / "a.mp4", INFO) as output,
    ):
        output.write(np.zeros((2, 20000, 3), np.uint8), 0.0)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("rate", [None, Fraction(90000), Fraction(1, 1000)])
def test_strange_rates(photo: np.ndarray, tmp_path: Path, rate: Fraction | None) -> None:
    info = VideoInfo((320, 240), rate, None, Fraction(1, 1_000_000_000))
    with VideoWriter(tmp_path / "a.mp4", info) as output:
        for time in (0.0, 0.5, 0.75):
            output.write(photo, time)
    np.testing.assert_allclose([frame.time for frame in read(tmp_path / "a.mp4")[1]], [0, 0.5, 0.75], atol=1e-4)


def test_times_that_do_not_rise_are_moved_on(photo: np.ndarray, tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "a.mp4", INFO) as output:
        for time in (0.0, 0.2, 0.1, 0.2, 0.4):
            output.write(photo, time)
    times = [frame.time for frame in read(tmp_path / "a.mp4")[1]]
    assert len(times) == 5
    assert (np.diff(times) > 0).all()
    np.testing.assert_allclose(times, [0, 0.2, 0.2, 0.2, 0.4], atol=1e-3)


def test_non_square_pixels_are_kept(photo: np.ndarray, tmp_path: Path) -> None:
    info = VideoInfo((320, 240), Fraction(25), None, Fraction(1, 25), pixel_aspect=Fraction(16, 11))
    with VideoWriter(tmp_path / "a.mp4", info) as output:
        output.write(photo, 0.0)
    assert read(tmp_path / "a.mp4")[0].info.pixel_aspect == Fraction(16, 11)  # type: ignore[union-attr]


def test_an_exception_leaves_the_old_file(photo: np.ndarray, tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"old")
    with pytest.raises(RuntimeError):
        write_some(tmp_path / "a.mp4", [photo] * 40, RuntimeError)
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]
    assert (tmp_path / "a.mp4").read_bytes() == b"old"


@pytest.mark.parametrize("name", ["long.mp4", "long.mkv", "long.flv"])
def test_an_interrupt_keeps_what_there_is(photo: np.ndarray, tmp_path: Path, name: str) -> None:
    write_video(tmp_path / name, [photo] * 100, sound=True)
    source, frames = read(tmp_path / name)
    target = tmp_path / "out" / "a.mp4"
    with pytest.raises(KeyboardInterrupt):
        interrupt_copying(source, frames[:30], target)
    after, again = read(target)
    assert len(again) == 30
    assert after.problem == ""
    with av.open(str(target)) as container:
        assert container.duration / 1e6 == pytest.approx(30 / 25, abs=0.06), "the sound ends with the pictures"
    assert [path.name for path in target.parent.iterdir()] == ["a.mp4"]


def test_an_interrupt_before_the_first_picture_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        write_some(tmp_path / "a.mp4", [], KeyboardInterrupt)
    assert list(tmp_path.iterdir()) == []


def test_bad_use(photo: np.ndarray, tmp_path: Path) -> None:
    with pytest.raises(PoseError, match=r"give it the suffix \.mp4"):
        VideoWriter(tmp_path / "a.png", INFO)
    with pytest.raises(PoseError, match="would hold no picture"), VideoWriter(tmp_path / "a.mp4", INFO):
        pass
    with pytest.raises(ValueError, match="picture of shape"):
        write_some(tmp_path / "a.mp4", [photo, photo[:-2]])
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(PoseError, match="cannot be written to"), VideoWriter(tmp_path / "file" / "a.mp4", INFO):
        pass


@pytest.mark.parametrize("call", ["append", "finish"])
@pytest.mark.parametrize(("number", "way_out"), [(errno.ENOSPC, "make room"), (errno.EIO, "choose .* --save")])
def test_a_full_disk_is_one_sentence(
    photo: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int, way_out: str
) -> None:
    def full(*_: object) -> None:
        raise av.error.OSError(number, "trouble")

    monkeypatch.setattr(writer._PictureTrack, call, full)
    with pytest.raises(PoseError, match=rf"trouble\); {way_out}"):
        write_some(tmp_path / "a.mp4", [photo])
    assert list(tmp_path.iterdir()) == []


def test_pictures_are_not_changed(photo: np.ndarray, tmp_path: Path) -> None:
    mirrored = photo[:, ::-1]  # not contiguous
    before = mirrored.copy()
    with VideoWriter(tmp_path / "a.mp4", INFO) as output:
        output.write(mirrored, 0.0)
    np.testing.assert_array_equal(mirrored, before)
    assert difference(read(tmp_path / "a.mp4")[1][0].image, before) < 3

"""Reading video files."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from helpers.made_videos import pan_zoom, write_video

from lib.media import Frame, Source, open_inputs
from lib.media.videos import ODD_END_S
from lib.utils.errors import PoseError

SIZE_WH = (96, 64)
KNOWS_DURATIONS = hasattr(av.VideoFrame, "duration")


def opened(path: Path) -> Source:
    (source,) = open_inputs(str(path))
    return source


def read(path: Path) -> tuple[Source, list[Frame]]:
    source = opened(path)
    return source, list(source.frames())


def difference(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one.astype(float) - other).mean())


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_rotated_videos_are_upright(photo: np.ndarray, tmp_path: Path, rotation: int) -> None:
    truth, _ = pan_zoom(photo, 8, SIZE_WH, tmp_path / "a.mp4", rotation=rotation)
    source, frames = read(tmp_path / "a.mp4")
    assert [frame.index for frame in frames] == list(range(8))
    assert max(difference(frame.image, image) for frame, image in zip(frames, truth, strict=True)) < 3
    assert difference(frames[0].image[..., ::-1], truth[0]) > 20, "red and blue are told apart"
    assert source.info is not None
    assert source.info.size_wh == SIZE_WH
    assert source.problem == ""


@pytest.mark.parametrize(("rotation", "aspect"), [(0, Fraction(4, 3)), (90, Fraction(3, 4)), (180, Fraction(4, 3))])
def test_pixels_that_are_not_square_turn_as_well(
    photo: np.ndarray, tmp_path: Path, rotation: int, aspect: Fraction
) -> None:
    write_video(tmp_path / "a.mp4", [photo] * 2, rotation=rotation, pixel_aspect=Fraction(4, 3))
    source, _ = read(tmp_path / "a.mp4")
    assert source.info is not None
    assert source.info.pixel_aspect == aspect


def test_pan_zoom_knows_where_things_are(tmp_path: Path) -> None:
    image = np.zeros((200, 300, 3), np.uint8)
    image[78:83, 118:123] = 255  # centred on (120, 80)
    _, matrices = pan_zoom(image, 5, (150, 100), tmp_path / "a.mp4")
    _, frames = read(tmp_path / "a.mp4")
    rows, columns = np.mgrid[:100, :150]
    seen = 0
    for frame, matrix in zip(frames, matrices, strict=True):
        expected = matrix @ (120, 80, 1)
        if (expected > 8).all() and (expected < (142, 92)).all():
            weights = frame.image[..., 1].astype(float).clip(30) - 30
            center = np.array([(columns * weights).sum(), (rows * weights).sum()]) / weights.sum()
            np.testing.assert_allclose(center, expected, atol=0.3)
            seen += 1
    assert seen >= 3
    assert not np.allclose(matrices[0], matrices[-1])


@pytest.mark.parametrize(
    ("name", "options", "steps"),
    [
        ("a.mp4", {"rate": Fraction(30000, 1001)}, 30000),
        ("a.mov", {"rate": 24}, None),
        ("a.mkv", {"rate": 25}, 1000),
        ("a.avi", {"codec": "mpeg4"}, None),
        ("a.webm", {"codec": "libvpx"}, 1000),
        ("a.ts", {}, 90000),
        ("a.mpg", {"codec": "mpeg2video"}, 90000),
        ("a.gif", {"codec": "gif", "pix_fmt": "rgb8", "rate": 10}, 100),
    ],
)
def test_containers(photo: np.ndarray, tmp_path: Path, name: str, options: dict, steps: int | None) -> None:
    truth, _ = pan_zoom(photo, 12, SIZE_WH, tmp_path / name, **options)
    source, frames = read(tmp_path / name)
    rate = Fraction(options.get("rate", 25))
    assert len(frames) == 12
    assert (source.is_video, source.is_live, source.problem) == (True, False, "")
    times = [frame.time for frame in frames]
    np.testing.assert_allclose(times, np.arange(12) / float(rate), atol=0.001)
    assert max(difference(frame.image, image) for frame, image in zip(frames, truth, strict=True)) < 25
    assert source.info is not None
    assert source.info.size_wh == SIZE_WH
    assert source.info.rate == pytest.approx(rate, rel=1e-3)
    assert not source.info.has_sound
    if steps is not None:
        assert source.info.time_base == Fraction(1, steps)
    if KNOWS_DURATIONS:
        assert frames[-1].duration == pytest.approx(1 / float(rate), abs=0.001)


def test_what_is_known_of_a_video(photo: np.ndarray, tmp_path: Path) -> None:
    pan_zoom(photo, 20, SIZE_WH, tmp_path / "a.mp4", rate=10, sound=True)
    source = opened(tmp_path / "a.mp4")
    assert source.info is None
    next(iter(source.frames()))
    info = source.info
    assert info is not None
    assert (info.rate, info.duration) == (10, pytest.approx(2.0, abs=0.01))
    assert (info.has_sound, info.start, info.pixel_aspect) == (True, 0, 1)


def test_variable_rate(photo: np.ndarray, tmp_path: Path) -> None:
    times = [0.0, 0.02, 0.5, 0.51, 2.25]
    write_video(tmp_path / "a.mp4", [photo] * 5, times=times)
    _, frames = read(tmp_path / "a.mp4")
    np.testing.assert_allclose([frame.time for frame in frames], times, atol=1e-4)


def test_times_count_from_the_first_frame(photo: np.ndarray, tmp_path: Path) -> None:
    write_video(tmp_path / "a.ts", [photo] * 3, times=[3.0, 3.2, 3.4])
    source, frames = read(tmp_path / "a.ts")
    np.testing.assert_allclose([frame.time for frame in frames], [0, 0.2, 0.4], atol=1e-4)
    assert source.info is not None
    assert source.info.start >= 3


@pytest.mark.parametrize(("size_wh", "reads_as"), [((320, 240), 5), ((1280, 720), 1)])
def test_unnamed_colours_are_those_of_the_size(tmp_path: Path, size_wh: tuple[int, int], reads_as: int) -> None:
    color = np.full((size_wh[1], size_wh[0], 3), (200, 60, 30), np.uint8)
    picture = av.VideoFrame.from_ndarray(color, format="rgb24")
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "1"})
        stream.width, stream.height = size_wh
        converted = picture.reformat(format="yuv420p", dst_colorspace=reads_as)
        container.mux(stream.encode(av.VideoFrame.from_ndarray(converted.to_ndarray(), format="yuv420p")))
        container.mux(stream.encode(None))
    _, frames = read(tmp_path / "a.mp4")
    assert difference(frames[0].image, color) < 3


@pytest.mark.parametrize(("size_wh", "matrix"), [((1280, 720), 5), ((320, 240), 1)])
def test_named_colours_are_those_of_the_name(tmp_path: Path, size_wh: tuple[int, int], matrix: int) -> None:
    """BT.601 in HD and BT.709 below, unlike what is taken where nothing is said."""
    color = np.full((size_wh[1], size_wh[0], 3), (200, 60, 30), np.uint8)
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "1"})
        stream.width, stream.height = size_wh
        stream.codec_context.colorspace = matrix
        converted = av.VideoFrame.from_ndarray(color, format="rgb24").reformat(format="yuv420p", dst_colorspace=matrix)
        container.mux([*stream.encode(converted), *stream.encode(None)])
    _, frames = read(tmp_path / "a.mp4")
    assert difference(frames[0].image, color) < 3


def test_names_in_other_letters_than_utf_8(photo: np.ndarray, tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.avi"), "w") as container:
        container.metadata["title"] = "XXXX"
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height = 320, 240
        container.mux([*stream.encode(av.VideoFrame.from_ndarray(photo, format="rgb24")), *stream.encode(None)])
    content = (tmp_path / "a.avi").read_bytes()
    assert b"XXXX" in content
    (tmp_path / "a.avi").write_bytes(content.replace(b"XXXX", "Tür ".encode("latin-1")))
    assert len(read(tmp_path / "a.avi")[1]) == 1


def test_covers_are_not_the_video(photo: np.ndarray, tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.mkv"), "w") as container:
        cover = container.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 64, 64, "yuvj420p"
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height = 320, 240
        container.mux(cover.encode(av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")))
        for _ in range(25):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(photo, format="rgb24")))
        container.mux(stream.encode(None))
    source, frames = read(tmp_path / "a.mkv")
    assert source.info is not None
    assert (len(frames), source.info.size_wh) == (25, (320, 240))


@pytest.mark.parametrize("seconds", [0.2, 1.0])
def test_times_that_begin_anew(photo: np.ndarray, tmp_path: Path, seconds: float) -> None:
    """As where files were joined."""
    count = round(25 * seconds)
    write_video(tmp_path / "one.ts", [photo] * count)
    (tmp_path / "a.ts").write_bytes((tmp_path / "one.ts").read_bytes() * 3)
    source, frames = read(tmp_path / "a.ts")
    times = [frame.time for frame in frames]
    assert len(times) == 3 * count
    assert (np.diff(times) > 0).all()
    if seconds == 1.0:
        np.testing.assert_allclose(times, np.arange(3 * count) / 25, atol=1e-3)
        assert "its time stamps begin anew 2 times" in source.problem


def test_one_frame_and_reading_twice(photo: np.ndarray, tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", [photo])
    source = opened(tmp_path / "a.mp4")
    assert [len(list(source.frames())) for _ in range(2)] == [1, 1]


def test_damage_in_the_middle_is_passed_over(
    photo: np.ndarray, rng: np.random.Generator, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pan_zoom(photo, 60, SIZE_WH, tmp_path / "a.mp4", encoder_options={"g": "5"})
    content = bytearray((tmp_path / "a.mp4").read_bytes())
    middle = content.index(b"mdat") + (content.index(b"moov") - content.index(b"mdat")) // 2
    content[middle : middle + 400] = rng.integers(0, 256, 400, dtype=np.uint8).tobytes()
    (tmp_path / "b.mp4").write_bytes(content)
    source, frames = read(tmp_path / "b.mp4")
    assert 50 <= len(frames) <= 60
    assert frames[-1].time == pytest.approx(59 / 25, abs=0.001)
    assert [frame.index for frame in frames] == list(range(len(frames)))
    assert "broken places were left out or patched up" in source.problem
    assert source.problem in caplog.text


@pytest.mark.parametrize("name", ["a.mkv", "a.mp4"])
def test_a_video_cut_short_gives_what_it_has(photo: np.ndarray, tmp_path: Path, name: str) -> None:
    options = {"container_options": {"movflags": "+faststart"}} if name == "a.mp4" else {}
    truth, _ = pan_zoom(photo, 60, SIZE_WH, tmp_path / name, rate=5, sound=False, **options)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[: len(content) * 6 // 10])
    source, frames = read(tmp_path / name)
    assert 10 < len(frames) < 55
    assert max(difference(frame.image, image) for frame, image in zip(frames[:-1], truth, strict=False)) < 3
    assert source.info is not None
    assert source.info.duration is not None
    assert frames[-1].time < source.info.duration - ODD_END_S
    assert "s of 12.0 s; it may be cut short" in source.problem


@pytest.mark.parametrize("name", ["a.mkv", "a.mp4", "a.webm", "a.flv", "a.ts"])
def test_sound_that_outlasts_the_pictures_is_no_damage(photo: np.ndarray, tmp_path: Path, name: str) -> None:
    options = {"codec": "libvpx", "sound": "libopus"} if name == "a.webm" else {"sound": True}
    write_video(tmp_path / name, [photo] * 25, sound_seconds=4, **options)
    source, _ = read(tmp_path / name)
    assert source.problem == ""
    assert source.info is not None
    assert source.info.duration == (None if name == "a.flv" else pytest.approx(1.0, abs=0.05))


def test_pictures_that_begin_late_are_no_damage(photo: np.ndarray, tmp_path: Path) -> None:
    write_video(tmp_path / "a.mkv", [photo] * 30, times=[2 + index / 25 for index in range(30)], sound=True)
    source, _ = read(tmp_path / "a.mkv")
    assert source.problem == ""
    assert source.info is not None
    assert source.info.duration == pytest.approx(1.2, abs=0.05)


def test_a_cut_video_with_sound_is_reported(photo: np.ndarray, tmp_path: Path) -> None:
    pan_zoom(photo, 60, SIZE_WH, tmp_path / "a.mkv", rate=5, sound=True)
    content = (tmp_path / "a.mkv").read_bytes()
    # All pictures come before the sound: it is written after them.
    (tmp_path / "a.mkv").write_bytes(content[: len(content) * 4 // 10])
    assert "s of 12.0 s; it may be cut short" in read(tmp_path / "a.mkv")[0].problem


def test_what_is_no_video(photo: np.ndarray, tmp_path: Path) -> None:
    pan_zoom(photo, 20, SIZE_WH, tmp_path / "whole.mp4")
    (tmp_path / "empty.mp4").write_bytes(b"")
    (tmp_path / "text.avi").write_text("words " * 1000)
    (tmp_path / "cut.mp4").write_bytes((tmp_path / "whole.mp4").read_bytes()[:-200])
    with av.open(str(tmp_path / "sound.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=48000)
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 9600), np.int16), format="s16", layout="stereo")
        silence.sample_rate, silence.pts = 48000, 0
        container.mux([*stream.encode(silence), *stream.encode(None)])
    messages = {"sound.mp4": "has no pictures in it"}
    for name in ("empty.mp4", "text.avi", "cut.mp4", "sound.mp4"):
        with pytest.raises(PoseError, match=messages.get(name, "cannot be read")) as caught:
            read(tmp_path / name)
        assert name in str(caught.value)
        assert len(str(caught.value).splitlines()) == 1

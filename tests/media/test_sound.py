"""Sound beside the new pictures."""

from fractions import Fraction
from itertools import groupby
from pathlib import Path

import av
import numpy as np
import pytest
from helpers.made_videos import TONE_HERTZ, write_video

from lib.media import VideoWriter, open_inputs


def rewritten(source: Path, target: Path, *, limit: int | None = None) -> None:
    (video,) = open_inputs(str(source))
    frames = list(video.frames())[:limit]
    assert video.info is not None
    with VideoWriter(target, video.info, sound_from=video.path) as output:
        for frame in frames:
            output.write(frame.image, frame.time, frame.duration)


def with_tracks(
    path: Path, photo: np.ndarray, tracks: list[tuple[float, str]], *, encoder: str = "pcm_s16le", rate: int = 48000
) -> None:
    """A second of pictures with sound tracks, each of a pitch and a layout."""
    with av.open(str(path), "w") as container:
        pictures = container.add_stream("mpeg4", rate=25)
        pictures.width, pictures.height = photo.shape[1], photo.shape[0]
        sounds = [container.add_stream(encoder, rate=rate) for _ in tracks]
        for stream, (_, layout) in zip(sounds, tracks, strict=True):
            stream.codec_context.layout = layout
        for _ in range(25):
            container.mux(pictures.encode(av.VideoFrame.from_ndarray(photo, format="rgb24")))
        container.mux(pictures.encode(None))
        for stream, (hertz, layout) in zip(sounds, tracks, strict=True):
            wave = (8000 * np.sin(2 * np.pi * hertz * np.arange(rate) / rate)).astype(np.int16)
            piece = av.AudioFrame.from_ndarray(
                np.repeat(wave, 1 if layout == "mono" else 2)[None], format="s16", layout=layout
            )
            piece.sample_rate, piece.pts, piece.time_base = rate, 0, Fraction(1, rate)
            container.mux([*stream.encode(piece), *stream.encode(None)])


def heard(path: Path) -> tuple[np.ndarray, int, float]:
    """The samples of the first channel, their rate, and the second at which they begin, pictures beginning at 0."""
    with av.open(str(path)) as container:
        pictures = container.streams.video[0]
        begin = (pictures.start_time or 0) * pictures.time_base
        pieces = [piece for piece in container.decode(audio=0) if piece.samples]
        resampler = av.AudioResampler(format="fltp", layout="mono")
        samples = np.concatenate([part.to_ndarray()[0] for piece in pieces for part in resampler.resample(piece)])
        return samples, pieces[0].sample_rate, float((pieces[0].pts or 0) * pieces[0].time_base - begin)


def pitch(samples: np.ndarray, rate: int) -> float:
    """The loudest frequency, Hz."""
    return float(np.abs(np.fft.rfft(samples)).argmax() * rate / len(samples))


def packets(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(audio=0) if packet.size]


@pytest.mark.parametrize(
    ("name", "encoder"), [("a.mp4", "aac"), ("a.mkv", "libmp3lame"), ("a.webm", "libopus"), ("a.mkv", "ac3")]
)
def test_sound_is_copied_as_it_is(photo: np.ndarray, tmp_path: Path, name: str, encoder: str) -> None:
    codec = "libvpx" if name.endswith("webm") else "libx264"
    write_video(tmp_path / name, [photo] * 25, sound=encoder, codec=codec)
    rewritten(tmp_path / name, tmp_path / "b.mp4")
    assert packets(tmp_path / "b.mp4") == packets(tmp_path / name)
    samples, rate, begin = heard(tmp_path / "b.mp4")
    assert len(samples) / rate == pytest.approx(1.0, abs=0.06)
    # MP4 cuts off the 23 ms that MP3's encoder puts before the sound.
    assert begin == pytest.approx(heard(tmp_path / name)[2], abs=0.03)
    assert pitch(samples, rate) == pytest.approx(TONE_HERTZ, abs=3)


@pytest.mark.parametrize(("name", "encoder"), [("a.avi", "pcm_s16le"), ("a.mkv", "flac"), ("a.mpg", "mp2")])
def test_what_an_mp4_does_not_hold_becomes_aac(photo: np.ndarray, tmp_path: Path, name: str, encoder: str) -> None:
    codec = {"a.avi": "mpeg4", "a.mpg": "mpeg2video"}.get(name, "libx264")
    write_video(tmp_path / name, [photo] * 50, sound=encoder, codec=codec)
    rewritten(tmp_path / name, tmp_path / "b.mp4")
    with av.open(str(tmp_path / "b.mp4")) as container:
        assert container.streams.audio[0].codec_context.name == "aac"
        assert container.streams.video[0].frames == 50
        assert container.duration / 1e6 == pytest.approx(2.0, abs=0.06)
    samples, rate, begin = heard(tmp_path / "b.mp4")
    assert len(samples) / rate == pytest.approx(2.0, abs=0.06)
    assert begin == pytest.approx(heard(tmp_path / name)[2], abs=0.03)
    assert pitch(samples, rate) == pytest.approx(TONE_HERTZ, abs=3)


@pytest.mark.parametrize(("name", "encoder"), [("a.mp4", "aac"), ("a.mkv", "flac")])
def test_sound_that_begins_late_keeps_its_place(photo: np.ndarray, tmp_path: Path, name: str, encoder: str) -> None:
    write_video(tmp_path / name, [photo] * 50, sound=encoder, sound_start=1.2, sound_seconds=0.8)
    rewritten(tmp_path / name, tmp_path / "b.mp4")
    samples, rate, begin = heard(tmp_path / "b.mp4")
    assert begin == pytest.approx(1.2, abs=0.03)
    assert len(samples) / rate == pytest.approx(0.8, abs=0.06)


@pytest.mark.parametrize("name", ["a.ts", "a.mkv"])
@pytest.mark.parametrize("encoder", ["aac", "mp2"])
def test_sound_before_the_first_picture_is_cut_off(photo: np.ndarray, tmp_path: Path, name: str, encoder: str) -> None:
    write_video(tmp_path / name, [photo] * 30, times=[2 + index / 25 for index in range(30)], sound=encoder)
    before, rate, begin = heard(tmp_path / name)
    assert begin < -1.9
    rewritten(tmp_path / name, tmp_path / "b.mp4")
    after, rate, begin_after = heard(tmp_path / "b.mp4")
    assert begin_after == pytest.approx(0, abs=0.03)
    assert len(after) / rate == pytest.approx(len(before) / rate + begin, abs=0.06)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.flv"])
@pytest.mark.parametrize("limit", [None, 20])
def test_sound_that_outlasts_the_pictures_is_kept(
    photo: np.ndarray, tmp_path: Path, name: str, limit: int | None
) -> None:
    """Also where a few of the last pictures are lost."""
    write_video(tmp_path / name, [photo] * 25, sound=True, sound_seconds=3.8)
    rewritten(tmp_path / name, tmp_path / "b.mp4", limit=limit)
    samples, rate, _ = heard(tmp_path / "b.mp4")
    assert len(samples) / rate == pytest.approx(3.8, abs=0.05)


@pytest.mark.parametrize("encoder", ["aac", "mp2"])
def test_sound_whose_times_begin_anew(
    photo: np.ndarray, tmp_path: Path, caplog: pytest.LogCaptureFixture, encoder: str
) -> None:
    """As where files were joined: the last tone lies where its pictures are."""
    write_video(tmp_path / "quiet.ts", [photo] * 50, sound=encoder, sound_seconds=1.0)
    write_video(tmp_path / "loud.ts", [photo] * 50, sound=encoder)
    parts = [(tmp_path / name).read_bytes() for name in ("loud.ts", "quiet.ts", "loud.ts")]
    (tmp_path / "a.ts").write_bytes(b"".join(parts))
    rewritten(tmp_path / "a.ts", tmp_path / "b.mp4")
    assert "breaks off" not in caplog.text
    with av.open(str(tmp_path / "b.mp4")) as container:
        assert container.duration / 1e6 == pytest.approx(6, abs=0.06)
        times = [float(packet.pts * packet.time_base) for packet in container.demux(audio=0) if packet.size]
    gaps = np.diff(times)
    assert gaps.max() == pytest.approx(1.0, abs=0.1)
    assert times[int(gaps.argmax())] == pytest.approx(3, abs=0.1)
    assert (gaps > 0).all()


def test_one_channel_stays_one(photo: np.ndarray, tmp_path: Path) -> None:
    with_tracks(tmp_path / "a.mkv", photo, [(440, "mono")])
    rewritten(tmp_path / "a.mkv", tmp_path / "b.mp4")
    with av.open(str(tmp_path / "b.mp4")) as container:
        assert container.streams.audio[0].codec_context.layout.nb_channels == 1
    assert pitch(*heard(tmp_path / "b.mp4")[:2]) == pytest.approx(440, abs=3)


def test_the_first_track_is_taken(photo: np.ndarray, tmp_path: Path) -> None:
    with_tracks(tmp_path / "a.mkv", photo, [(880, "stereo"), (440, "stereo")])
    rewritten(tmp_path / "a.mkv", tmp_path / "b.mp4")
    assert pitch(*heard(tmp_path / "b.mp4")[:2]) == pytest.approx(880, abs=3)


@pytest.mark.parametrize(("hertz", "name"), [(8000, "aac"), (11025, "aac"), (16000, "mp3float")])
def test_slow_mp3_becomes_aac(photo: np.ndarray, tmp_path: Path, hertz: int, name: str) -> None:
    with_tracks(tmp_path / "a.avi", photo, [(440, "stereo")], encoder="libmp3lame", rate=hertz)
    rewritten(tmp_path / "a.avi", tmp_path / "b.mp4")
    with av.open(str(tmp_path / "b.mp4")) as container:
        assert container.streams.audio[0].codec_context.name == name
        assert container.streams.video[0].frames == 25
    samples, rate, _ = heard(tmp_path / "b.mp4")
    assert pitch(samples, rate) == pytest.approx(440, abs=3)
    assert len(samples) / rate == pytest.approx(1.0, abs=0.3)


def test_sound_that_nothing_decodes_is_a_warning(
    photo: np.ndarray, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_video(tmp_path / "a.mkv", [photo] * 5, sound=True)
    content = (tmp_path / "a.mkv").read_bytes()
    assert content.count(b"A_AAC") == 1
    (tmp_path / "a.mkv").write_bytes(content.replace(b"A_AAC", b"A_ZZZ"))
    rewritten(tmp_path / "a.mkv", tmp_path / "b.mp4")
    assert "b.mp4 has no sound (sound of an unknown format in" in caplog.text
    assert len(list(open_inputs(str(tmp_path / "b.mp4"))[0].frames())) == 5


def test_sound_ends_where_the_pictures_were_left(photo: np.ndarray, tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", [photo] * 100, sound=True)
    rewritten(tmp_path / "a.mp4", tmp_path / "b.mp4", limit=25)
    samples, rate, _ = heard(tmp_path / "b.mp4")
    assert len(samples) / rate == pytest.approx(1.0, abs=0.05)


def test_sound_and_pictures_lie_side_by_side(photo: np.ndarray, tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", [photo[:48, :64]] * 500, sound=True)
    rewritten(tmp_path / "a.mp4", tmp_path / "b.mp4")
    with av.open(str(tmp_path / "b.mp4")) as container:
        found = sorted(
            (packet.pos, packet.stream.type, float(packet.duration * packet.time_base))
            for packet in container.demux()
            if packet.size
        )
    runs = [sum(seconds for *_, seconds in run) for _, run in groupby(found, key=lambda packet: packet[1])]
    assert max(runs) < 1.5, "seconds of one of them without the other"


def test_no_sound(photo: np.ndarray, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_video(tmp_path / "a.mp4", [photo] * 5)
    rewritten(tmp_path / "a.mp4", tmp_path / "b.mp4")
    with av.open(str(tmp_path / "b.mp4")) as container:
        assert not container.streams.audio
    assert caplog.text == ""


def test_sound_that_cannot_be_read_is_a_warning(
    photo: np.ndarray, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_video(tmp_path / "a.mp4", [photo] * 5, rate=Fraction(5), sound=True)
    (video,) = open_inputs(str(tmp_path / "a.mp4"))
    frames = list(video.frames())
    assert video.info is not None
    for place in (tmp_path / "gone.mp4", tmp_path / "silent.mp4"):
        write_video(tmp_path / "silent.mp4", [photo])
        with VideoWriter(tmp_path / "b.mp4", video.info, sound_from=place) as output:
            for frame in frames:
                output.write(frame.image, frame.time, frame.duration)
        assert f"has no sound ({'No such file' if 'gone' in place.name else 'no sound track'}" in caplog.text
        assert sum(1 for _ in open_inputs(str(tmp_path / "b.mp4"))[0].frames()) == 5

"""From the words of a command to the inputs of a run."""

import logging
import os
from pathlib import Path, PurePath

import cv2
import numpy as np
import pytest
from helpers.made_videos import write_video
from PIL import Image

from lib.media import Source, open_inputs
from lib.media.camera import CameraSource
from lib.media.names import output_names
from lib.media.pictures import PictureSource
from lib.media.videos import StreamSource, VideoSource
from lib.utils.errors import PoseError

ORIENTATION_TAG, QUARTER_CLOCKWISE = 0x0112, 6


def touched(folder: Path, *names: str) -> None:
    """Empty files."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")


def summary(sources: list[Source]) -> list[tuple[str, str]]:
    return [(source.file_name, source.output_name.as_posix()) for source in sources]


def picture(path: Path, size_wh: tuple[int, int] = (6, 4)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = np.zeros((size_wh[1], size_wh[0], 3), np.uint8)
    image[..., 2] = 200  # red, as OpenCV's channels are BGR
    assert cv2.imwrite(str(path), image)
    return path


def test_folder_is_searched_to_its_bottom(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    names = ("b.JPG", "a/z.png", "a/b/movie.MOV", "a.gif", ".hidden.jpg", ".git/x.jpg", "notes.md", "a/.x/y.png", "no")
    touched(tmp_path, *names)
    with caplog.at_level(logging.INFO, logger="lib"):
        sources = open_inputs(str(tmp_path))
    assert summary(sources) == [
        ("a/b/movie.MOV", "a/b/movie"),
        ("a/z.png", "a/z"),
        ("a.gif", "a"),
        ("b.JPG", "b"),
    ]
    assert [type(source) for source in sources] == [VideoSource, PictureSource, VideoSource, PictureSource]
    assert [source.is_video for source in sources] == [True, False, True, False]
    assert not any(source.is_live for source in sources)
    assert [record.message.split(": ")[1].split(" such")[0] for record in caplog.records] == [
        "4 files, 3 others left out"
    ]


def test_names_never_meet(tmp_path: Path) -> None:
    touched(tmp_path, "a.jpg", "a.png", "A.bmp", "a_png.jpg", "v1.2.jpg", "v1.3.jpg", "d/a.jpg")
    names = [source.output_name.as_posix() for source in open_inputs(str(tmp_path))]
    assert len({name.casefold() for name in names}) == len(names) == 7
    assert {"v1.2", "v1.3", "d/a", "a_jpg"} <= set(names)
    twice = output_names([PurePath("x/a.jpg"), PurePath("x/a.jpg"), PurePath("x/b.jpg")])
    assert [name.as_posix() for name in twice] == ["x/a_jpg", "x/a_jpg_2", "x/b"]
    cases = output_names([PurePath("A.jpg"), PurePath("a.jpg"), PurePath("ß.png"), PurePath("SS.png")])
    assert len({name.as_posix().casefold() for name in cases}) == 4


def test_very_long_names(tmp_path: Path) -> None:
    """Results get suffixes, and numbers where two are cut to the same."""
    long = "ä" * 123
    touched(tmp_path, f"{long}1.jpg", f"{long}2.jpg", f"{long}2.png", f"{'x' * 250}.jpg")
    names = [source.output_name.name for source in open_inputs(str(tmp_path))]
    assert len(set(names)) == 4
    assert max(len(os.fsencode(name)) for name in names) <= 210
    assert {"x" * 200, "ä" * 100} <= set(names)


def test_inputs_of_several_folders_have_different_names(tmp_path: Path) -> None:
    touched(tmp_path, "p/1.jpg", "p/only.jpg", "q/1.jpg", "q/sub/2.jpg", "r/q/sub/2.jpg", "r/q/1.jpg")
    assert summary(open_inputs(str(tmp_path / "p"), str(tmp_path / "q"))) == [
        ("p/1.jpg", "p/1"),
        ("only.jpg", "only"),
        ("q/1.jpg", "q/1"),
        ("sub/2.jpg", "sub/2"),
    ]
    texts = [str(tmp_path / name) for name in ("q/1.jpg", "r/q/1.jpg", "p/1.jpg", "q/sub", "r/q/sub/2.jpg")]
    names = [source.file_name for source in open_inputs(*texts)]
    above = tmp_path.name
    assert names == [f"{above}/q/1.jpg", "r/q/1.jpg", "p/1.jpg", f"{above}/q/sub/2.jpg", "r/q/sub/2.jpg"]


def test_what_is_named_twice_is_looked_at_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    touched(tmp_path, "p/1.jpg", "p/2.jpg")
    (tmp_path / "l.txt").write_text("p/1.jpg\np/../p/1.jpg\np/2.jpg\n")
    with caplog.at_level(logging.INFO, logger="lib"):
        assert summary(open_inputs(str(tmp_path / "l.txt"))) == [("1.jpg", "1"), ("2.jpg", "2")]
    assert "1 inputs that were named before are left out" in caplog.text
    again = open_inputs(str(tmp_path / "p" / "2.jpg"), str(tmp_path / "p"), "0", "0", "rtsp://a/1", "rtsp://a/1")
    assert [source.file_name for source in again] == ["2.jpg", "1.jpg", "camera_0", "stream"]


def test_links_to_folders_are_followed_without_end(tmp_path: Path) -> None:
    touched(tmp_path, "in/a/1.jpg", "out/2.jpg")
    (tmp_path / "in" / "0_again").symlink_to(tmp_path / "in" / "a")
    (tmp_path / "in" / "link").symlink_to(tmp_path / "out")
    (tmp_path / "in" / "a" / "up").symlink_to(tmp_path / "in")
    assert [source.file_name for source in open_inputs(str(tmp_path / "in"))] == ["a/1.jpg", "link/2.jpg"]


def test_heic_is_counted_and_the_way_out_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    touched(tmp_path, "1.jpg", "2.HEIC", "s/3.heif")
    assert [source.file_name for source in open_inputs(str(tmp_path))] == ["1.jpg"]
    assert "2 HEIC pictures such as" in caplog.text
    assert "heif-convert" in caplog.text
    (source,) = open_inputs(str(tmp_path / "2.HEIC"))
    assert "input: 1 HEIC pictures" in caplog.text
    with pytest.raises(PoseError, match="not a picture"):
        list(source.frames())


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*.jpg", [("1.jpg", "1"), ("2.jpg", "2")]),
        ("**/*.jpg", [("1.jpg", "1"), ("2.jpg", "2"), ("s/3.jpg", "s/3")]),
        ("*", [("1.jpg", "1"), ("2.jpg", "2"), ("4.mp4", "4")]),
        ("s*/[0-9].jp?", [("s/3.jpg", "s/3")]),
        ("*/../*.jpg", [("1.jpg", "1"), ("2.jpg", "2")]),
        ("s/[x]/../../*.jpg", None),
    ],
)
def test_patterns(tmp_path: Path, pattern: str, expected: list[tuple[str, str]] | None) -> None:
    touched(tmp_path, "2.jpg", "1.jpg", "s/3.jpg", "s/.4.jpg", "4.mp4", "5.md", ".6.jpg")
    if expected is None:  # up and out of where the signs begin
        touched(tmp_path, "s/x/no.md")
        expected = [("1.jpg", "1"), ("2.jpg", "2")]
    assert summary(open_inputs(str(tmp_path / pattern))) == expected


def test_a_file_comes_before_a_pattern_and_a_camera(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    picture(tmp_path / "a[1].png")
    picture(tmp_path / "0.png").rename("0")
    (bracket, zero, one) = open_inputs("a[1].png", "0", "1")
    assert isinstance(bracket, PictureSource)
    assert isinstance(zero, PictureSource), "its content says that it is a picture"
    assert next(iter(zero.frames())).image[0, 0].tolist() == [200, 0, 0], "RGB"
    assert isinstance(one, CameraSource)
    assert (one.name, one.output_name, one.is_live, one.is_video) == ("camera 1", PurePath("camera_1"), True, True)


def test_list_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work = tmp_path / "work"
    touched(tmp_path, "lists/a.jpg", "lists/sub/b.mp4", "work/c.png", "top.jpg", "lists/both.png", "work/both.png")
    monkeypatch.chdir(work)
    lines = ["# mine", "a.jpg", "", "  sub/b.mp4 ", "c.png", "../top.jpg", "both.png", "gone.jpg", "rtsp://u:p@host/1"]
    (tmp_path / "lists" / "list.TXT").write_bytes("\r\n".join(lines).encode("utf-8-sig"))
    sources = open_inputs("../lists/list.TXT")
    assert summary(sources) == [
        ("lists/a.jpg", "lists/a"),
        ("lists/sub/b.mp4", "lists/sub/b"),
        ("work/c.png", "work/c"),
        ("top.jpg", "top"),
        ("lists/both.png", "lists/both"),
        ("lists/gone.jpg", "lists/gone"),
        ("stream", "stream"),
    ]
    with pytest.raises(PoseError, match=r"gone\.jpg cannot be read \(No such file"):
        list(sources[5].frames())
    assert ".." not in str(sources[3].output_name)


def test_streams_hide_their_password() -> None:
    first, second = open_inputs("rtsp://me:secret@10.0.0.1:554/a?b=1", "HTTP://x/y.m3u8")
    assert isinstance(first, StreamSource)
    assert first.name == "rtsp://10.0.0.1:554/a?b=1"
    assert "secret" in first.address
    assert [first.output_name.name, second.output_name.name] == ["stream", "stream_2"]
    assert [first.file_name, second.file_name] == ["stream", "stream_2"]
    assert first.is_live


def test_what_is_no_input(tmp_path: Path) -> None:
    touched(tmp_path, "only/readme.md", "only/.x.jpg", "empty.txt", "latin.txt")
    (tmp_path / "nothing").mkdir()
    (tmp_path / "empty.txt").write_text("# nothing\n\n")
    (tmp_path / "latin.txt").write_bytes("ä.jpg".encode("latin-1"))
    cases = {
        str(tmp_path / "nothing"): r"holds no picture or video but nothing; looked for are pictures \(\.jpg .*\.mp4",
        str(tmp_path / "only"): "but 2 other files",
        str(tmp_path / "*.jpg"): "holds no picture",
        str(tmp_path / "gone" / "*.jpg"): "holds no picture",
        str(tmp_path / "gone.jpg"): "does not exist; give a picture",
        str(tmp_path / "empty.txt"): "names no file",
        str(tmp_path / "latin.txt"): "write it as UTF-8",
        "": "does not exist",
        "-1": "does not exist",
        "~nobody-here/a.jpg": r"input '~nobody-here/a\.jpg' cannot be used \(Could not determine home directory\)",
        "a" * 300: r"cannot be used \(File name too long\)",
        "a" * 300 + "*/x.jpg": r"cannot be used \(File name too long\)|holds no picture",
        "9" * 5000: "cannot be used",
        str(tmp_path / "long.txt"): r"'a+' in line 1 of .*long\.txt cannot be used \(File name too long\); correct it",
        str(tmp_path / "user.txt"): r"'~nobody-here/x\.jpg' in line \d of .*user\.txt cannot be used",
    }
    (tmp_path / "long.txt").write_text("a" * 300)
    (tmp_path / "user.txt").write_text("~nobody-here/x.jpg")
    for text, message in cases.items():
        with pytest.raises(PoseError, match=message) as caught:
            open_inputs(text)
        assert len(str(caught.value).splitlines()) == 1
    with pytest.raises(PoseError, match="no input is named"):
        open_inputs()


def test_a_closed_folder_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    touched(tmp_path, "a.jpg", "closed/b.jpg")
    scan = os.scandir

    def scandir(folder: str) -> object:
        if folder.endswith("closed"):
            raise PermissionError(13, "Permission denied", folder)
        return scan(folder)

    monkeypatch.setattr(os, "scandir", scandir)
    assert summary(open_inputs(str(tmp_path))) == [("a.jpg", "a")]
    assert "closed cannot be read (Permission denied); it is left out" in caplog.text


def test_a_broken_file_does_not_end_the_others(tmp_path: Path) -> None:
    picture(tmp_path / "1.png", (1, 1))
    (tmp_path / "2.png").write_bytes(picture(tmp_path / "x.png").read_bytes()[:40])
    touched(tmp_path, "3.jpg", "4.mp4")
    picture(tmp_path / "5.png", (7, 3))
    write_video(tmp_path / "6.mp4", [np.zeros((1, 1, 3), np.uint8)], pix_fmt="yuv444p")
    shapes, failures = [], []
    for source in open_inputs(str(tmp_path)):
        try:
            shapes += [frame.image.shape for frame in source.frames()]
        except PoseError as error:
            failures.append(str(error))
    assert shapes == [(1, 1, 3), (3, 7, 3), (1, 1, 3), (4, 6, 3)]
    assert [failure.split()[1].rpartition("/")[2] for failure in failures] == ["2.png", "3.jpg", "4.mp4"]


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tiff", ".webp", ".ppm", ".jp2", ".jpg", ".JPEG"])
def test_picture_formats(tmp_path: Path, suffix: str) -> None:
    picture(tmp_path / f"a{suffix}", (97, 65))
    (source,) = open_inputs(str(tmp_path))
    (frame,) = source.frames()
    assert frame.image.shape == (65, 97, 3)
    assert np.abs(frame.image[32, 48].astype(int) - (200, 0, 0)).max() < 8, "RGB"
    assert (frame.index, frame.time, source.info, source.problem) == (0, 0.0, None, "")


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tiff"])
def test_rotated_phone_picture(tmp_path: Path, suffix: str) -> None:
    """AVIF and JPEG 2000 are not turned: docs/INFER.md says so."""
    exif = Image.Exif()
    exif[ORIENTATION_TAG] = QUARTER_CLOCKWISE
    image = np.zeros((12, 18, 3), np.uint8)
    image[:, :9] = (200, 0, 0)
    Image.fromarray(image).save(tmp_path / f"a{suffix}", exif=exif)
    (source,) = open_inputs(str(tmp_path / f"a{suffix}"))
    turned = next(iter(source.frames())).image
    assert turned.shape == (18, 12, 3)
    assert turned[3, 6, 0] > 150 > turned[14, 6, 0], "the left half is above now"

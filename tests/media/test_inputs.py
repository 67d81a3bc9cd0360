"""From the words of a command to the inputs of a run."""

import logging
import os
from pathlib import Path, PurePath

import cv2
import numpy as np
import pytest
from helpers.made_videos import write_video

from lib.media import Source, open_inputs
from lib.media.camera import CameraSource
from lib.media.names import output_names
from lib.media.pictures import PictureSource
from lib.media.videos import StreamSource, VideoSource
from lib.utils.errors import PoseError


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


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*.jpg", [("1.jpg", "1"), ("2.jpg", "2")]),
        ("**/*.jpg", [("1.jpg", "1"), ("2.jpg", "2"), ("s/3.jpg", "s/3")]),
        ("*", [("1.jpg", "1"), ("2.jpg", "2"), ("4.mp4", "4")]),
        ("s*/[0-9].jp?", [("s/3.jpg", "s/3")]),
    ],
)
def test_patterns(tmp_path: Path, pattern: str, expected: list[tuple[str, str]]) -> None:
    touched(tmp_path, "2.jpg", "1.jpg", "s/3.jpg", "s/.4.jpg", "4.mp4", "5.md", ".6.jpg")
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
    }
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


def test_rotated_phone_picture(tmp_path: Path) -> None:
    path = picture(tmp_path / "a.jpg", (18, 12))
    content = path.read_bytes()
    # An APP1 segment with one EXIF entry: orientation 6, to be turned a quarter clockwise.
    entry = b"\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00"
    exif = b"Exif\x00\x00MM\x00\x2a\x00\x00\x00\x08\x00\x01" + entry + b"\x00\x00\x00\x00"
    path.write_bytes(content[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + content[2:])
    (source,) = open_inputs(str(path))
    assert next(iter(source.frames())).image.shape == (18, 12, 3)

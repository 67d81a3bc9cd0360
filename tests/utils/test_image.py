import io
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from lib.utils.errors import PoseError
from lib.utils.image import decode_image, denormalize, is_cut_short_jpeg, normalize, read_image

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
ORIENTATION_TAG, TURN_LEFT = 0x0112, 6


@pytest.fixture
def pixels(rng: np.random.Generator) -> np.ndarray:
    return rng.integers(0, 256, (20, 30, 3), dtype=np.uint8)


def _encoded(image: Image.Image, form: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def test_reads_rgb(tmp_path: Path, pixels: np.ndarray) -> None:
    Image.fromarray(pixels).save(tmp_path / "a.png")
    image = read_image(tmp_path / "a.png")
    assert image.dtype == np.uint8
    np.testing.assert_array_equal(image, pixels)


def test_reads_names_with_any_letters(tmp_path: Path, pixels: np.ndarray) -> None:
    Image.fromarray(pixels).save(tmp_path / "Läufer 跑.png")
    np.testing.assert_array_equal(read_image(tmp_path / "Läufer 跑.png"), pixels)


@pytest.mark.parametrize("mode", ["L", "1", "LA"])
def test_grey_becomes_three_equal_channels(pixels: np.ndarray, mode: str) -> None:
    source = Image.fromarray(pixels[..., 0]).convert(mode)
    expected = np.asarray(source.convert("L"))
    np.testing.assert_array_equal(decode_image(_encoded(source, "PNG"), "x"), np.stack([expected] * 3, axis=-1))


def test_alpha_is_dropped(pixels: np.ndarray) -> None:
    transparent = Image.fromarray(np.dstack([pixels, np.zeros((20, 30), np.uint8)]))
    np.testing.assert_array_equal(decode_image(_encoded(transparent, "PNG"), "x"), pixels[..., ::-1])


def test_palette_is_expanded(pixels: np.ndarray) -> None:
    source = Image.fromarray(pixels).convert("P")
    expected = np.asarray(source.convert("RGB"))[..., ::-1]
    np.testing.assert_array_equal(decode_image(_encoded(source, "PNG"), "x"), expected)


@pytest.mark.parametrize(("suffix", "tolerance"), [(".png", 0), (".tiff", 1)])
def test_sixteen_bits_become_eight(pixels: np.ndarray, suffix: str, tolerance: int) -> None:
    deep = pixels.astype(np.uint16) * 256 + 77
    colour = decode_image(cv2.imencode(suffix, deep)[1].tobytes(), "x")
    np.testing.assert_allclose(colour.astype(int), pixels, atol=tolerance)
    grey = decode_image(cv2.imencode(suffix, deep[..., 0])[1].tobytes(), "x")
    np.testing.assert_allclose(grey.astype(int), np.stack([pixels[..., 0]] * 3, axis=-1), atol=tolerance)


def test_cmyk_is_converted(rng: np.random.Generator) -> None:
    smooth = cv2.resize(rng.integers(0, 256, (3, 4, 3), dtype=np.uint8), (32, 24))
    content = _encoded(Image.fromarray(smooth).convert("CMYK"), "JPEG", quality=100, subsampling=0)
    assert np.abs(decode_image(content, "x").astype(int) - smooth[..., ::-1]).max() <= 4


def test_exif_turns_only_on_demand(tmp_path: Path, pixels: np.ndarray) -> None:
    exif = Image.Exif()
    exif[ORIENTATION_TAG] = TURN_LEFT
    Image.fromarray(pixels).save(tmp_path / "a.jpg", exif=exif)
    assert read_image(tmp_path / "a.jpg").shape == (20, 30, 3)
    assert read_image(tmp_path / "a.jpg", apply_exif=True).shape == (30, 20, 3)


@pytest.mark.parametrize("keep", [0.5, 0.9])
@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_files_cut_short_are_named(tmp_path: Path, pixels: np.ndarray, form: str, keep: float) -> None:
    content = _encoded(Image.fromarray(pixels).resize((300, 200)), form)
    (tmp_path / "half").write_bytes(content[: int(keep * len(content))])
    with pytest.raises(PoseError, match="half is cut short or not a picture"):
        read_image(tmp_path / "half")


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_blocks": 3}])
def test_motion_photos_are_whole_and_cut_ones_are_not(
    rng: np.random.Generator, pixels: np.ndarray, options: dict[str, object]
) -> None:
    """Phones append a film, in which any bytes may stand, and put a small picture into the head."""
    photo = Image.fromarray(pixels).resize((300, 200))
    thumbnail = _encoded(photo.resize((32, 24)), "JPEG")
    whole = _encoded(photo, "JPEG", exif=b"Exif\x00\x00" + thumbnail, **options)
    film = rng.integers(0, 256, 20_000, dtype=np.uint8).tobytes()
    for tail in (b"", b"\x00", film, film + b"\xff\xd9 \xff\xda", b"\xff\xda" + film):
        assert not is_cut_short_jpeg(whole + tail)
        np.testing.assert_array_equal(decode_image(whole + tail, "x"), decode_image(whole, "x"))
    for keep in (*rng.uniform(0.02, 0.99, 30), 1 - 1.5 / len(whole)):
        assert is_cut_short_jpeg(whole[: int(keep * len(whole))])


@pytest.mark.parametrize("content", [b"", b"no picture"])
def test_what_is_no_picture_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.jpg").write_bytes(content)
    with pytest.raises(PoseError, match=r"a\.jpg is cut short or not a picture"):
        read_image(tmp_path / "a.jpg")


def test_pictures_beyond_what_opencv_decodes_are_named(tmp_path: Path) -> None:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", 40000, 40000, 8, 2, 0, 0, 0)
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(bytes(100))), chunk(b"IEND", b""))
    (tmp_path / "huge.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))
    with pytest.raises(PoseError, match=r"huge\.png cannot be decoded"):
        read_image(tmp_path / "huge.png")


def test_absent_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(PoseError, match=r"gone\.jpg cannot be read"):
        read_image(tmp_path / "gone.jpg")


def test_normalise_is_the_published_formula(rng: np.random.Generator) -> None:
    images = torch.from_numpy(rng.integers(0, 256, (2, 3, 5, 4), dtype=np.uint8))
    before = images.clone()
    expected = (images.double() / 255 - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)
    result = normalize(images, MEAN, STD)
    assert result.dtype == torch.float32
    torch.testing.assert_close(result, expected.float(), rtol=1e-6, atol=1e-6)
    assert torch.equal(images, before)


def test_normalise_leaves_float_images_as_they_are() -> None:
    images = torch.full((1, 3, 2, 2), 100.0)
    normalize(images, MEAN, STD)
    assert (images == 100).all()


def test_denormalise_undoes_normalise(rng: np.random.Generator) -> None:
    images = torch.from_numpy(rng.integers(0, 256, (2, 3, 5, 4), dtype=np.uint8))
    assert torch.equal(denormalize(normalize(images, MEAN, STD), MEAN, STD), images)

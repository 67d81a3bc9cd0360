"""Sizes from the first bytes of picture files."""

import cv2
import numpy as np
import pytest

from lib.utils.image_size import size_of_head


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
@pytest.mark.parametrize("size_wh", [(31, 17), (640, 480), (1, 1)])
def test_encoded_pictures(rng: np.random.Generator, suffix: str, size_wh: tuple[int, int]) -> None:
    picture = rng.integers(0, 256, (size_wh[1], size_wh[0], 3), dtype=np.uint8)
    options = [cv2.IMWRITE_JPEG_PROGRESSIVE, 1] if suffix == ".jpg" else []
    head = cv2.imencode(suffix, picture, options)[1].tobytes()[:1000]
    assert size_of_head(head) == size_wh


def test_segments_before_the_frame_are_skipped(rng: np.random.Generator) -> None:
    content = cv2.imencode(".jpg", rng.integers(0, 256, (20, 30, 3), dtype=np.uint8))[1].tobytes()
    preview = b"\xff\xe1" + (5000 + 2).to_bytes(2, "big") + b"\xff\xc0\x00\x11\x08\x00\x01\x00\x01".ljust(5000, b"\xff")
    whole = content[:2] + preview + b"\xff" + content[2:]
    assert size_of_head(whole) == (30, 20)
    assert size_of_head(whole[:4096]) is None, "more of the file is needed"


@pytest.mark.parametrize(
    "head", [b"", b"\xff\xd8", b"\x89PNG\r\n\x1a\n", b"GIF89a" + bytes(20), b"\xff\xd8" + bytes(50)]
)
def test_other_bytes_say_nothing(head: bytes) -> None:
    assert size_of_head(head) is None

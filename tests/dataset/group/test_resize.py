"""Sizes and maps of test inputs, against the published arithmetic."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference.group_views import plain_input, plain_sizes, udp_covered

from lib.dataset.group.pictures import check_sizes
from lib.dataset.group.records import GroupRecords
from lib.dataset.group.resize import PlainResize, UdpResize
from lib.utils.errors import PoseError

SIDES = st.integers(2, 900)
SCALES = st.sampled_from([(1.0,), (2.0, 1.0, 0.5), (1.0, 0.7)])


@given(SIDES, SIDES, st.sampled_from([128, 512, 640]), SCALES, st.booleans())
def test_sizes_are_the_published_ones(
    width: int, height: int, short: int, scales: tuple[float, ...], mmpose: bool
) -> None:
    resize = PlainResize(short, scales, mmpose=mmpose)
    for scale in scales:
        expected = plain_sizes((width, height), short, scale, min(scales), mmpose=mmpose)
        assert resize.input_size((width, height), scale) == expected
    if not mmpose:
        return
    udp = UdpResize(short, scales)
    assert udp.input_size((width, height)) == plain_sizes((width, height), short, 1.0, min(scales), mmpose=True)


@given(SIDES, SIDES, SCALES, st.booleans(), st.floats(0, 1), st.floats(0, 1))
def test_plain_maps(width: int, height: int, scales: tuple[float, ...], mmpose: bool, u: float, v: float) -> None:
    resize, point = PlainResize(512, scales, mmpose=mmpose), (u * width, v * height)
    for scale in scales:
        size = resize.input_size((width, height), scale)
        found = resize.to_input((width, height), scale) @ (*point, 1.0)
        assert found == pytest.approx(plain_input(point, (width, height), size, mmpose=mmpose), abs=1e-6)
    back = resize.to_image((width, height)) @ (*(resize.to_input((width, height)) @ (*point, 1.0)), 1.0)
    assert back == pytest.approx(point, abs=1e-6)


@given(SIDES, SIDES, SCALES, st.floats(0, 1), st.floats(0, 1))
def test_udp_maps(width: int, height: int, scales: tuple[float, ...], u: float, v: float) -> None:
    resize, picture = UdpResize(512, scales), (width, height)
    point = np.array([u * (width - 1), v * (height - 1)])
    covered = np.array(udp_covered(picture, resize.input_size(picture, min(scales))))
    for scale in scales:
        expected = point * (np.array(resize.input_size(picture, scale)) - 1) / covered
        assert resize.to_input(picture, scale) @ (*point, 1.0) == pytest.approx(expected, abs=1e-6)
    size = np.array(resize.input_size(picture))
    back = resize.to_image(picture) @ (100.0, 50.0, 1.0)
    assert back == pytest.approx(np.array([100.0, 50.0]) * udp_covered(picture, tuple(size)) / (size - 1), abs=1e-6)


def test_long_thin_pictures_are_named() -> None:
    sizes = np.array([[640, 480], [2000, 4]])
    records = GroupRecords(np.arange(2), np.array([1, 0]), sizes, np.zeros(3, int), np.empty((0, 17, 2)), np.empty(0))
    images = SimpleNamespace(file_name=[b"thin.jpg", b"fine.jpg"])
    with pytest.raises(PoseError, match=r"image thin\.jpg of annotation file a\.json: a picture of 2000x4 pixels"):
        check_sizes(records, images, PlainResize(512), "a.json")  # type: ignore[arg-type]
    check_sizes(records, images, PlainResize(32), "a.json")  # type: ignore[arg-type]


def test_the_two_systems_round_differently() -> None:
    original, mmpose = PlainResize(512), PlainResize(512, mmpose=True)
    # 512 / 1000 * 1001 is a little above 512, and 425 / 2 lies between two pixels.
    assert original.input_size((640, 426)) == (832, 512) == mmpose.input_size((640, 426))
    assert original.input_size((1001, 1000)) == (512, 512)
    assert mmpose.input_size((1001, 1000)) == (576, 512)
    assert original.to_image((425, 425))[0, 2] - mmpose.to_image((425, 425))[0, 2] == 1
    assert original.to_image((427, 427))[0, 2] == mmpose.to_image((427, 427))[0, 2]


@pytest.mark.parametrize("resize", [PlainResize(128), UdpResize(128)])
@pytest.mark.parametrize("picture", [(1, 1), (1, 300), (5, 3)])
def test_tiny_pictures_have_finite_maps(resize: PlainResize | UdpResize, picture: tuple[int, int]) -> None:
    width, height = resize.input_size(picture)
    assert min(width, height) == 128
    assert width % 64 == height % 64 == 0
    assert np.isfinite(resize.to_input(picture)).all()
    assert np.isfinite(resize.to_image(picture)).all()

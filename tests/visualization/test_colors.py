"""Colours in every way they may be written."""

import pytest

from lib.utils.errors import PoseError
from visualization.colors import TRACK, contrast, parse_color


@pytest.mark.parametrize(
    ("text", "color"),
    [
        ("orange", (255, 165, 0)),
        (" White ", (255, 255, 255)),
        ("#1a2B3c", (26, 43, 60)),
        ("1, 2,255", (1, 2, 255)),
        ("track", TRACK),
    ],
)
def test_colors(text: str, color: object) -> None:
    assert parse_color(text) == color


@pytest.mark.parametrize("text", ["", "oranje", "#12345", "##123456", "123456", "1,2", "1,2,256", "-1,2,3", "1,2,3,4"])
def test_no_color(text: str) -> None:
    with pytest.raises(PoseError, match=r"is no colour; give a name such as orange, #rrggbb, three numbers") as error:
        parse_color(text)
    assert len(str(error.value).splitlines()) == 1


def test_letters_can_be_read() -> None:
    assert contrast((255, 255, 0)) == contrast((200, 200, 200)) == (0, 0, 0)
    assert contrast((0, 0, 255)) == contrast((120, 0, 0)) == (255, 255, 255)

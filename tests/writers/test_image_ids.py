"""COCO's own ids where every picture has one, running numbers elsewhere."""

import pytest

from lib.writers.image_ids import ImageIds


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["000000000139.jpg", "val/000000000285.png"], [139, 285]),
        (["COCO_val2014_000000000042.jpg"], [42]),
        (["1.jpg", "0.jpg"], [1, 0]),
        (["a/1.jpg", "b/1.jpg"], [1, 2]),
        (["139.jpg", "holiday.jpg"], [1, 2]),
        (["IMG_139.jpg"], [1]),
        (["9" * 30 + ".jpg"], [1]),
    ],
)
def test_pictures(names: list[str], expected: list[int]) -> None:
    ids = ImageIds(names)
    assert [ids.next(name) for name in names] == expected


def test_frames_are_counted_through_all_videos() -> None:
    ids = ImageIds([])
    assert [ids.next("7.mp4") for _ in range(3)] == [1, 2, 3]

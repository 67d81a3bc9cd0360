"""Everything that tools/infer.py can be asked to draw."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from lib.skeletons import load_skeleton
from lib.skeletons.subset import keypoint_subset
from lib.utils.errors import PoseError
from visualization.colors import TRACK
from visualization.people_pictures import DrawingOptions, draw_people, person_labels
from visualization.shapes import BOX_COLOR
from visualization.styles import STYLE_NAMES, make_style, person_color

COCO = load_skeleton("coco")
BOXES = np.array([[10.0, 20.0, 130.0, 150.0], [180.0, 20.0, 110.0, 160.0]])
BARE = DrawingOptions(show_boxes=False)


def grey() -> np.ndarray:
    return np.full((200, 320, 3), 128, dtype=np.uint8)


def two_people() -> np.ndarray:
    """All keypoints of both far apart, (2, 17, 3)."""
    places = np.arange(17)
    one = np.stack([20.0 + 24 * (places % 5), 30.0 + 40 * (places // 5), np.full(17, 0.9)], axis=1)
    return np.stack([one, one + np.array([165.0, 0, 0])])


def draw(keypoints: np.ndarray, options: DrawingOptions, **more: Any) -> np.ndarray:
    return draw_people(grey(), keypoints, COCO, options=options, **more)


def at(picture: np.ndarray, keypoint: np.ndarray) -> tuple[int, ...]:
    return tuple(picture[round(float(keypoint[1])), round(float(keypoint[0]))].tolist())


@pytest.mark.parametrize("style", STYLE_NAMES)
def test_styles_and_untouched_inputs(style: str) -> None:
    image, people, boxes = grey(), two_people(), BOXES.copy()
    drawn = draw_people(image, people, COCO, boxes=boxes, options=DrawingOptions(style=style, radius=3, thickness=1))
    for number, rows in enumerate(people):
        colors = make_style(style, COCO, number).point_colors
        assert [at(drawn, row) for row in rows] == list(colors)
    assert at(drawn, np.array([10, 100])) == BOX_COLOR
    assert (image == 128).all()
    assert np.array_equal(people, two_people())
    assert np.array_equal(boxes, BOXES)


def test_threshold_is_for_keypoints_and_both_ends_of_limbs() -> None:
    people = two_people()[:1]
    people[0, :, 2] = 0.0
    people[0, [5, 7], 2] = (0.9, 0.3)
    seen = draw(people, DrawingOptions(show_boxes=False, kpt_threshold=0.29, radius=3, thickness=3))
    assert at(seen, people[0, 7]) != (128,) * 3
    assert at(seen, people[0, [5, 7]].mean(axis=0)) != (128,) * 3
    left = draw(people, DrawingOptions(show_boxes=False, radius=3, thickness=3))
    assert at(left, people[0, 5]) != (128,) * 3
    assert at(left, people[0, 7]) == at(left, people[0, [5, 7]].mean(axis=0)) == (128,) * 3


def test_subset_hides_keypoints_and_keeps_the_size() -> None:
    people = two_people()
    mask = keypoint_subset(COCO, "nose,*wrist")
    part, whole = draw(people, DrawingOptions(show_boxes=False, subset=mask)), draw(people, BARE)
    hidden = [at(part, row) == (128,) * 3 for row in people[0]]
    assert hidden == (~mask).tolist()
    nose = (slice(20, 41), slice(10, 31))
    changed = [(picture[nose] != 128).any(axis=2).sum() for picture in (part, whole)]
    assert 0 < changed[0] <= changed[1]
    alone = people.copy()
    alone[:, 1:, 2] = 0
    assert changed[0] > (draw(alone, BARE)[nose] != 128).any(axis=2).sum(), "not drawn as a person of one point"


def test_boxes_and_their_colours() -> None:
    people = np.zeros((2, 17, 3))
    line = np.array([[10.0, 100.0], [180.0, 100.0]])
    for color, expected in (((1, 2, 3), [(1, 2, 3)] * 2), (TRACK, [person_color(4), person_color(-2)])):
        drawn = draw(people, DrawingOptions(box_color=color), boxes=BOXES, track_ids=[4, -1])
        assert [at(drawn, point) for point in line] == expected
    assert np.array_equal(draw(people, BARE, boxes=BOXES), grey())
    assert np.array_equal(draw(people, DrawingOptions()), grey()), "there are none"


def test_a_track_keeps_its_colour() -> None:
    people = two_people()
    style = DrawingOptions(show_boxes=False, style="people", radius=3)
    one = draw(people, style, track_ids=np.array([5, 9]))
    other = draw(people[::-1], style, track_ids=np.array([9, 5]))
    assert [at(one, row) for row in people[:, 0]] == [at(other, row) for row in people[:, 0]]
    assert at(one, people[0, 0]) == person_color(5)


def test_labels() -> None:
    assert person_labels([0.874, 1.0], np.array([3, -1])) == ["#3 0.87", "1.00"]
    assert person_labels([0.5]) == ["0.50"]
    people = np.zeros((2, 17, 3))
    options = DrawingOptions(show_boxes=False, show_labels=True, box_color=(0, 0, 200))
    drawn = draw(people, options, labels=["#3 0.87", "#4 0.11"], boxes=BOXES)
    tags = (drawn == (0, 0, 200)).all(axis=2)
    assert tags[:22, 10:60].any()
    assert tags[:22, 180:230].any()
    assert not tags[22:].any()
    assert np.array_equal(draw(people, BARE, labels=["a", "b"], boxes=BOXES), grey()), "not asked for"
    assert np.array_equal(draw(people, options, labels=["a", "b"]), grey()), "nobody is seen and has a place"
    assert not np.array_equal(draw(two_people(), options, labels=["a", "b"]), draw(two_people(), BARE))


def test_black_background_and_heatmap() -> None:
    people = two_people()
    black = draw(people, DrawingOptions(black_background=True))
    assert black.shape == grey().shape
    assert (black[-20:] == 0).all()
    assert at(black, people[0, 0]) == at(draw(people, BARE), people[0, 0])
    maps = (np.ones((1, 20, 20)), np.array([[[1.0, 0, 300], [0, 1.0, 180]]]))
    hot = draw(people, DrawingOptions(black_background=True, heatmap=True), heatmaps=maps)
    assert hot[190, 310].any(), "scores are seen on black as well"
    assert np.array_equal(draw(people, BARE, heatmaps=maps), draw(people, BARE)), "not asked for"


def test_nobody() -> None:
    full = DrawingOptions(show_labels=True, heatmap=True)
    nothing = (np.empty((0, 64, 48)), np.empty((0, 2, 3)))
    drawn = draw(np.empty((0, 17, 3)), full, boxes=np.empty((0, 4)), track_ids=[], labels=[], heatmaps=nothing)
    assert np.array_equal(drawn, grey())


@pytest.mark.parametrize("size", [6.0, 14.0])
def test_radius_and_thickness_are_pixels(size: float) -> None:
    people = np.zeros((1, 17, 3))
    people[0, [5, 7]] = [(60, 100, 0.9), (260, 100, 0.9)]  # left shoulder and elbow, one limb
    colors = make_style("sides", COCO)
    radius = draw(people, DrawingOptions(show_boxes=False, style="sides", radius=size, thickness=1))
    left_half = (radius[:, :60] == colors.point_colors[5]).all(axis=2).sum()
    assert (2 * left_half / np.pi) ** 0.5 == pytest.approx(size, rel=0.2)
    thickness = draw(people, DrawingOptions(show_boxes=False, style="sides", radius=1, thickness=size))
    across = (thickness[:, 160] == colors.point_colors[5]).all(axis=1).sum()
    assert across == pytest.approx(size, abs=1.1)


def test_a_person_without_a_track_has_nobodys_colour() -> None:
    people = two_people()
    style = DrawingOptions(show_boxes=False, style="people", radius=3)
    drawn = draw(people, style, track_ids=np.array([1, -1]))
    assert at(drawn, people[0, 0]) == person_color(1) != at(drawn, people[1, 0])


def test_a_threshold_that_is_no_number() -> None:
    with pytest.raises(PoseError, match="no number hides everybody"):
        DrawingOptions(kpt_threshold=np.nan)


@pytest.mark.parametrize("size", [0, -1.0, np.nan, np.inf, 1001, 1e9])
def test_sizes_that_cannot_be_drawn(size: float) -> None:
    for name in ("radius", "thickness"):
        with pytest.raises(PoseError, match=f"^{name} .* cannot be drawn; give a number of pixels above 0"):
            DrawingOptions(**{name: size})


def test_arrays_that_do_not_lie_in_one_piece() -> None:
    wide = np.random.default_rng(0).integers(0, 255, (90, 140, 3), dtype=np.uint8)
    for view in (wide[::2, ::-1], wide.transpose(1, 0, 2), wide[..., ::-1]):
        drawn = draw_people(view, two_people()[:, ::1], COCO, boxes=BOXES)
        assert np.array_equal(drawn, draw_people(view.copy(), two_people(), COCO, boxes=BOXES))


NUMBERS = st.one_of(st.floats(-400, 400), st.sampled_from([np.nan, np.inf, -np.inf, 1e9, -1e9, 1e300]))


@settings(max_examples=40, deadline=None)
@given(
    st.tuples(st.integers(1, 9), st.integers(1, 9)),
    arrays.arrays(np.float64, (2, 17, 3), elements=NUMBERS),
    arrays.arrays(np.float64, (2, 4), elements=NUMBERS),
)
def test_any_numbers_on_any_picture(size: tuple[int, int], keypoints: np.ndarray, boxes: np.ndarray) -> None:
    image = np.full((*size, 3), 9, dtype=np.uint8)
    options = DrawingOptions(show_labels=True, heatmap=True, kpt_threshold=0.0)
    maps = (keypoints[:, :16], boxes[:, :3].repeat(2, axis=0).reshape(2, 2, 3))
    drawn = draw_people(image, keypoints, COCO, boxes=boxes, labels=["#1 1.00"] * 2, heatmaps=maps, options=options)
    assert drawn.shape == image.shape
    assert (image == 9).all()

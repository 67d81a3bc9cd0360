"""Poses, boxes, grids: the right pixels change, the input never does, any keypoint set works."""

from pathlib import Path

import numpy as np
import pytest

from lib.skeletons import Skeleton, load_skeleton, skeleton_from_dict
from lib.utils.errors import PoseError
from lib.utils.image import read_image
from visualization.drawing import draw_boxes, draw_pose, draw_poses, heatmap_grid, pose_grid, side_by_side
from visualization.raster import captioned, draw_shapes, save_image
from visualization.shapes import Disc, Segment, pose_shapes
from visualization.styles import STYLE_NAMES, make_style

COCO = load_skeleton("coco")
SMALL = skeleton_from_dict(
    {
        "name": "arm",
        "names": ["shoulder", "left_hand", "right_hand"],
        "flip_pairs": [[1, 2]],
        "limbs": [[0, 1], [0, 2]],
    },
    "test",
)


def grey() -> np.ndarray:
    return np.full((200, 160, 3), 128, dtype=np.uint8)


def spread(skeleton: Skeleton) -> np.ndarray:
    """Keypoints far apart, all visible."""
    count = skeleton.num_keypoints
    places = np.arange(count)
    return np.stack([20.0 + 24 * (places % 5), 20.0 + 40 * (places // 5), np.ones(count)], axis=1)


@pytest.mark.parametrize("style", STYLE_NAMES)
@pytest.mark.parametrize("skeleton", [COCO, SMALL], ids=["coco", "arm"])
def test_joints_have_their_colours_and_the_input_is_untouched(skeleton: Skeleton, style: str) -> None:
    image, keypoints = grey(), spread(skeleton)
    before = keypoints.copy()
    drawn = draw_pose(image, keypoints, skeleton, style=style, radius=3, line_width=1)
    colors = make_style(style, skeleton).point_colors
    for (x, y, _), color in zip(keypoints, colors, strict=True):
        assert tuple(drawn[int(y), int(x)]) == color
    assert (image == 128).all()
    assert np.array_equal(keypoints, before)
    assert drawn.dtype == np.uint8
    assert drawn.shape == image.shape


def test_a_limb_joins_its_keypoints() -> None:
    keypoints = np.array([[20.0, 100, 1], [140, 100, 1], [20, 20, 0]])
    drawn = draw_pose(grey(), keypoints, SMALL, style="sides", line_width=3)
    assert tuple(drawn[100, 80]) == make_style("sides", SMALL).limb_colors[0]
    assert (drawn[60, 20] == 128).all(), "the limb to the keypoint without a score is left out"
    assert (drawn[20, 20] == 128).all()


def test_one_keypoint_and_none() -> None:
    keypoints = spread(COCO)
    keypoints[:, 2] = 0
    assert np.array_equal(draw_pose(grey(), keypoints, COCO), grey())
    keypoints[7, 2] = 0.9
    drawn = draw_pose(grey(), keypoints, COCO)
    rows, columns = np.nonzero((drawn != 128).any(axis=2))
    assert np.abs(rows - keypoints[7, 1]).max() < 8
    assert np.abs(columns - keypoints[7, 0]).max() < 8


def test_threshold_is_exclusive_and_nan_is_not_drawn() -> None:
    keypoints = spread(SMALL)
    keypoints[:, 2] = 0.5
    assert np.array_equal(draw_pose(grey(), keypoints, SMALL, threshold=0.5), grey())
    keypoints[0, 0] = np.nan
    assert not np.array_equal(draw_pose(grey(), keypoints, SMALL, threshold=0.4), grey())


def test_keypoints_outside_the_picture() -> None:
    keypoints = np.array([[-500.0, -500, 1], [900, 900, 1], [80, -3, 1]])
    assert draw_pose(grey(), keypoints, SMALL).shape == grey().shape


def test_discs_cover_their_area_at_sub_pixel_places() -> None:
    black = np.zeros((40, 40, 3), dtype=np.uint8)
    for radius in (1.0, 2.0, 5.0):
        for shift in (0.0, 0.3, 0.5):
            center = (20.0 + shift, 20.0)
            drawn = draw_shapes(black, [Disc(center, radius, (255, 255, 255))])[..., 0] / 255.0
            assert drawn.sum() == pytest.approx(np.pi * radius**2, rel=0.12)
            assert (drawn * np.arange(40)).sum() / drawn.sum() == pytest.approx(center[0], abs=0.1)


def test_styles() -> None:
    assert len(make_style("chunhua", COCO).limbs) == 16
    assert set(make_style("sides", COCO).limbs) == set(COCO.limbs)
    assert make_style("people", COCO, 0).point_colors != make_style("people", COCO, 1).point_colors
    sides = make_style("sides", SMALL)
    assert sides.limb_colors == sides.point_colors[1:], "a limb from the middle has the colour of its side"
    with pytest.raises(PoseError, match="style 'none' does not exist; choose one of chunhua"):
        make_style("none", COCO)


def test_small_people_get_thin_lines() -> None:
    widths = []
    for size in (40.0, 400.0):
        keypoints = spread(COCO) * (size / 100, size / 100, 1)
        widths.append(
            max(s.width for s in pose_shapes(keypoints, make_style("chunhua", COCO)) if isinstance(s, Segment))
        )
    assert widths[0] < widths[1]


def test_boxes() -> None:
    image = grey()
    drawn = draw_boxes(image, [[40, 50, 60, 80], [np.nan, 0, 1, 1]], line_width=3)
    assert tuple(drawn[50, 70]) == tuple(drawn[90, 100]) == (255, 255, 255)
    assert (drawn[90, 70] == 128).all()
    assert (image == 128).all()
    assert np.array_equal(draw_boxes(image, np.empty((0, 4))), image)


def test_side_by_side_and_captions() -> None:
    row = side_by_side([grey(), grey()[:100]], gap=4)
    assert row.shape == (200, 324, 3)
    named = side_by_side([grey(), grey()], ["ground truth", "a prediction whose name is far too long for its picture"])
    assert named.shape[0] > 200
    assert named[:18].max() > 200, "there is light text in the bar"
    assert captioned(grey(), "").shape[1] == 160


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_save_image(tmp_path: Path, suffix: str) -> None:
    image = np.zeros((20, 30, 3), dtype=np.uint8)
    image[..., 0] = 200
    save_image(tmp_path / "new" / f"picture.{suffix}", image)
    assert np.abs(read_image(tmp_path / "new" / f"picture.{suffix}").astype(int) - image).max() < 6
    with pytest.raises(PoseError, match="no suffix of a picture format"):
        save_image(tmp_path / "picture.txt", image)


def test_a_picture_that_its_format_does_not_take(tmp_path: Path) -> None:
    with pytest.raises(PoseError, match=r"wide\.jpg cannot be written: \.jpg does not take 70000 x 2 pixels"):
        save_image(tmp_path / "wide.jpg", np.zeros((2, 70000, 3), dtype=np.uint8))
    assert not list(tmp_path.iterdir())


def test_pose_grid() -> None:
    images = np.stack([grey()] * 5)
    keypoints = np.stack([spread(COCO)] * 5)
    keypoints[4, :, 2] = 0
    grid = pose_grid(images, keypoints, COCO, columns=2)
    assert grid.shape == (3 * 200 + 4, 2 * 160 + 2, 3)
    assert np.array_equal(grid[404:, :160], grey()), "the last person has no visible keypoint"
    assert (images == 128).all()


def test_heatmap_grid(rng: np.random.Generator) -> None:
    images = rng.integers(0, 255, (2, 64, 48, 3), dtype=np.uint8)
    maps = np.zeros((2, 3, 16, 12), dtype=np.float32)
    maps[:, 0, 8, 3] = 0.7
    before = maps.copy()
    grid = heatmap_grid(images, maps, zoom=2)
    assert grid.shape == (2 * 32 + 2, 4 * 24 + 3 * 2, 3)
    assert np.array_equal(maps, before)
    one = heatmap_grid(images[0], maps[0], zoom=2)
    assert np.array_equal(one, grid[:32])
    warm = one[:, 26:50].astype(int)
    assert warm[16:18, 6:8].mean() > warm[:4].mean() + 40, "the peak is bright"
    assert heatmap_grid(images, np.full_like(maps, np.nan)).shape[0] > 0, "broken maps can be looked at"
    assert draw_poses(images[0], np.empty((0, 17, 3)), COCO).shape == (64, 48, 3)


def test_small_parts_of_a_whole_body_are_drawn_finer() -> None:
    whole = load_skeleton("coco_wholebody")
    sizes = dict(zip(whole.names, make_style("sides", whole).point_sizes, strict=True))
    assert sizes["face-3"] < sizes["left_thumb2"] < sizes["left_eye"] < sizes["left_wrist"] == 1.0
    assert set(make_style("sides", load_skeleton("hand")).point_sizes) == {1.0}, "a hand of its own is not fine"
    keypoints = np.concatenate([np.random.default_rng(0).uniform(5, 150, (133, 2)), np.ones((133, 1))], axis=1)
    discs = [shape for shape in pose_shapes(keypoints, make_style("sides", whole)) if isinstance(shape, Disc)]
    outlines, points = discs[::2], discs[1::2]
    margins = [outline.radius - point.radius for outline, point in zip(outlines, points, strict=True)]
    assert margins[26] < margins[1] == pytest.approx(margins[9])


def test_fingers_have_colours_of_their_own() -> None:
    hand, whole = load_skeleton("hand"), load_skeleton("coco_wholebody")
    for style in ("sides", "chunhua", "mmpose"):
        drawn = make_style(style, hand)
        assert len(set(drawn.point_colors)) == 6
        assert drawn.limb_colors == drawn.point_colors[1:], "a finger's limbs have its colour, from the wrist on"
    assert len(set(make_style("people", hand).point_colors)) == 1
    by_name = dict(zip(whole.names, make_style("mmpose", whole).point_colors, strict=True))
    assert by_name["left_thumb1"] == by_name["right_thumb4"] != by_name["left_ring_finger1"]
    assert by_name["face-5"] == (255, 255, 255)
    sides = dict(zip(whole.names, make_style("sides", whole).point_colors, strict=True))
    assert sides["left_thumb1"] == sides["left_wrist"] == sides["face-12"] != sides["right_thumb1"] == sides["face-4"]

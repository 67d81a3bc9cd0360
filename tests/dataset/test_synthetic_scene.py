"""Joints, visibility, boxes and areas of synthetic people agree with what is drawn."""

from typing import Any

import numpy as np
import pytest

from lib.dataset.synthetic.body import FRAMES, NUM_FRAMES, forward_kinematics, sample_shape
from lib.dataset.synthetic.figure import Camera, Person, person_parts
from lib.dataset.synthetic.outfit import sample_outfit
from lib.dataset.synthetic.pose import FAMILIES, Pose, rotations, sample_pose
from lib.dataset.synthetic.render import Board, Canvas, Capsule, Light, Part, draw_parts
from lib.dataset.synthetic.scene import SceneSpec, _annotate, render_scene
from lib.dataset.synthetic.statistics import measure
from lib.dataset.synthetic.texture import Material
from lib.skeletons.skeleton import load_skeleton

NAMES = load_skeleton("coco").names
LIGHT = Light((0.0, -0.1, 0.2), 0.7)
CAMERA = Camera(np.array([80.3, 100.6]), 80.0, 8.0)
Annotation = dict[str, Any]


def upright(rng: np.random.Generator, yaw: float, spread: float = 0.6, forward: float = 0.0) -> Person:
    """A person who stands with the arms spread and forward by angles in radians, turned by `yaw` degrees."""
    angles = np.zeros((NUM_FRAMES, 3))
    angles[FRAMES["left_upper_arm"], :2] = -spread, -forward
    angles[FRAMES["right_upper_arm"], :2] = spread, -forward
    root = rotations(np.radians([[0, 0, yaw]]))[0]
    shape = sample_shape(rng)
    origins, axes = forward_kinematics(shape, rotations(angles), root)
    return Person(shape, Pose("stand", angles, root, "front"), sample_outfit(rng, "train"), origins, axes)


def annotated(person: Person, *things: Part) -> tuple[Canvas, Annotation]:
    """Draw one person with things before them."""
    canvas = Canvas(np.zeros((3, 240, 160), np.float32))
    draw_parts(canvas, person_parts(person, CAMERA), LIGHT)
    figure = canvas.figure
    canvas.start_figure()
    draw_parts(canvas, list(things), LIGHT)
    return canvas, _annotate(person, CAMERA, figure, canvas.depth)


def visibility(annotation: Annotation) -> dict[str, int]:
    return dict(zip(NAMES, annotation["keypoints"][2::3], strict=True))


@pytest.fixture(scope="module")
def scenes() -> list[tuple[np.ndarray, list[Annotation]]]:
    return [render_scene(np.random.default_rng([3, index]), SceneSpec(split="val")) for index in range(60)]


def test_limbs_end_exactly_at_the_joints(rng: np.random.Generator) -> None:
    """Every shoulder, elbow, wrist, hip, knee and ankle is the end of a drawn limb, whatever the pose."""
    for _ in range(10):
        shape, pose = sample_shape(rng), sample_pose(rng)
        origins, axes = forward_kinematics(shape, rotations(pose.angles), pose.root)
        person = Person(shape, pose, sample_outfit(rng, "train"), origins, axes)
        ends = [
            end for part in person_parts(person, CAMERA) if isinstance(part, Capsule) for end in (part.start, part.end)
        ]
        joints = CAMERA.project(person.joints())[5:]
        distance = np.linalg.norm(joints[:, None] - np.array(ends)[None], axis=2).min(axis=1)
        assert distance.max() < 1e-9


def test_a_person_who_faces_the_camera_has_their_left_at_the_right(rng: np.random.Generator) -> None:
    joints = CAMERA.project(upright(rng, 0).joints())
    left = [index for index, name in enumerate(NAMES) if name.startswith("left")]
    right = [index for index, name in enumerate(NAMES) if name.startswith("right")]
    assert (joints[left, 0] > joints[right, 0]).all()
    # From the head down.
    assert (np.diff(joints[[1, 5, 11, 13, 15], 1]) > 0).all()


def test_faces_are_visible_from_the_front_only(rng: np.random.Generator) -> None:
    front, back = (visibility(annotated(upright(rng, yaw))[1]) for yaw in (0, 180))
    assert set(front.values()) == {2}
    assert {back[name] for name in ("nose", "left_eye", "right_eye")} == {1}
    assert {back[name] for name in NAMES[5:]} == {2}


@pytest.mark.parametrize(("yaw", "near", "far"), [(90, "left", "right"), (270, "right", "left")])
def test_the_far_side_is_hidden_from_the_side(rng: np.random.Generator, yaw: float, near: str, far: str) -> None:
    seen = visibility(annotated(upright(rng, yaw, 0.0, 1.2))[1])
    for joint in ("eye", "ear", "shoulder", "hip"):
        assert seen[f"{near}_{joint}"] == 2
        assert seen[f"{far}_{joint}"] == 1
    assert seen["nose"] == 2


def test_things_hide_exactly_the_joints_behind_them(rng: np.random.Generator) -> None:
    person = upright(rng, 0)
    board = Board(np.array([85.0, 110.0, -1e4]), (14.0, 40.0), 0.0, Material(np.zeros((3, 1, 1), np.float32)))
    canvas, annotation = annotated(person, board)
    keypoints = np.array(annotation["keypoints"]).reshape(17, 3)
    behind = (np.abs(keypoints[:, 0] - 85) < 14) & (np.abs(keypoints[:, 1] - 110) < 40)
    assert 0 < behind.sum() < 17
    np.testing.assert_array_equal(keypoints[:, 2], np.where(behind, 1, 2))
    # The area is that of the whole figure, what the board hides included.
    assert annotation["area"] == annotated(person)[1]["area"]
    row, column = np.rint(keypoints[behind][0, 1::-1]).astype(int)
    assert canvas.image[:, row, column].max() == 0


def test_both_sides_wear_the_same(rng: np.random.Generator) -> None:
    person = upright(rng, 0)
    limbs = [part for part in person_parts(person, CAMERA) if isinstance(part, Capsule)]
    middle = CAMERA.center[0]
    left = [part for part in limbs if (part.start + part.end)[0] > 2 * middle + 1e-6]
    assert len(left) == 6
    for part in left:
        mirrored = [
            other
            for other in limbs
            if np.allclose(other.start[:2] + part.start[:2], [2 * middle, 2 * part.start[1]])
            and np.allclose(other.end[:2] + part.end[:2], [2 * middle, 2 * part.end[1]])
        ]
        assert len(mirrored) == 1
        for mine, other in ((part.material, mirrored[0].material), (part.rest, mirrored[0].rest)):
            assert (mine is None) == (other is None)
            if mine is not None and other is not None:
                assert mine.color is other.color
                assert mine.pattern is other.pattern
        assert mirrored[0].radii == pytest.approx(part.radii)
        assert mirrored[0].cut == part.cut
        assert (part.pads is None) == (mirrored[0].pads is None)
        if part.pads is not None and mirrored[0].pads is not None:
            assert part.pads.color is mirrored[0].pads.color
            assert (part.pads.start, part.pads.end) == (mirrored[0].pads.start, mirrored[0].pads.end)


def test_the_same_generator_gives_the_same_picture(scenes: list[tuple[np.ndarray, list[Annotation]]]) -> None:
    image, people = render_scene(np.random.default_rng([3, 5]), SceneSpec(split="val"))
    np.testing.assert_array_equal(image, scenes[5][0])
    assert people == scenes[5][1]
    other, _ = render_scene(np.random.default_rng([3, 6]), SceneSpec(split="val"))
    assert not np.array_equal(image, other)


def test_annotations_are_consistent(scenes: list[tuple[np.ndarray, list[Annotation]]]) -> None:
    for image, people in scenes:
        assert image.shape == (256, 320, 3)
        assert image.dtype == np.uint8
        for one in people:
            keypoints = np.array(one["keypoints"]).reshape(17, 3)
            labelled = keypoints[:, 2] > 0
            x, y, width, height = one["bbox"]
            assert one["num_keypoints"] == labelled.sum()
            assert (keypoints[~labelled] == 0).all()
            assert 0 <= x <= x + width <= 319
            assert 0 <= y <= y + height <= 255
            assert 0 < one["area"] <= (width + 2) * (height + 2)
            points = keypoints[labelled, :2]
            assert (points >= np.array([x, y]) - 1).all()
            assert (points <= np.array([x + width, y + height]) + 1).all()


def test_things_do_not_enlarge_the_people_behind_them() -> None:
    # People are drawn before the things, so the same seed places the same people.
    for seed in range(8):
        plain, cluttered = (
            render_scene(np.random.default_rng(seed), SceneSpec(objects=objects))[1] for objects in (0, 12)
        )
        assert [one["bbox"] for one in plain] == [one["bbox"] for one in cluttered]
        assert [one["area"] for one in plain] == [one["area"] for one in cluttered]


def test_the_held_out_pictures_are_hard(scenes: list[tuple[np.ndarray, list[Annotation]]]) -> None:
    annotations = [{"image_id": number, **one} for number, (_, people) in enumerate(scenes) for one in people]
    statistics = measure([{} for _ in scenes], annotations)
    assert 0.18 < statistics["occluded"] < 0.32
    assert 0.08 < statistics["truncated"] < 0.35
    assert statistics["views"]["back"] > 0.05
    assert min(statistics["views"].values()) > 0.05
    assert set(statistics["people_per_image"]) == {"1", "2", "3", "4"}
    assert statistics["people"] / statistics["images"] > 1.7
    assert len(statistics["poses"]) >= len(FAMILIES) - 2
    assert 0.6 < statistics["medium"] < 1


def test_a_spec_limits_the_scene(rng: np.random.Generator) -> None:
    spec = SceneSpec(size_wh=(128, 96), people=(2, 2), stature=(30, 40), objects=0, truncated=0.0)
    counts = []
    for _ in range(10):
        image, people = render_scene(rng, spec)
        assert image.shape == (96, 128, 3)
        counts.append(len(people))
        assert not any(one["truncated"] for one in people)
    assert max(counts) == 2

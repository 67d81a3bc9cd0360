"""Boxes for the next frame from the poses of this one."""

import json
from pathlib import Path

import numpy as np
import pytest
from helpers.moving_people import SIZE_WH, Walk, people_of

from lib.tracking.boxes import box_overlap, boxes_from_poses
from lib.utils.people import Boxes, People, pose_extents


def _standing(*places: tuple[float, float]) -> People:
    points = np.stack([Walk(place, (0, 0)).points(0.0) for place in places])
    return people_of(np.concatenate([points, np.full((*points.shape[:2], 1), 0.9)], axis=-1))


def test_boxes_hold_the_poses_with_a_margin() -> None:
    people = _standing((300, 360), (700, 300))
    boxes = boxes_from_poses(people, SIZE_WH, margin=0.1)
    points = people.keypoints[..., :2]
    longer = np.ptp(points, axis=1).max(axis=1)
    np.testing.assert_allclose(boxes.xywh[:, :2], points.min(axis=1) - 0.1 * longer[:, None])
    np.testing.assert_allclose(boxes.xywh[:, 2:], np.ptp(points, axis=1) + 0.2 * longer[:, None])


def test_boxes_end_at_the_picture() -> None:
    boxes = boxes_from_poses(_standing((0, 360), (1280, 700), (640, 360)), SIZE_WH)
    low, high = boxes.xywh[:, :2], boxes.xywh[:, :2] + boxes.xywh[:, 2:]
    assert len(boxes) == 3
    assert (low >= 0).all()
    assert (high <= SIZE_WH).all()
    assert low[0, 0] == 0
    assert high[1].tolist() == [1280, 720]


def test_who_is_dropped() -> None:
    people = _standing((300, 360), (-60, 360), (500, 360), (700, 360), (900, 360))
    keypoints, scores = people.keypoints.copy(), people.scores.copy()
    scores[2] = 0.05
    keypoints[3, 2:, 2] = 0.1  # two keypoints left
    keypoints[4, :14] = np.nan  # three left
    people = People(Boxes(people.boxes.xywh, np.array([0.5, 0.6, 0.7, 0.8, 0.9])), keypoints, scores)
    boxes = boxes_from_poses(people, SIZE_WH)
    assert boxes.scores.tolist() == [0.5, 0.9], "the detector's scores, not the poses'"
    assert np.isfinite(boxes.xywh).all()
    assert len(boxes_from_poses(people, SIZE_WH, keypoint_score=0.05)) == 3


def test_nobody_one_keypoint_and_a_point() -> None:
    assert len(boxes_from_poses(People.none(17), SIZE_WH)) == 0
    one = people_of(np.array([[[100.0, 100.0, 0.9]]]))
    assert len(boxes_from_poses(one, SIZE_WH)) == 0, "a single point has no extent to look at"
    many = people_of(np.random.default_rng(0).uniform(100, 300, (31, 133, 3)))
    assert len(boxes_from_poses(many, SIZE_WH)) == 31


def test_the_box_of_real_people_is_close_to_the_annotated_one(shared: Path) -> None:
    content = json.loads((shared / "coco-mini" / "annotations" / "person_keypoints_val2017.json").read_text())
    sizes = {image["id"]: (image["width"], image["height"]) for image in content["images"]}
    overlaps = []
    for person in content["annotations"]:
        rows = np.reshape(person["keypoints"], (1, 17, 3)).astype(float)
        if (rows[..., 2] > 0).sum() >= 12:
            boxes = boxes_from_poses(people_of(rows), sizes[person["image_id"]])
            overlaps.append(box_overlap(boxes.xywh[0], np.array(person["bbox"], dtype=float)))
    assert len(overlaps) > 10
    assert np.median(overlaps) > 0.75


def test_extents_and_overlap() -> None:
    points = np.array([[[1.0, 5.0], [4.0, 2.0], [900.0, 900.0]]])
    assert pose_extents(points, np.array([[True, True, False]])).tolist() == [[1, 2, 3, 3]]
    assert pose_extents(points, np.zeros((1, 3), dtype=bool)).tolist() == [[0, 0, 0, 0]]
    box = np.array([0.0, 0.0, 10.0, 10.0])
    assert box_overlap(box, np.array([5.0, 0.0, 10.0, 10.0])) == pytest.approx(1 / 3)
    assert box_overlap(box * 0, box * 0) == 0

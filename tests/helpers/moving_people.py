"""People who walk through a picture, with the truth of who is who in every frame."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from lib.skeletons import load_skeleton
from lib.tracking import boxes as pose_boxes
from lib.utils.people import NO_TRACK, Boxes, People

SIZE_WH = (1280, 720)
SIGMAS = load_skeleton("coco").sigmas_array
# COCO's keypoints of somebody who stands, in heights, from the middle of the hips; y points down.
HEAD = [[0, -0.42], [0.015, -0.435], [-0.015, -0.435], [0.035, -0.43], [-0.035, -0.43]]
ARMS = [[0.11, -0.32], [-0.11, -0.32], [0.14, -0.16], [-0.14, -0.16], [0.15, -0.01], [-0.15, -0.01]]
LEGS = [[0.06, 0], [-0.06, 0], [0.065, 0.22], [-0.065, 0.22], [0.07, 0.44], [-0.07, 0.44]]
STANDING = np.array([*HEAD, *ARMS, *LEGS])
# How far each keypoint swings to the sides while walking; knees, ankles, elbows and wrists, left against right.
SWING = np.zeros(17)
SWING[[7, 8, 9, 10, 13, 14, 15, 16]] = [-0.05, 0.05, -0.1, 0.1, 0.06, -0.06, 0.13, -0.13]
STEPS_PER_SECOND = 0.9


@dataclass(frozen=True)
class Walk:
    """One person: image_ pixels and seconds.

    `hidden` lists (from, to) times without a detection; `turns` adds (from, vx, vy) changes of the velocity.
    """

    start: tuple[float, float]
    velocity: tuple[float, float]
    height: float = 300.0
    phase: float = 0.0
    hidden: Sequence[tuple[float, float]] = field(default_factory=tuple)
    turns: Sequence[tuple[float, float, float]] = field(default_factory=tuple)

    def place(self, time: float) -> np.ndarray:
        """The middle of the hips."""
        corners = [(0.0, *self.velocity), *self.turns]
        place = np.array(self.start)
        for index, (begin, *velocity) in enumerate(corners):
            end = corners[index + 1][0] if index + 1 < len(corners) else np.inf
            place = place + np.array(velocity) * max(min(time, end) - begin, 0.0)
        return place

    def points(self, time: float) -> np.ndarray:
        """The keypoints, (17, 2)."""
        swing = SWING * np.sin(2 * np.pi * STEPS_PER_SECOND * time + self.phase)
        return self.place(time) + self.height * (STANDING + np.stack([swing, np.zeros(17)], axis=1))

    def visible(self, time: float) -> bool:
        """Whether a detector could find the person at all."""
        points = self.points(time)
        inside = ((points >= 0) & (points < SIZE_WH)).all(axis=1)
        return bool(inside.mean() > 0.3) and not any(begin <= time < end for begin, end in self.hidden)


@dataclass(frozen=True)
class Frame:
    """What a detector and a pose network gave: the people, and which walk each is, -1 for false detections."""

    time: float
    people: People
    who: np.ndarray


@dataclass(frozen=True)
class Faults:
    """How wrong the detector and the network are: pixels, and shares of people and of frames."""

    noise: float = 2.0
    missed: float = 0.0
    invented: float = 0.0
    weak: float = 0.0


def filmed(
    walks: Sequence[Walk], times: Sequence[float], rng: np.random.Generator, faults: Faults = Faults()
) -> Iterator[Frame]:
    """Frames of the walks at these times, people in random order."""
    for time in times:
        seen = [number for number, walk in enumerate(walks) if walk.visible(time) and rng.uniform() >= faults.missed]
        poses, who = [walks[number].points(time) for number in seen], list(seen)
        if rng.uniform() < faults.invented:
            poses.append(rng.uniform(0, 1, (17, 2)) * (120, 250) + rng.uniform(0, 1, 2) * (1100, 450))
            who.append(NO_TRACK)
        order = rng.permutation(len(who))
        yield Frame(time, _found(np.reshape(poses, (-1, 17, 2))[order], rng, faults), np.array(who, dtype=int)[order])


def _found(points: np.ndarray, rng: np.random.Generator, faults: Faults) -> People:
    inside = ((points >= 0) & (points < SIZE_WH)).all(axis=-1)
    keypoint_scores = np.where(inside, rng.uniform(0.5, 1.0, inside.shape), rng.uniform(0.0, 0.15, inside.shape))
    noisy = np.clip(points, 0, SIZE_WH) + rng.normal(0, faults.noise, points.shape)
    keypoints = np.concatenate([noisy, keypoint_scores[..., None]], axis=-1)
    scores = np.where(rng.uniform(size=len(points)) < faults.weak, 0.2, rng.uniform(0.6, 0.9, len(points)))
    around = people_of(keypoints, scores)
    shaken = around.boxes.xywh + rng.normal(0, 2 * faults.noise, (len(points), 4))
    return People(Boxes(shaken, around.boxes.scores), keypoints, scores)


def people_of(keypoints: np.ndarray, scores: np.ndarray | float = 0.9) -> People:
    """People with these keypoints (P, K, 3) and boxes around those in sight."""
    extents = pose_boxes.pose_extents(keypoints[..., :2], keypoints[..., 2] > 0.2)
    around = 0.1 * extents[:, 2:].max(axis=1, initial=0)
    xywh = pose_boxes.widened(extents, around)
    return People(Boxes.of(xywh), keypoints, np.broadcast_to(scores, len(keypoints)).astype(float))


def ids_of_walks(frames: Sequence[Frame], followed: Sequence[People], count: int) -> list[list[int]]:
    """The ids that each of `count` walks had, in order of time, each change once; frames without an id left out."""
    ids: list[list[int]] = [[] for _ in range(count)]
    for frame, people in zip(frames, followed, strict=True):
        for number, track in zip(frame.who, people.track_ids, strict=True):
            if number >= 0 and track != NO_TRACK and ids[number][-1:] != [track]:
                ids[number].append(int(track))
    return ids

"""Poses of the synthetic people: families of joint angles within human limits, and where the person faces."""

from dataclasses import dataclass

import numpy as np

from lib.dataset.synthetic.body import FRAMES, NUM_FRAMES
from lib.dataset.synthetic.draws import pick

Range = tuple[float, float]

VIEWS = ("front", "left", "back", "right")


@dataclass(frozen=True)
class Arm:
    """Ranges of one arm, degrees: flex swings it forward, abduct sideways, twist turns the elbow's plane outward."""

    flex: Range
    abduct: Range
    twist: Range
    elbow: Range


@dataclass(frozen=True)
class Leg:
    """Ranges of one leg, degrees: flex swings the thigh forward, abduct sideways, knee bends the shin backward."""

    flex: Range
    abduct: Range
    knee: Range


@dataclass(frozen=True)
class Family:
    """A kind of pose.

    Attributes:
        weight: how often it is drawn, relative to the others.
        arms, legs: ranges of the leading and the other side; which side leads is drawn. The leading leg goes with the
            arm of the other side, as in walking.
        pitch: lean of the whole body forward, degrees.
        roll: turn of the whole body in the image plane, degrees, to either side.
        spine: bend of the chest against the pelvis, degrees.
    """

    weight: float
    arms: tuple[Arm, Arm]
    legs: tuple[Leg, Leg]
    pitch: Range = (-5, 6)
    roll: Range = (0, 6)
    spine: Range = (-6, 14)


_HANGING = Arm(flex=(-20, 35), abduct=(6, 35), twist=(-60, 40), elbow=(5, 95))
_RAISED = Arm(flex=(-15, 40), abduct=(110, 170), twist=(-60, 60), elbow=(0, 100))
_SPREAD = Arm(flex=(-20, 30), abduct=(55, 110), twist=(-60, 60), elbow=(0, 90))
_REACHING = Arm(flex=(35, 150), abduct=(0, 40), twist=(-50, 30), elbow=(0, 100))
_STRAIGHT = Leg(flex=(-10, 16), abduct=(2, 14), knee=(0, 16))

FAMILIES = {
    "stand": Family(2.0, (_HANGING, _HANGING), (_STRAIGHT, _STRAIGHT)),
    "gesture": Family(1.6, (_REACHING, _HANGING), (_STRAIGHT, _STRAIGHT)),
    "walk": Family(
        1.6,
        (Arm((10, 45), (4, 16), (-30, 20), (5, 50)), Arm((-45, -5), (4, 16), (-30, 20), (5, 40))),
        (Leg((12, 38), (0, 6), (0, 25)), Leg((-26, -5), (0, 6), (5, 50))),
    ),
    "run": Family(
        1.2,
        (Arm((20, 65), (4, 20), (-40, 10), (60, 115)), Arm((-65, -20), (4, 22), (-30, 20), (60, 110))),
        (Leg((40, 85), (0, 8), (30, 100)), Leg((-30, 0), (0, 8), (15, 100))),
        pitch=(5, 22),
    ),
    "arms_up": Family(1.2, (_RAISED, _RAISED), (_STRAIGHT, _STRAIGHT)),
    "star": Family(1.0, (_SPREAD, _RAISED), (Leg((-10, 25), (12, 42), (0, 50)),) * 2, roll=(0, 18)),
    "sit": Family(1.6, (_HANGING, _REACHING), (Leg((65, 100), (2, 24), (50, 110)), Leg((65, 100), (2, 24), (50, 110)))),
    "squat": Family(1.0, (_REACHING, _REACHING), (Leg((75, 120), (4, 30), (85, 140)),) * 2, pitch=(12, 35)),
    "bend": Family(0.8, (_REACHING, _HANGING), (Leg((35, 75), (2, 16), (0, 35)),) * 2, pitch=(30, 65), spine=(10, 40)),
    "kneel": Family(0.8, (_HANGING, _REACHING), (Leg((60, 95), (2, 14), (75, 105)), Leg((-8, 12), (2, 14), (80, 110)))),
    "lie": Family(0.5, (_REACHING, _SPREAD), (Leg((-5, 70), (2, 24), (5, 90)), _STRAIGHT), roll=(65, 105)),
    "upside_down": Family(0.2, (_RAISED, _RAISED), (Leg((-30, 50), (2, 35), (0, 60)), _STRAIGHT), roll=(155, 180)),
}


@dataclass(frozen=True)
class Pose:
    """A drawn pose.

    Attributes:
        family: the name in FAMILIES.
        angles: Euler angles (z, x, y) of each frame against its parent, radians, (NUM_FRAMES, 3); the root's are zero.
        root: rotation of the body into the camera, (3, 3).
        view: the side that the camera sees, by quarter turns: front, left (the person's left side), back, right.
    """

    family: str
    angles: np.ndarray
    root: np.ndarray
    view: str


def sample_pose(rng: np.random.Generator) -> Pose:
    """Draw a pose and where the person faces."""
    name, family = list(FAMILIES.items())[pick(rng, [family.weight for family in FAMILIES.values()])]
    angles = np.zeros((NUM_FRAMES, 3))
    angles[FRAMES["chest"]] = rng.uniform(-8, 8), _draw(rng, family.spine), rng.uniform(-15, 15)
    angles[FRAMES["head"]] = rng.uniform(-12, 12), rng.uniform(-18, 25), rng.uniform(-28, 28)
    lead = int(rng.integers(2))
    for side in range(2):
        _pose_arm(rng, family.arms[side], angles, ("left", "right")[lead ^ side ^ 1])
        _pose_leg(rng, family.legs[side], angles, ("left", "right")[lead ^ side])
    yaw = _sample_yaw(rng)
    roll = _draw(rng, family.roll) * (1 if rng.random() < 0.5 else -1)
    camera, pitch = rng.uniform(-4, 14), _draw(rng, family.pitch)
    # From the body outwards: lean, turn about the vertical, look from slightly above, turn in the image plane.
    steps = np.radians([[0, pitch, 0], [0, 0, yaw], [0, camera, 0], [roll, 0, 0]])
    lean, turn, look, tilt = rotations(steps)
    view = VIEWS[int((yaw + 45) % 360 // 90)]
    return Pose(name, np.radians(angles), tilt @ look @ turn @ lean, view)


def rotations(angles: np.ndarray) -> np.ndarray:
    """Rotation matrices Rz Rx Ry of Euler angles.

    Args:
        angles: (z, x, y) in radians, (N, 3).

    Returns:
        (N, 3, 3).
    """
    (cz, cx, cy), (sz, sx, sy) = np.cos(angles).T, np.sin(angles).T
    rows = [
        [cz * cy - sz * sx * sy, -sz * cx, cz * sy + sz * sx * cy],
        [sz * cy + cz * sx * sy, cz * cx, sz * sy - cz * sx * cy],
        [-cx * sy, sx, cx * cy],
    ]
    return np.moveaxis(np.array(rows), 2, 0)


def _draw(rng: np.random.Generator, limits: Range) -> float:
    return float(rng.uniform(*limits))


def _sample_yaw(rng: np.random.Generator) -> float:
    """Degrees; 0 faces the camera. People in pictures face it more often than not."""
    if rng.random() < 0.55:
        return float(rng.normal(0, 25))
    return float(rng.uniform(0, 360))


def _pose_arm(rng: np.random.Generator, arm: Arm, angles: np.ndarray, side: str) -> None:
    # In the body's frame x points to the person's left: sideways and twist change sign with the side.
    sign = -1 if side == "left" else 1
    angles[FRAMES[f"{side}_upper_arm"]] = (
        sign * _draw(rng, arm.abduct),
        -_draw(rng, arm.flex),
        sign * _draw(rng, arm.twist),
    )
    angles[FRAMES[f"{side}_forearm"], 1] = -_draw(rng, arm.elbow)
    angles[FRAMES[f"{side}_hand"]] = rng.uniform(-15, 15), rng.uniform(-30, 30), 0


def _pose_leg(rng: np.random.Generator, leg: Leg, angles: np.ndarray, side: str) -> None:
    sign = -1 if side == "left" else 1
    angles[FRAMES[f"{side}_thigh"]] = (
        sign * _draw(rng, leg.abduct),
        -_draw(rng, leg.flex),
        sign * rng.uniform(-5, 20),
    )
    angles[FRAMES[f"{side}_shin"], 1] = _draw(rng, leg.knee)
    angles[FRAMES[f"{side}_foot"], 1] = rng.uniform(-10, 30)

"""The skeleton of the synthetic people: bone lengths, girths and forward kinematics.

Body frame: x to the person's left, y down, z backward, in metres, the pelvis at the origin. For a person who faces the
camera it coincides with the camera frame (x right, y down, z away from the camera).
"""

from dataclasses import dataclass

import numpy as np

_PARENTS = {
    "pelvis": None,
    "chest": "pelvis",
    "head": "chest",
    "left_upper_arm": "chest",
    "left_forearm": "left_upper_arm",
    "left_hand": "left_forearm",
    "right_upper_arm": "chest",
    "right_forearm": "right_upper_arm",
    "right_hand": "right_forearm",
    "left_thigh": "pelvis",
    "left_shin": "left_thigh",
    "left_foot": "left_shin",
    "right_thigh": "pelvis",
    "right_shin": "right_thigh",
    "right_foot": "right_shin",
}
FRAMES = {name: index for index, name in enumerate(_PARENTS)}
NUM_FRAMES = len(FRAMES)


def _generations() -> list[tuple[np.ndarray, np.ndarray]]:
    """Frames and their parents, by the number of bones between them and the pelvis."""
    found, last = [], {"pelvis"}
    while children := {name: parent for name, parent in _PARENTS.items() if parent in last}:
        pair = [FRAMES[name] for name in children], [FRAMES[parent] for parent in children.values() if parent]
        found.append((np.array(pair[0]), np.array(pair[1])))
        last = set(children)
    return found


_GENERATIONS = _generations()
SIDES = (("left", 1.0), ("right", -1.0))


@dataclass(frozen=True)
class Shape:
    """Proportions of one person, metres at a stature of about 1.7; their size in the image is chosen elsewhere."""

    waist: float
    chest: float
    neck: float
    head: float
    shoulder: float
    hip: float
    upper_arm: float
    forearm: float
    hand: float
    thigh: float
    shin: float
    foot: float
    girth: float

    @property
    def stature(self) -> float:
        """Height when standing upright, from the soles to the top of the head."""
        return self.waist + self.chest + self.neck + 2 * self.head + self.thigh + self.shin + 0.08

    @property
    def eye(self) -> np.ndarray:
        """Left eye in the head's frame, in units of the head's radii; on the surface of the head."""
        return np.array([0.40, -0.08, -np.sqrt(1 - 0.40**2 - 0.08**2)])

    @property
    def head_center(self) -> np.ndarray:
        """Middle of the head in its frame, whose origin is the top of the neck."""
        return np.array([0, -0.8 * self.head, -0.02])

    @property
    def head_radii(self) -> np.ndarray:
        """Half axes of the head: sideways, vertical, depth."""
        return self.head * np.array([0.80, 1.0, 0.88])


def sample_shape(rng: np.random.Generator) -> Shape:
    """Draw proportions: adults and children, thin and thick."""
    child = rng.random() < 0.25
    limb = (0.88 if child else 1.0) * rng.normal(1, 0.05)
    torso = rng.normal(1, 0.05)
    girth = float(np.clip(rng.normal(1.3, 0.16), 0.95, 1.75))
    return Shape(
        waist=0.20 * torso,
        chest=0.32 * torso,
        neck=0.05,
        head=float(rng.uniform(0.165, 0.185)) * (1.1 if child else 1.0),
        shoulder=0.185 * rng.normal(1, 0.06) * (0.6 + 0.4 * girth),
        hip=0.105 * (0.5 + 0.5 * girth),
        upper_arm=0.26 * limb,
        forearm=0.235 * limb * rng.normal(1, 0.03),
        hand=0.13,
        thigh=0.38 * limb,
        shin=0.37 * limb * rng.normal(1, 0.03),
        foot=0.19,
        girth=girth,
    )


def _offsets(shape: Shape) -> np.ndarray:
    """Origin of each frame in its parent's frame, (NUM_FRAMES, 3)."""
    offsets = np.zeros((NUM_FRAMES, 3))
    offsets[FRAMES["chest"]] = 0, -shape.waist, 0
    offsets[FRAMES["head"]] = 0, -shape.chest - shape.neck, 0
    for side, sign in SIDES:
        offsets[FRAMES[f"{side}_upper_arm"]] = sign * shape.shoulder, 0.045 - shape.chest, 0
        offsets[FRAMES[f"{side}_forearm"]] = 0, shape.upper_arm, 0
        offsets[FRAMES[f"{side}_hand"]] = 0, shape.forearm, 0
        offsets[FRAMES[f"{side}_thigh"]] = sign * shape.hip, 0.03, 0
        offsets[FRAMES[f"{side}_shin"]] = 0, shape.thigh, 0
        offsets[FRAMES[f"{side}_foot"]] = 0, shape.shin, 0
    return offsets


def forward_kinematics(shape: Shape, local: np.ndarray, root: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Place every frame.

    Args:
        shape: bone lengths.
        local: rotation of each frame against its parent, (NUM_FRAMES, 3, 3); the root's is not used.
        root: rotation of the body into the camera, (3, 3).

    Returns:
        origins (NUM_FRAMES, 3) in metres and rotations (NUM_FRAMES, 3, 3), both in the camera frame, pelvis at 0.
    """
    offsets = _offsets(shape)[:, :, None]
    origins, turned = np.zeros((NUM_FRAMES, 3, 1)), np.empty((NUM_FRAMES, 3, 3))
    turned[0] = root
    for frames, parents in _GENERATIONS:
        origins[frames] = origins[parents] + turned[parents] @ offsets[frames]
        turned[frames] = turned[parents] @ local[frames]
    return origins[..., 0], turned

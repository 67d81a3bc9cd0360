"""One person: pose, proportions and clothes become parts to draw and joints with exact positions."""

from dataclasses import dataclass

import numpy as np

from lib.dataset.synthetic.body import FRAMES, SIDES, Shape, forward_kinematics, sample_shape
from lib.dataset.synthetic.outfit import FacePaint, Outfit, ShirtPaint, TrousersPaint, sample_outfit
from lib.dataset.synthetic.pose import Pose, rotations, sample_pose
from lib.dataset.synthetic.render import Capsule, Ellipsoid, Pads, Paint, Part
from lib.dataset.synthetic.texture import Material

# Depth of flesh between a joint and the skin, metres, in COCO's order: what lies nearer to the camera than this hides
# the joint. Face points lie on the skin.
_FLESH = np.array([0.06, 0.05, 0.05, 0.06, 0.06, 0.12, 0.12, 0.09, 0.09, 0.08, 0.08, 0.16, 0.16, 0.11, 0.11, 0.1, 0.1])
Point = tuple[float, float, float]

_LIMB_JOINTS = ("upper_arm", "forearm", "hand", "thigh", "shin", "foot")


@dataclass(frozen=True)
class Person:
    """A person who can be put anywhere.

    Attributes:
        shape, pose, outfit: what was drawn for them.
        origins: of the body's frames, camera frame, metres, pelvis at 0, (NUM_FRAMES, 3).
        axes: rotation of each frame into the camera frame, (NUM_FRAMES, 3, 3).
    """

    shape: Shape
    pose: Pose
    outfit: Outfit
    origins: np.ndarray
    axes: np.ndarray

    def joints(self) -> np.ndarray:
        """The 17 COCO joints, camera frame, metres, (17, 3)."""
        radii, (eye_x, eye_y, eye_z) = self.shape.head_radii, self.shape.eye
        face = np.array([[0, 0.2, -1.1], [eye_x, eye_y, eye_z], [-eye_x, eye_y, eye_z], [1.02, 0, 0], [-1.02, 0, 0]])
        frame = FRAMES["head"]
        head = self.origins[frame] + (self.shape.head_center + face * radii) @ self.axes[frame].T
        limbs = [self.origins[FRAMES[f"{side}_{name}"]] for name in _LIMB_JOINTS for side, _ in SIDES]
        return np.concatenate([head, limbs])

    def flesh(self) -> np.ndarray:
        """Depth of flesh before each joint, metres, (17,)."""
        return _FLESH * np.where(np.arange(17) < 5, 1.0, self.shape.girth)


def sample_person(rng: np.random.Generator, split: str) -> Person:
    """Draw a person in clothes with the patterns of a split."""
    shape, pose, outfit = sample_shape(rng), sample_pose(rng), sample_outfit(rng, split)
    origins, axes = forward_kinematics(shape, rotations(pose.angles), pose.root)
    return Person(shape, pose, outfit, origins, axes)


@dataclass(frozen=True)
class Camera:
    """Mild perspective around one person.

    Attributes:
        center: image position of the person's pelvis, (x, y), pixels.
        scale: pixels per metre at the pelvis.
        distance: of the camera from the pelvis, metres; what is nearer appears larger.
        depth: depth of the pelvis in the scene, pixels.
    """

    center: np.ndarray
    scale: float
    distance: float
    depth: float = 0.0

    def project(self, points: np.ndarray) -> np.ndarray:
        """Camera frame, metres, (..., 3) to image x, y and depth in pixels, (..., 3)."""
        flat = self.center + self.magnification(points)[..., None] * points[..., :2]
        return np.concatenate([flat, self.depth + self.scale * points[..., 2:]], axis=-1)

    def magnification(self, points: np.ndarray) -> np.ndarray:
        """Pixels per metre at points of the camera frame, (..., 3) to (...)."""
        return self.scale / (1 + points[..., 2] / self.distance)


@dataclass(frozen=True)
class _Bone:
    """A part in the frame of a bone, metres: a limb from `start` to `end`, or with `end` None a ball at `start`.

    `radii`: of a limb at its start and end, of a ball along the axes. A limb is of `material` up to `cut`, of `rest`
    beyond; a cut of 0 or less is all rest.
    """

    frame: str
    start: Point
    radii: Point | tuple[float, float]
    material: Material
    end: Point | None = None
    rest: Material | None = None
    cut: float = 1.0
    pads: Pads | None = None
    paint: Paint | None = None


def person_parts(person: Person, camera: Camera) -> list[Part]:
    """The parts of a person as the camera sees them."""
    shape, outfit = person.shape, person.outfit
    bones = _head(shape, outfit) + _torso(shape, outfit)
    for side, sign in SIDES:
        bones += _arm(shape, outfit, side) + _leg(shape, outfit, side, sign)
    frames = np.array([FRAMES[bone.frame] for bone in bones])
    axes = person.axes[frames]
    ends = np.array([[bone.start, bone.end or bone.start] for bone in bones])
    places = person.origins[frames][:, None] + ends @ axes.transpose(0, 2, 1)
    points, scales = camera.project(places), camera.magnification(places)
    return [_part(*seen) for seen in zip(bones, axes, points, scales.tolist(), strict=True)]


def _part(bone: _Bone, axes: np.ndarray, points: np.ndarray, scales: list[float]) -> Part:
    """A bone's part in pixels: `points` are its start and end in the image, `scales` the pixels per metre there."""
    material = bone.material.scaled(scales[0])
    if bone.end is None:
        return Ellipsoid(points[0], axes, np.array(bone.radii) * scales[0], material, bone.paint)
    radii = bone.radii[0] * scales[0], bone.radii[1] * scales[1]
    if bone.rest is not None and bone.cut <= 0:
        return Capsule(points[0], points[1], radii, bone.rest, pads=bone.pads)
    return Capsule(points[0], points[1], radii, material, bone.rest, bone.cut, bone.pads)


def _head(shape: Shape, outfit: Outfit) -> list[_Bone]:
    x, y, z = shape.head_radii
    center_y, center_z = shape.head_center[1:]
    skin, hair = outfit.skin, outfit.hair
    bones = [
        _Bone("head", (0, center_y, center_z), (x, y, z), skin, paint=FacePaint(hair.color, shape.eye)),
        _Bone("head", (0, center_y + 0.2 * y, center_z - z), (0.028, 0.04, 0.032), outfit.nose),
        _Bone("chest", (0, -shape.chest, 0), (0.065, 0.062), skin, (0, -shape.chest - shape.neck, -0.01)),
    ]
    bones += [_Bone("head", (sign * x, center_y, center_z), (0.028, 0.045, 0.032), skin) for _, sign in SIDES]
    if outfit.long_hair:
        behind = 0, center_y + 0.6 * y, center_z + 0.62 * z
        bones.append(_Bone("head", behind, (0.95 * x, 1.1 * y, 0.5 * z), hair))
    return bones


def _torso(shape: Shape, outfit: Outfit) -> list[_Bone]:
    top, girth, chest = outfit.top, shape.girth, shape.chest
    shirt = ShirtPaint(outfit.trim, outfit.skin.color, outfit.collar)
    buttons = ShirtPaint(outfit.trim, None, outfit.collar)
    hips = shape.hip + 0.065 * girth, 0.135, 0.13 * girth
    shoulder_x, shoulder_y = 0.85 * shape.shoulder, 0.045 - chest
    return [
        _Bone("chest", (0, -0.52 * chest, 0), (0.95 * shape.shoulder, 0.62 * chest, 0.13 * girth), top, paint=shirt),
        _Bone("chest", (0, 0, 0), (0.145 * girth, 0.25, 0.12 * girth), top, paint=buttons),
        _Bone("pelvis", (0, 0, 0), hips, outfit.bottom, paint=TrousersPaint(outfit.pocket)),
        _Bone("chest", (shoulder_x, shoulder_y, 0), (0.06 * girth,) * 2, top, (-shoulder_x, shoulder_y, 0)),
    ]


def _arm(shape: Shape, outfit: Outfit, side: str) -> list[_Bone]:
    top, skin, sleeve, girth = outfit.top, outfit.skin, outfit.sleeve, shape.girth
    elbow, wrist = (0, shape.upper_arm, 0), (0, shape.forearm, 0)
    upper, fore = Pads(outfit.trim, -1, 0.87), Pads(outfit.trim, 0.14, 0.86)
    return [
        _Bone(f"{side}_upper_arm", (0, 0, 0), (0.066 * girth, 0.054 * girth), top, elbow, skin, sleeve, upper),
        _Bone(f"{side}_forearm", (0, 0, 0), (0.053 * girth, 0.045 * girth), top, wrist, skin, sleeve - 1, fore),
        _Bone(f"{side}_hand", (0, 0.02, 0), (0.05, 0.046), skin, (0, shape.hand, -0.01)),
    ]


def _leg(shape: Shape, outfit: Outfit, side: str, sign: float) -> list[_Bone]:
    bottom, skin, cut, girth = outfit.bottom, outfit.skin, outfit.leg, shape.girth
    knee, ankle, toe = (0, shape.thigh, 0), (0, shape.shin, 0), (sign * 0.02, 0.05, 0.04 - shape.foot)
    above, below = Pads(outfit.band, -1, 0.89), Pads(outfit.band, 0.11, 0.87)
    return [
        _Bone(f"{side}_thigh", (0, 0, 0), (0.105 * girth, 0.075 * girth), bottom, knee, skin, cut, above),
        _Bone(f"{side}_shin", (0, 0, 0), (0.073 * girth, 0.056 * girth), bottom, ankle, skin, cut - 1, below),
        _Bone(f"{side}_foot", (0, 0.035, 0.035), (0.06, 0.052), outfit.shoe, toe),
    ]

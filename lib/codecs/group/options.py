"""How people are read from heatmaps and tags."""

from collections.abc import Sequence
from dataclasses import dataclass

from lib.utils.errors import PoseError

# Head and trunk first, so that people are known before their limbs are assigned (HigherHRNet lib/core/group.py).
COCO_ORDER = (0, 1, 2, 3, 4, 5, 6, 11, 12, 7, 8, 9, 10, 13, 14, 15, 16)


@dataclass(frozen=True)
class GroupOptions:
    """How people are read from heatmaps and tags.

    Attributes:
        joint_order: the order in which keypoints are assigned to people, K indices.
        max_people: candidates kept of each keypoint.
        detection_threshold: heatmap value that a candidate must exceed, 0 or more.
        tag_threshold: distance from a person's mean tag that a candidate of this person must stay below.
        use_scores: assign by rounded distances and, among equal ones, by scores; else by distances alone.
        ignore_too_much: once there are `max_people`, pass over further keypoints; mmpose: drop people after it.
        mmpose: mmpose's handling of more than `max_people` people (see `grouping.group`).
        nms_kernel: side of the square in which a candidate must be the maximum, odd, heatmap pixels.
        adjust: move candidates between pixels.
        refine: fill in keypoints that a person misses.

    Raises:
        PoseError: a value cannot be used.
    """

    joint_order: Sequence[int]
    max_people: int = 30
    detection_threshold: float = 0.1
    tag_threshold: float = 1.0
    use_scores: bool = True
    ignore_too_much: bool = False
    mmpose: bool = False
    nms_kernel: int = 5
    adjust: bool = True
    refine: bool = True

    def __post_init__(self) -> None:
        if sorted(self.joint_order) != list(range(len(self.joint_order))):
            raise PoseError(f"the order of keypoints {list(self.joint_order)} must name each of them once; correct it.")
        if self.nms_kernel < 1 or self.nms_kernel % 2 == 0:
            raise PoseError(f"TEST.NMS_KERNEL is {self.nms_kernel}; give an odd number.")
        if self.detection_threshold < 0:
            raise PoseError(f"TEST.DETECTION_THRESHOLD is {self.detection_threshold}; give 0 or more.")


def published_order(num_keypoints: int, *, mmpose: bool) -> tuple[int, ...]:
    """The order in which the published systems assign keypoints.

    Both have one for COCO's 17. HigherHRNet takes the start of the same list for CrowdPose's 14, whose meaning differs;
    mmpose takes any other set as it is numbered, and so does this function where HigherHRNet's list does not fit.
    """
    start = COCO_ORDER[:num_keypoints]
    fits = sorted(start) == list(range(num_keypoints))
    return start if fits and (num_keypoints == len(COCO_ORDER) or not mmpose) else tuple(range(num_keypoints))

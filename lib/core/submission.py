"""Checks of results for the COCO server, where the annotations are not public."""

import os

from lib.core.poses import Poses, check_poses
from lib.core.truth import COCO_PERSON, Truth
from lib.utils.errors import PoseError

COCO_KEYPOINTS = 17


def check_submission(poses: Poses, truth: Truth, source: str | os.PathLike[str]) -> None:
    """Refuse results that the COCO keypoint server would refuse.

    Args:
        poses: the results.
        truth: of image_info_test-dev2017.json or another file with the images of the set.
        source: where the results come from, named in errors.

    Raises:
        PoseError: there is no pose, or one has a fault; the first faults are named.
    """
    if not len(poses):
        raise PoseError(f"{source} holds no record, and the COCO server takes no empty submission; test some images.")
    check_poses(poses, truth.image_ids, COCO_PERSON, COCO_KEYPOINTS, source)

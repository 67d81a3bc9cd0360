"""Checks of results for the COCO server, where the annotations are not public."""

import os
from collections.abc import Sequence

from lib.utils.coco_files import Record, check_results
from lib.utils.errors import PoseError

COCO_PERSON = 1
COCO_KEYPOINTS = 17


def check_submission(results: Sequence[Record], image_info: Record, source: str | os.PathLike[str]) -> None:
    """Refuse results that the COCO keypoint server would refuse.

    Args:
        results: records with image_id, category_id 1, 51 keypoint numbers and score.
        image_info: content of image_info_test-dev2017.json or another file with the images of the set.
        source: where the results come from, named in errors.

    Raises:
        PoseError: there is no record, or one has a fault; the first faults are named.
    """
    if not results:
        raise PoseError(f"{source} holds no record, and the COCO server takes no empty submission; test some images.")
    check_results(results, {image["id"] for image in image_info["images"]}, COCO_PERSON, COCO_KEYPOINTS, source)

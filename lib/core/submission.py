"""Checks of a result file for the COCO server, where the annotations are not public."""

import os

from lib.utils.coco_files import read_annotations, read_results, result_faults
from lib.utils.errors import PoseError

COCO_PERSON = 1
COCO_KEYPOINTS = 17


def submission_faults(result_file: str | os.PathLike[str], image_info: str | os.PathLike[str]) -> list[str]:
    """Name every fault that the COCO keypoint server would refuse a result file for.

    Args:
        result_file: JSON list of records: image_id, category_id 1, 51 keypoint numbers, score.
        image_info: image_info_test-dev2017.json or another file with the images of the set.

    Returns:
        one phrase per faulty record; empty for a valid file.

    Raises:
        PoseError: one of the files cannot be read.
    """
    image_ids = {image["id"] for image in read_annotations(image_info)["images"]}
    results = read_results(result_file)
    if not results:
        return ["there is no record in it"]
    return list(result_faults(results, image_ids, COCO_PERSON, COCO_KEYPOINTS))


def validate_submission(result_file: str | os.PathLike[str], image_info: str | os.PathLike[str]) -> None:
    """Raise PoseError when the COCO keypoint server would refuse a result file; arguments as `submission_faults`."""
    faults = submission_faults(result_file, image_info)
    if faults:
        raise PoseError(
            f"result file {result_file} is no valid COCO submission: {faults[0]} ({len(faults)} faults in all)."
        )

"""The statistics of CrowdPose: COCO's, with areas from boxes, and AP by how crowded the images are."""

import os

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lib.core.coco_library import ten_statistics
from lib.core.evaluate import check_against
from lib.core.poses import Poses
from lib.core.truth import Truth
from lib.utils.errors import PoseError

STATISTICS = ("AP", "AP .5", "AP .75", "AR", "AR .5", "AR .75", "AP (easy)", "AP (medium)", "AP (hard)")
WITHOUT_SIZES = [0, 1, 2, 5, 6, 7]  # of COCO's ten statistics, those of people of every size
# Images below the first crowd index are easy, below the second medium, others hard. The paper draws the first line at
# 0.1, the published code, and with it every published table, at 0.2.
EASY_BELOW, MEDIUM_BELOW = 0.2, 0.8
LIMITS = f"easy below {EASY_BELOW}, hard from {MEDIUM_BELOW} on, by the published code (the paper writes 0.1)"
PUBLISHED_DIGITS = 4  # the published code rounds the AP of the three kinds of images


def crowd_statistics(
    poses: Poses, truth: Truth, sigmas: ArrayLike, *, source: str | os.PathLike[str] = "the results"
) -> dict[str, float]:
    """The nine statistics of poses.

    Args:
        poses: the results; at most 20 of an image count.
        truth: annotations read with the areas of CrowdPose (0.53 of the box), see the keypoint set `crowdpose`.
        sigmas: (K,).
        source: where the results come from, named in errors.

    Returns:
        The values of `STATISTICS`; -1 for a kind of images without any annotated person.

    Raises:
        PoseError: there are no annotations, a pose does not fit them, or an image has no crowd index.

    Source: Jeff-sjtu/CrowdPose crowdposetools/cocoeval.py, COCOeval._summarizeKps and get_type_result. It differs from
    pycocotools in sigmas, areas and these statistics alone. mmpose's version (xtcocotools, keypoints_crowd) moreover
    leaves out poses without any positive keypoint score, and counts labelled keypoints by their flags.
    """
    constants = np.asarray(sigmas, dtype=np.float64)
    check_against(poses, truth, len(constants), source)
    check_crowd_indexes(truth)
    values = ten_statistics(poses, truth, constants)[WITHOUT_SIZES]
    kinds = [round(_ap_of_images(poses, truth, constants, chosen), PUBLISHED_DIGITS) for chosen in _kinds(truth)]
    return dict(zip(STATISTICS, [*values.tolist(), *kinds], strict=True))


def check_crowd_indexes(truth: Truth) -> None:
    """Raise PoseError where annotations have an image without a crowd index."""
    unknown = truth.image_ids[np.isnan(truth.crowd_indexes)]
    if truth.is_public and len(unknown):
        raise PoseError(
            f"{len(unknown)} images of {truth.source} have no crowdIndex, the first is {unknown[0]}; use an annotation "
            "file of CrowdPose, or another metric."
        )


def _kinds(truth: Truth) -> list[NDArray[np.bool_]]:
    """Which images, (I,), are easy, medium and hard."""
    indexes = truth.crowd_indexes
    return [
        indexes < EASY_BELOW,
        (indexes >= EASY_BELOW) & (indexes < MEDIUM_BELOW),
        indexes >= MEDIUM_BELOW,
    ]


def _ap_of_images(poses: Poses, truth: Truth, sigmas: NDArray[np.float64], chosen: NDArray[np.bool_]) -> float:
    part = truth.of_images(chosen)
    return float(ten_statistics(poses.take(np.isin(poses.image_ids, part.image_ids)), part, sigmas)[0])

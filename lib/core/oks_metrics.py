"""The metrics that match poses by OKS, by name, and which of them a data set's results are published in."""

import os
from collections.abc import Callable
from functools import partial

import numpy as np

from lib.core.crowdpose import LIMITS as CROWD_LIMITS
from lib.core.crowdpose import check_crowd_indexes, crowd_statistics
from lib.core.evaluate import pose_statistics
from lib.core.poses import Poses
from lib.core.truth import Truth
from lib.core.wholebody import wholebody_statistics
from lib.skeletons import Skeleton
from lib.utils.errors import PoseError

# Poses, truth and (K,) sigmas to figures by name.
Statistics = Callable[[Poses, Truth, np.ndarray], dict[str, float]]

OKS_METRICS = ("AP", "CrowdAP", "WholeBodyAP")
# What the figures of a metric depend on beside the poses.
FACTS = {"CrowdAP": {"crowd index": CROWD_LIMITS}}
PUBLISHED_IN = {"crowdpose": "CrowdAP", "coco_wholebody": "WholeBodyAP"}


def oks_metric_of(dataset: str) -> str:
    """The metric of a data set's published results, by the name of the data set or of its keypoint set."""
    return PUBLISHED_IN.get(dataset, "AP")


def oks_statistics(
    metric: str, truth: Truth, skeleton: Skeleton, source: str | os.PathLike[str] = "the results"
) -> Statistics:
    """The function that computes a metric.

    Args:
        metric: one of `OKS_METRICS`.
        truth: the annotations, read in the form of the keypoint set.
        skeleton: the keypoint set.
        source: where the results come from, named in errors.

    Raises:
        PoseError: the annotations or the keypoint set lack what the metric needs.
    """
    if metric == "CrowdAP":
        check_crowd_indexes(truth)
        return partial(crowd_statistics, source=source)
    if metric == "WholeBodyAP":
        if not skeleton.fields:
            raise PoseError(
                f"WholeBodyAP measures the parts that the keypoint set names as fields, and {skeleton.name} has none; "
                "add them or take the metric AP."
            )
        return partial(wholebody_statistics, fields=skeleton.fields, source=source)
    return partial(pose_statistics, source=source)

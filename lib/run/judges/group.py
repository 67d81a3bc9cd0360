"""COCO's statistics of people who were found without boxes."""

import numpy as np

from lib.core.group_predictions import GroupPredictions
from lib.core.nms import oks_nms, soft_oks_nms
from lib.core.poses import Poses
from lib.dataset.group.records import GroupRecords
from lib.run.judges.coco import OksJudge, Rule


class GroupJudge(OksJudge):
    """Statistics of all people found. Nobody is suppressed, as published, unless that is asked for."""

    @property
    def facts(self) -> dict[str, str]:
        """See `Judge`."""
        suppression = f"{self.rule}, areas from the keypoints" if suppresses(self.rule) else "none"
        return {"suppression": suppression, **self.remarks}

    def poses(self, predictions: GroupPredictions, records: GroupRecords) -> Poses:
        """The people found who are not suppressed; arguments as in `judge`."""
        return found_poses(predictions, records, self.truth.category, self.rule)


def suppresses(rule: Rule) -> bool:
    """Whether anybody can be suppressed: no OKS is above 1."""
    return rule.soft_nms or rule.oks_thre < 1


def found_poses(predictions: GroupPredictions, records: GroupRecords, category: int, rule: Rule) -> Poses:
    """The people found, each with the mean of its keypoints' scores.

    Args:
        predictions: of some of the pictures.
        records: of the data set.
        category: of a person in the annotation file.
        rule: of the suppression.
    """
    points = predictions.with_scores().astype(np.float64)
    poses = Poses(records.image_id[predictions.index], category, points, predictions.person_scores.astype(np.float64))
    if not suppresses(rule) or not len(poses):
        return poses
    extent = np.ptp(points[..., :2], axis=1).prod(axis=1)
    suppress = soft_oks_nms if rule.soft_nms else oks_nms
    kept = suppress(points, extent, poses.scores, poses.image_ids, rule.sigmas, rule.oks_thre)
    return Poses(poses.image_ids[kept], category, points[kept], poses.scores[kept])

"""COCO's statistics of people who were found without boxes."""

import numpy as np

from lib.core.group_predictions import GroupPredictions
from lib.core.poses import Poses
from lib.core.suppression import Suppression, kept_people
from lib.dataset.group.records import GroupRecords
from lib.run.judges.coco import OksJudge


class GroupJudge(OksJudge):
    """Statistics of all people found. Nobody is suppressed, as published, unless that is asked for."""

    @property
    def facts(self) -> dict[str, str]:
        """See `Judge`."""
        suppression = f"{self.rule}, areas from the keypoints" if self.rule.has_effect else "none"
        return {"suppression": suppression, **self.remarks}

    def poses(self, predictions: GroupPredictions, records: GroupRecords) -> Poses:
        """The people found who are not suppressed; arguments as in `judge`."""
        return found_poses(predictions, records, self.truth.category, self.rule)


def found_poses(predictions: GroupPredictions, records: GroupRecords, category: int, rule: Suppression) -> Poses:
    """The people found, each with the mean of its keypoints' scores.

    Args:
        predictions: of some of the pictures.
        records: of the data set.
        category: of a person in the annotation file.
        rule: of the suppression.
    """
    points, scores = predictions.with_scores().astype(np.float64), predictions.person_scores.astype(np.float64)
    image_ids = records.image_id[predictions.index]
    kept = kept_people(points, scores, image_ids, rule)
    return Poses(image_ids[kept], category, points[kept], scores[kept])

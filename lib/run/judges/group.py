"""COCO's statistics of people who were found without boxes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from lib.core.evaluate import format_statistics, pose_statistics
from lib.core.group_predictions import GroupPredictions
from lib.core.nms import oks_nms, soft_oks_nms
from lib.core.oks_metrics import Statistics
from lib.core.poses import Poses
from lib.core.result_file import write_results
from lib.core.submission import check_submission
from lib.core.truth import Truth
from lib.dataset.group.records import GroupRecords
from lib.run.judges.base import Verdict
from lib.run.judges.coco import Rule


@dataclass(frozen=True)
class GroupJudge:
    """Statistics of all people found; suppression, which no published bottom-up test has, only where it is asked for.

    Attributes: as those of `OksJudge`.
    """

    truth: Truth
    rule: Rule
    name: str = "results"
    statistics: Statistics = pose_statistics
    criterion: str = "AP"
    fields: tuple[tuple[str, int], ...] = ()
    remarks: Mapping[str, str] = field(default_factory=dict)
    lower_is_better: bool = False

    @property
    def has_truth(self) -> bool:
        """See `Judge`."""
        return self.truth.is_public

    @property
    def facts(self) -> dict[str, str]:
        """See `Judge`."""
        suppression = f"{self.rule}, areas from the keypoints" if suppresses(self.rule) else "none"
        return {"suppression": suppression, **self.remarks}

    def judge(self, predictions: GroupPredictions, records: GroupRecords, result_file: Path | None) -> Verdict:
        """See `Judge`; the file is in COCO's result format."""
        poses = found_poses(predictions, records, self.truth.category, self.rule)
        if not self.truth.is_public:
            check_submission(poses, self.truth, f"the test on {self.truth.source}")
        if result_file is not None:
            write_results(result_file, poses, self.fields)
        if not self.truth.is_public:
            return Verdict(None, len(poses), remark="a valid COCO submission; its annotations are not public")
        stats = self.statistics(poses, self.truth, self.rule.sigmas)
        return Verdict(stats, len(poses), (format_statistics(stats, self.name),))


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

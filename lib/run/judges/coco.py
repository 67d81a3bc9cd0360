"""COCO's way: rescoring, suppression, and statistics from OKS."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from lib.core.evaluate import format_statistics, pose_statistics
from lib.core.inference import Predictions
from lib.core.oks_metrics import Statistics
from lib.core.poses import Poses
from lib.core.result_file import write_results
from lib.core.results import chosen_poses, select_results
from lib.core.submission import check_submission
from lib.core.suppression import Suppression
from lib.core.truth import Truth
from lib.dataset.records import Records
from lib.run.judges.base import Verdict
from lib.utils.geometry import PIXELS_PER_SCALE


@dataclass(frozen=True)
class OksJudge:
    """Statistics of the poses that are left after suppression.

    Attributes:
        truth: the annotations; where they are not public, the results are checked for the COCO server instead.
        rule: how predictions become results.
        name: of the network, in the table.
        statistics: which; their first chooses the best weights.
        criterion: its name.
        fields: the entries of a result record that hold its keypoints; empty for `keypoints` alone.
        remarks: what the statistics depend on, by name.
    """

    truth: Truth
    rule: Suppression
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
        return {"suppression": str(self.rule), **self.remarks}

    def judge(self, predictions: Any, records: Any, result_file: Path | None) -> Verdict:
        """See `Judge`; the file is in COCO's result format."""
        poses = self.select(predictions, records, result_file)
        if not self.truth.is_public:
            return Verdict(None, len(poses), remark="a valid COCO submission; its annotations are not public")
        stats = self.statistics(poses, self.truth, self.rule.sigmas)
        return Verdict(stats, len(poses), (format_statistics(stats, self.name),))

    def select(self, predictions: Any, records: Any, result_file: Path | None) -> Poses:
        """Rescore and suppress predictions and write what is left; arguments as in `judge`."""
        poses = self.poses(predictions, records)
        if not self.truth.is_public:
            check_submission(poses, self.truth, f"the test on {self.truth.source}")
        if result_file is not None:
            write_results(result_file, poses, self.fields)
        return poses

    def poses(self, predictions: Any, records: Any) -> Poses:
        """Rescore and suppress predictions; arguments as in `judge`."""
        return select_poses(predictions, records, self.truth.category, self.rule)


def select_poses(predictions: Predictions, records: Records, category: int, rule: Suppression) -> Poses:
    """Rescore and suppress predictions.

    Args:
        predictions: of some of the records.
        records: of the data set.
        category: of a person in the annotation file.
        rule: how.
    """
    records, preds = records.take(predictions.index), predictions.with_scores()
    boxes = box_rows(records)
    selection = select_results(
        preds,
        boxes,
        records.image_id,
        rule.sigmas,
        in_vis_thre=rule.in_vis_thre,
        oks_thre=rule.oks_thre,
        soft_nms=rule.soft_nms,
    )
    return chosen_poses(preds, boxes, records.image_id, selection, category)


def box_rows(records: Records) -> np.ndarray:
    """Centre, scale, area of the padded crop (px²) and score, as the evaluation takes boxes, (N, 6), float64."""
    scale = records.scale.astype(np.float64)
    area = np.prod(scale * PIXELS_PER_SCALE, axis=1)
    return np.column_stack([records.center, scale, area, records.score])

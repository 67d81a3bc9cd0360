"""MPII's way: PCKh, and predictions as its tools take them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lib.core.inference import Predictions
from lib.core.mpii_predictions import write_predictions
from lib.core.mpii_truth import MpiiTruth
from lib.core.pckh import CRITERION, SEGMENT, describe_heads, format_joints, format_pckh, head_figures
from lib.dataset.coco import Images
from lib.dataset.records import Records
from lib.run.judges.base import Verdict

NO_TRUTH = "1-based joints for MPII's server, in preds of the .mat file beside it as well; no truth here"
WRITTEN = "1-based joints, in preds of the .mat file beside it as well"


@dataclass(frozen=True)
class PckhJudge:
    """PCKh of every person; where nobody has a head box, the like with the distance from upper neck to head top.

    Attributes:
        truth: of every person of the data set; None where it is not public.
        images: of the data set.
        name: of the network, in the table.
    """

    truth: MpiiTruth | None
    images: Images
    name: str
    lower_is_better: bool = False

    @property
    def criterion(self) -> str:
        """See `Judge`."""
        return CRITERION if self.truth is None or self.truth.has_heads else SEGMENT + CRITERION

    @property
    def has_truth(self) -> bool:
        """See `Judge`."""
        return self.truth is not None

    @property
    def facts(self) -> dict[str, str]:
        """See `Judge`."""
        if self.truth is None:
            return {}
        return {"head boxes": describe_heads(self.truth)}

    def judge(self, predictions: Predictions, records: Records, result_file: Path | None) -> Verdict:
        """See `Judge`; the file is a JSON of our own, with a pred.mat of the same name beside it."""
        # As published in float32; MPII counts from 1.
        joints = predictions.image_keypoints + np.float32(1)
        if result_file is not None:
            write_mpii(predictions, records, self.images, result_file)
        if self.truth is None:
            return Verdict(None, len(joints), remark=NO_TRUTH)
        truth = self.truth.take(predictions.index)
        stats = head_figures(joints, truth)
        return Verdict(stats, len(joints), (format_pckh(stats, self.name), format_joints(joints, truth)), WRITTEN)


def write_mpii(predictions: Predictions, records: Records, images: Images, result_file: Path) -> int:
    """Write predictions as MPII's tools take them, and give their number; see `write_predictions`."""
    names = image_names(records.take(predictions.index), images)
    write_predictions(result_file, names, predictions.image_keypoints + np.float32(1), predictions.scores)
    return len(names)


def image_names(records: Records, images: Images) -> Sequence[str]:
    """The file name of each record's image."""
    return [name.decode() for name in images.file_name[records.image_index].tolist()]

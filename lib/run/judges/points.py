"""Metrics of single points, for people whose truth is given with their boxes."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lib.core.evaluate import format_statistics
from lib.core.inference import Predictions
from lib.dataset.records import Records
from lib.run.judges.base import Verdict

# Predictions (N, K, 2) and the records they are of, to the figure.
Metric = Callable[[np.ndarray, Records], float]
# Writes results and gives their number.
Writer = Callable[[Predictions, Records, Path], int]


@dataclass(frozen=True)
class PointJudge:
    """One figure over all people; nobody is suppressed.

    Attributes:
        criterion: its name.
        metric: how it is computed.
        fact: its definition in a few words.
        name: of the network, in the table.
        write: writes the results in the data set's own format.
        lower_is_better: whether it is an error.
    """

    criterion: str
    metric: Metric
    fact: str
    name: str
    write: Writer
    lower_is_better: bool = False
    has_truth: bool = True

    @property
    def facts(self) -> dict[str, str]:
        """See `Judge`."""
        return {self.criterion: self.fact}

    def judge(self, predictions: Predictions, records: Records, result_file: Path | None) -> Verdict:
        """See `Judge`."""
        count = len(predictions.index)
        if result_file is not None:
            count = self.write(predictions, records, result_file)
        stats = {self.criterion: self.metric(predictions.image_keypoints, records.take(predictions.index))}
        return Verdict(stats, count, (format_statistics(stats, self.name),))


def box_sizes(records: Records) -> np.ndarray:
    """The longer side of each annotated box, pixels, (N,), float64."""
    return records.box[:, 2:].astype(np.float64).max(axis=1)

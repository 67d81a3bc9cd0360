"""What a judge is."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol


@dataclass(frozen=True)
class Verdict:
    """What a judge says of predictions.

    Attributes:
        stats: figures by name, first the one that chooses the best weights; NaN where nothing could be measured. None
            where the truth is not public.
        num_results: results that count, after any suppression.
        tables: `stats` as they are printed, and whatever else is to be said, one text each.
        remark: follows the name of the result file when it is printed; '' for nothing.
    """

    stats: dict[str, float] | None
    num_results: int
    tables: tuple[str, ...] = ()
    remark: str = ""


class Judge(Protocol):
    """One metric on one data set, made once by the main process.

    Attributes:
        criterion: name of the statistic that chooses the best weights, the first of `Verdict.stats`.
        lower_is_better: whether that is an error, not a score.
        has_truth: whether there is anything to compare with; without it `Verdict.stats` is None.
        facts: what the figures depend on beside the predictions, by name, printed with them.
    """

    @property
    def criterion(self) -> str: ...
    @property
    def lower_is_better(self) -> bool: ...
    @property
    def has_truth(self) -> bool: ...
    @property
    def facts(self) -> dict[str, str]: ...

    def judge(self, predictions: Any, records: Any, result_file: Path | None) -> Verdict:
        """Write predictions where asked and measure them.

        Args:
            predictions: of some of the records, which their `index` names: `Predictions`, or `GroupPredictions` for
                whole pictures.
            records: all of the data set: `Records`, or `GroupRecords` for whole pictures.
            result_file: where to write the results in the data set's own format; None for nowhere.

        Raises:
            PoseError: predictions that are not numbers, a folder that cannot be written to, or results that the data
                set's server would refuse.
        """

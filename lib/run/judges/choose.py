"""Which judges a configuration asks for.

A metric is a name in `lib.config.checks.METRICS` and a line in `MAKERS`.
"""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from lib.core.inference import Predictions
from lib.core.oks_metrics import OKS_METRICS, oks_metric_of, oks_statistics
from lib.core.truth import read_truth
from lib.dataset import PoseDataset
from lib.run.judges.base import Judge, Verdict
from lib.run.judges.coco import OksJudge, Rule
from lib.run.setup import Setup


def make_judges(setup: Setup, dataset: PoseDataset) -> list[Judge]:
    """The judges of TEST.METRICS in their order.

    Args:
        setup: of the run.
        dataset: the test part.

    Raises:
        PoseError: a metric that the data set cannot be measured with, or truth that cannot be used.
    """
    return [MAKERS[name](setup, dataset) for name in metrics_of(setup)]


def metrics_of(setup: Setup) -> list[str]:
    """TEST.METRICS; where it is empty, what results on the data set are published in."""
    return list(setup.cfg.TEST.METRICS) or [oks_metric_of(setup.cfg.DATASET.DATASET)]


def judged_by(
    judges: Sequence[Judge], predictions: Predictions, dataset: PoseDataset, result_file: Path | None
) -> Verdict:
    """The verdicts of all judges as one; the first of them writes the results and chooses the best weights."""
    files = [result_file, *[None] * (len(judges) - 1)]
    verdicts = [judge.judge(predictions, dataset.records, file) for judge, file in zip(judges, files, strict=True)]
    first = verdicts[0]
    measured = [verdict.stats for verdict in verdicts if verdict.stats is not None]
    return Verdict(
        stats={name: value for stats in measured for name, value in stats.items()} if measured else None,
        num_results=first.num_results,
        tables=tuple(table for verdict in verdicts for table in verdict.tables),
        remark=first.remark,
    )


def _oks_judge(metric: str, setup: Setup, dataset: PoseDataset) -> Judge:
    skeleton = setup.skeleton
    truth = read_truth(dataset.annotation_file, skeleton.num_keypoints, skeleton.form)
    statistics = oks_statistics(metric, truth, skeleton)
    return OksJudge(truth, Rule.of(setup), setup.cfg.MODEL.NAME, statistics, fields=skeleton.fields)


MAKERS: dict[str, Callable[[Setup, PoseDataset], Judge]] = {
    metric: partial(_oks_judge, metric) for metric in OKS_METRICS
}

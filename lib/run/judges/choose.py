"""Which judges a configuration asks for.

A metric is a name in `lib.config.checks.METRICS` and a line in `MAKERS`.
"""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from lib.core.build import build_suppression
from lib.core.group_predictions import GroupPredictions
from lib.core.inference import Predictions
from lib.core.mpii_truth import find_mpii_truth
from lib.core.oks_metrics import FACTS, OKS_METRICS, oks_metric_of, oks_statistics
from lib.core.point_metrics import auc, epe, keypoint_distances, nme, pck
from lib.core.truth import read_truth
from lib.dataset import PictureDataset, PoseDataset, TestDataset
from lib.dataset.layout import MPII
from lib.dataset.records import Records
from lib.run.judges.base import Judge, Verdict
from lib.run.judges.coco import OksJudge
from lib.run.judges.group import GroupJudge
from lib.run.judges.mpii import PckhJudge, write_mpii
from lib.run.judges.points import Metric, PointJudge, box_sizes
from lib.run.setup import Setup
from lib.utils.errors import PoseError


def make_judges(setup: Setup, dataset: TestDataset) -> list[Judge]:
    """The judges of TEST.METRICS in their order.

    Args:
        setup: of the run.
        dataset: the test part.

    Raises:
        PoseError: a metric that the data set cannot be measured with, or truth that cannot be used.
    """
    if isinstance(dataset, PictureDataset):
        return [_group_judge(name, setup, dataset) for name in metrics_of(setup)]
    return [MAKERS[name](setup, dataset) for name in metrics_of(setup)]


def metrics_of(setup: Setup) -> list[str]:
    """TEST.METRICS; where it is empty, what results on the data set are published in."""
    name = setup.cfg.DATASET.DATASET
    return list(setup.cfg.TEST.METRICS) or ["PCKh" if name == MPII else oks_metric_of(name)]


def judged_by(
    judges: Sequence[Judge], predictions: Predictions | GroupPredictions, dataset: TestDataset, result_file: Path | None
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
    if _is_mpii(setup):
        raise PoseError(
            f"TEST.METRICS asks for {metric}, but MPII has no areas for OKS; use PCKh, PCK, AUC, EPE or NME."
        )
    return _of_oks(OksJudge, metric, setup, dataset.annotation_file)


def _group_judge(metric: str, setup: Setup, dataset: PictureDataset) -> Judge:
    """The judge of people that were found without boxes."""
    if metric not in OKS_METRICS:
        raise PoseError(
            f"TEST.METRICS asks for {metric}, which compares one pose with each annotated person, but MODEL.CODEC "
            f"{setup.codec.name} finds people by itself; use {', '.join(OKS_METRICS)}."
        )
    return _of_oks(GroupJudge, metric, setup, dataset.annotation_file)


def _of_oks(kind: type[OksJudge], metric: str, setup: Setup, annotation_file: str) -> Judge:
    skeleton = setup.skeleton
    truth = read_truth(annotation_file, skeleton.num_keypoints, skeleton.form)
    return kind(
        truth,
        build_suppression(setup.cfg),
        setup.cfg.MODEL.NAME,
        oks_statistics(metric, truth, skeleton),
        fields=skeleton.fields,
        remarks=FACTS.get(metric, {}),
    )


def _pckh(setup: Setup, dataset: PoseDataset) -> Judge:
    if not _is_mpii(setup):
        raise PoseError(
            f"TEST.METRICS asks for PCKh, which needs MPII's head boxes, but DATASET.DATASET is "
            f"{setup.cfg.DATASET.DATASET}; use AP, PCK, AUC, EPE or NME."
        )
    truth = find_mpii_truth(dataset.annotation_file, setup.cfg.DATASET.TEST_SET)
    return PckhJudge(truth, dataset.images, setup.cfg.MODEL.NAME)


def _pck(setup: Setup, dataset: PoseDataset) -> Judge:
    part = setup.cfg.TEST.PCK_THRE

    def metric(points: np.ndarray, people: Records) -> float:
        return pck(points, people.keypoints, people.visible, box_sizes(people), part)

    fact = f"nearer than {part:g} of the box's longer side, mean over keypoints"
    return _point_judge(setup, dataset, f"PCK@{part:g}", metric, fact)


def _auc(setup: Setup, dataset: PoseDataset) -> Judge:
    pixels = setup.cfg.TEST.AUC_PIXELS

    def metric(points: np.ndarray, people: Records) -> float:
        return auc(points, people.keypoints, people.visible, pixels)

    return _point_judge(setup, dataset, "AUC", metric, f"mean PCK at 0, 1/20, ..., 19/20 of {pixels:g} px")


def _epe(setup: Setup, dataset: PoseDataset) -> Judge:
    def metric(points: np.ndarray, people: Records) -> float:
        return epe(points, people.keypoints, people.visible)

    return _point_judge(setup, dataset, "EPE", metric, "mean distance in image px", lower_is_better=True)


def _nme(setup: Setup, dataset: PoseDataset) -> Judge:
    pair = tuple(setup.cfg.TEST.NME_KEYPOINTS)
    names = setup.skeleton.names

    def metric(points: np.ndarray, people: Records) -> float:
        truth, labelled = people.keypoints, people.visible
        sizes = keypoint_distances(truth, labelled, (pair[0], pair[1])) if pair else box_sizes(people)
        return nme(points, truth, labelled, sizes)

    unit = f"the distance of {names[pair[0]]} and {names[pair[1]]}" if pair else "the box's longer side"
    return _point_judge(setup, dataset, "NME", metric, f"mean distance by {unit}", lower_is_better=True)


def _point_judge(
    setup: Setup, dataset: PoseDataset, name: str, metric: Metric, fact: str, *, lower_is_better: bool = False
) -> Judge:
    """The judge of a metric that needs the truth of every person tested."""
    if not (dataset.records.visible > 0).any():
        raise PoseError(
            f"TEST.METRICS asks for {name}, which needs the true keypoints of every box, but there are none "
            f"({dataset.box_source}); set TEST.USE_GT_BBOX True on a set with annotations."
        )

    def write(predictions: Predictions, records: Records, path: Path) -> int:
        if _is_mpii(setup):
            return write_mpii(predictions, records, dataset.images, path)
        skeleton = setup.skeleton
        truth = read_truth(dataset.annotation_file, skeleton.num_keypoints, skeleton.form)
        return len(
            OksJudge(truth, build_suppression(setup.cfg), fields=skeleton.fields).select(predictions, records, path)
        )

    return PointJudge(name, metric, fact, setup.cfg.MODEL.NAME, write, lower_is_better)


def _is_mpii(setup: Setup) -> bool:
    return bool(setup.cfg.DATASET.DATASET == MPII)


MAKERS: dict[str, Callable[[Setup, PoseDataset], Judge]] = {
    **{metric: partial(_oks_judge, metric) for metric in OKS_METRICS},
    "PCKh": _pckh,
    "PCK": _pck,
    "AUC": _auc,
    "EPE": _epe,
    "NME": _nme,
}

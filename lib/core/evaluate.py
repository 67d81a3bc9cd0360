"""The ten COCO keypoint statistics."""

import contextlib
import io
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from lib.core.results import coco_results, select_results
from lib.skeletons import load_skeleton
from lib.utils.coco_files import Record, annotated_people, check_results, person_category, read_annotations
from lib.utils.errors import PoseError

# The names of the published repositories, in the order of pycocotools.
STATISTICS = ("AP", "Ap .5", "AP .75", "AP (M)", "AP (L)", "AR", "AR .5", "AR .75", "AR (M)", "AR (L)")


def evaluate_coco(
    preds: ArrayLike,
    boxes: ArrayLike,
    image_ids: ArrayLike,
    gt_file: str | os.PathLike[str],
    *,
    sigmas: ArrayLike | None = None,
    in_vis_thre: float = 0.2,
    oks_thre: float = 0.9,
    soft_nms: bool = False,
) -> dict[str, float]:
    """Rescore, suppress repeated poses and compute the COCO statistics.

    Args:
        preds: image_ (x, y, score), (N, K, 3).
        boxes: center x, center y, scale x, scale y (200 px), area of the padded crop (px²), box score, (N, 6).
        image_ids: (N,), integers.
        gt_file: COCO annotation file.
        sigmas: (K,) per-keypoint constants; COCO's when None.
        in_vis_thre: joint scores above it count in the score of a pose.
        oks_thre: threshold of the suppression.
        soft_nms: soft instead of hard suppression.

    Returns:
        exactly the ten values of `STATISTICS`. A size range without any annotated person has -1, as in pycocotools.
        Without a single prediction all ten are 0.

    Raises:
        PoseError: a number that is not finite, shapes that do not fit, or an annotation file that cannot be used.

    Source: HRNet lib/dataset/coco.py, evaluate.
    """
    used_sigmas = load_skeleton("coco").sigmas_array if sigmas is None else np.asarray(sigmas, dtype=np.float64)
    selection = select_results(
        preds,
        boxes,
        image_ids,
        used_sigmas,
        in_vis_thre=in_vis_thre,
        oks_thre=oks_thre,
        soft_nms=soft_nms,
    )
    annotations = read_annotations(gt_file)
    category = person_category(annotations, gt_file)
    results = coco_results(preds, boxes, image_ids, selection, category)
    return statistics_of(results, annotations, used_sigmas, gt_file)


def coco_statistics(
    results: Sequence[Mapping[str, Any]],
    gt_file: str | os.PathLike[str],
    sigmas: ArrayLike,
    *,
    source: str | os.PathLike[str] = "the results",
) -> dict[str, float]:
    """Compute the ten statistics of COCO result records with pycocotools.

    Args:
        results: records with image_id, category_id, keypoints (3·K numbers) and score; not modified.
        gt_file: COCO annotation file.
        sigmas: (K,).
        source: where the results come from, named in errors.

    Raises:
        PoseError: the annotation file cannot be used, or a record does not fit it.
    """
    return statistics_of(results, read_annotations(gt_file), sigmas, gt_file, source=source)


def statistics_of(
    results: Sequence[Mapping[str, Any]],
    annotations: Record,
    sigmas: ArrayLike,
    gt_file: str | os.PathLike[str],
    *,
    source: str | os.PathLike[str] = "the results",
) -> dict[str, float]:
    """`coco_statistics` for an annotation file that is read already; `gt_file` is only named in errors."""
    used_sigmas = np.asarray(sigmas, dtype=np.float64)
    if not annotations["annotations"]:
        raise PoseError(f"annotation file {gt_file} has no annotations, so there is nothing to evaluate against.")
    category = person_category(annotations, gt_file)
    records = [dict(record) for record in results]
    image_ids = {image["id"] for image in annotations["images"]}
    check_results(records, image_ids, category, len(used_sigmas), source)
    people = annotated_people(annotations, len(used_sigmas), gt_file)
    if not records:
        return dict.fromkeys(STATISTICS, 0.0)
    with contextlib.redirect_stdout(io.StringIO()):  # pycocotools reports on stdout; callers print their own table
        truth = _pycocotools_truth(annotations, people, category)
        evaluation = COCOeval(truth, truth.loadRes(records), "keypoints")
        evaluation.params.kpt_oks_sigmas = used_sigmas
        evaluation.params.catIds = [category]
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return {name: float(value) for name, value in zip(STATISTICS, evaluation.stats, strict=True)}


def format_statistics(stats: Mapping[str, float], name: str) -> str:
    """The table of the published repositories, in Markdown.

    Args:
        stats: values by name, shown in their order; -1 (no annotated person of that kind) becomes n/a.
        name: the first column, usually the model.
    """
    header = f"| Arch | {' | '.join(stats)} |"
    ruler = "|---" * (len(stats) + 1) + "|"
    values = " | ".join("n/a" if value < 0 else f"{value:.3f}" for value in stats.values())
    return f"{header}\n{ruler}\n| {name} | {values} |"


def _pycocotools_truth(annotations: Record, people: list[Record], category: int) -> COCO:
    truth = COCO()
    truth.dataset = {
        "images": list(annotations["images"]),
        "annotations": people,
        "categories": [{"id": category, "name": "person"}],
    }
    truth.createIndex()
    return truth

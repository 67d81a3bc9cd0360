"""The ten COCO keypoint statistics."""

import os
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from lib.core.coco_library import ten_statistics
from lib.core.poses import Poses, check_poses, poses_of
from lib.core.results import chosen_poses, select_results
from lib.core.truth import Truth, read_truth
from lib.skeletons import load_skeleton
from lib.utils.coco_files import Record
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
    truth = read_truth(gt_file, len(used_sigmas))
    return pose_statistics(chosen_poses(preds, boxes, image_ids, selection, truth.category), truth, used_sigmas)


def coco_statistics(
    results: Sequence[Record],
    gt_file: str | os.PathLike[str],
    sigmas: ArrayLike,
    *,
    source: str | os.PathLike[str] = "the results",
) -> dict[str, float]:
    """Compute the ten statistics of COCO result records.

    Args:
        results: records with image_id, category_id, keypoints (3·K numbers) and score; not modified.
        gt_file: COCO annotation file.
        sigmas: (K,).
        source: where the results come from, named in errors.

    Raises:
        PoseError: the annotation file cannot be used, or a record does not fit it.
    """
    constants = np.asarray(sigmas, dtype=np.float64)
    truth = read_truth(gt_file, len(constants))
    poses = poses_of(results, truth.image_ids, truth.category, len(constants), source)
    return pose_statistics(poses, truth, constants, source=source)


def pose_statistics(
    poses: Poses, truth: Truth, sigmas: ArrayLike, *, source: str | os.PathLike[str] = "the results"
) -> dict[str, float]:
    """The ten statistics of poses; `lib.core.coco_library` says by which library.

    Args:
        poses: the results.
        truth: the annotations.
        sigmas: (K,).
        source: where the results come from, named in errors.

    Raises:
        PoseError: there are no annotations, or a pose does not fit them.
    """
    constants = np.asarray(sigmas, dtype=np.float64)
    check_against(poses, truth, len(constants), source)
    values = ten_statistics(poses, truth, constants) if len(poses) else np.zeros(len(STATISTICS))
    return dict(zip(STATISTICS, values.tolist(), strict=True))


def check_against(poses: Poses, truth: Truth, num_keypoints: int, source: str | os.PathLike[str]) -> None:
    """Raise PoseError where there are no annotations to evaluate poses against, or poses do not fit them."""
    if not truth.is_public:
        raise PoseError(f"annotation file {truth.source} has no annotations, so there is nothing to evaluate against.")
    check_poses(poses, truth.image_ids, truth.category, num_keypoints, source)


def format_statistics(stats: Mapping[str, float], name: str) -> str:
    """The table of the published repositories, in Markdown.

    Args:
        stats: values by name, shown in their order; -1 (no annotated person of that kind) and NaN become n/a.
        name: the first column, usually the model.
    """
    header = f"| Arch | {' | '.join(stats)} |"
    ruler = "|---" * (len(stats) + 1) + "|"
    values = " | ".join(f"{value:.3f}" if value >= 0 else "n/a" for value in stats.values())
    return f"{header}\n{ruler}\n| {name} | {values} |"

"""Predict the test records and turn them into result files and statistics; training and testing share it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch import nn

from lib.core.evaluate import pose_statistics
from lib.core.function import validate
from lib.core.hooks import Listener
from lib.core.inference import Predictions
from lib.core.pck import Pck
from lib.core.poses import Poses
from lib.core.result_file import write_results
from lib.core.results import chosen_poses, select_results
from lib.core.submission import check_submission
from lib.core.truth import Truth, read_truth
from lib.dataset import build_dataset, build_loader
from lib.dataset.records import Records
from lib.run.progress import Progress
from lib.run.setup import Setup
from lib.utils import distributed
from lib.utils.geometry import PIXELS_PER_SCALE


@dataclass(frozen=True)
class Outcome:
    """What a test gave, the same on every process.

    Attributes:
        stats: the ten COCO statistics; None where the annotations are not public.
        loss: mean loss; NaN without targets.
        pck: n/a without targets.
        num_results: poses left after suppression.
    """

    stats: dict[str, float] | None
    loss: float
    pck: Pck
    num_results: int


class Evaluator:
    """The test data of a run and what is done with predictions on them."""

    def __init__(self, setup: Setup) -> None:
        """Read the test data.

        Raises:
            PoseError: the annotation or detection file cannot be used.
        """
        self.setup = setup
        self.dataset = build_dataset(setup.cfg, is_train=False)
        self.loader = build_loader(
            setup.cfg, self.dataset, is_train=False, rank=distributed.rank(), world_size=distributed.world_size()
        )
        self._truth: Truth | None = None
        if distributed.is_main():
            self._truth = read_truth(self.dataset.annotation_file, setup.skeleton.num_keypoints)
        self.has_truth = bool(distributed.from_main(self._truth is not None and self._truth.is_public))

    def evaluate(
        self, model: nn.Module, listener: Listener, result_file: Path | None = None, *, title: str = "test"
    ) -> Outcome:
        """Test a model; every process must call.

        Args:
            model: not wrapped, equal on every process.
            listener: sees every batch.
            result_file: where to write the COCO result records; None for nowhere.
            title: of the progress bar.

        Raises:
            PoseError: predictions that are not numbers, a folder that cannot be written to, or results that the COCO
                server would refuse.
        """
        setup = self.setup
        validation = validate(
            model,
            setup.codec,
            setup.loss_function,
            Progress(self.loader, title),
            setup.prepare,
            setup.precision,
            flip_test=setup.cfg.TEST.FLIP_TEST,
            listener=listener,
        )
        judged = None
        if self._truth is not None:
            judged = judge(validation.predictions, self.dataset.records, self._truth, Rule.of(setup), result_file)
        stats, num_results = distributed.from_main(judged)
        return Outcome(stats, validation.loss, validation.pck, num_results)


@dataclass(frozen=True)
class Rule:
    """How predictions become results.

    Attributes:
        sigmas: (K,).
        in_vis_thre: TEST.IN_VIS_THRE.
        oks_thre: TEST.OKS_THRE.
        soft_nms: TEST.SOFT_NMS.
    """

    sigmas: np.ndarray
    in_vis_thre: float = 0.2
    oks_thre: float = 0.9
    soft_nms: bool = False

    @classmethod
    def of(cls, setup: Setup) -> "Rule":
        """The one that a configuration asks for."""
        options = setup.cfg.TEST
        return cls(setup.skeleton.sigmas_array, options.IN_VIS_THRE, options.OKS_THRE, options.SOFT_NMS)


def judge(
    predictions: Predictions, records: Records, truth: Truth, rule: Rule, result_file: Path | None
) -> tuple[dict[str, float] | None, int]:
    """Rescore and suppress predictions, write them and compute their statistics.

    Args:
        predictions: of some of the records.
        records: of the data set.
        truth: its annotations; where they are not public, the results are checked for the COCO server instead.
        rule: how.
        result_file: where to write the results; None for nowhere.

    Returns:
        The ten statistics, None where the annotations are not public; and the number of results.

    Raises:
        PoseError: see `Evaluator.evaluate`.
    """
    poses = select_poses(predictions, records, truth.category, rule)
    if not truth.is_public:
        check_submission(poses, truth, f"the test on {truth.source}")
    if result_file is not None:
        write_results(result_file, poses)
    return pose_statistics(poses, truth, rule.sigmas) if truth.is_public else None, len(poses)


def select_poses(predictions: Predictions, records: Records, category: int, rule: Rule) -> Poses:
    """Rescore and suppress predictions; arguments as in `judge`, `category` is that of a person."""
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

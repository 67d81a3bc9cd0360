"""Predict the test records and turn them into result files and statistics; training and testing share it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from lib.core.evaluate import statistics_of
from lib.core.function import Validation, validate
from lib.core.hooks import Listener
from lib.core.pck import Pck
from lib.core.results import coco_results, select_results, write_results
from lib.core.submission import COCO_PERSON, check_submission
from lib.dataset import build_dataset, build_loader
from lib.dataset.records import Records
from lib.run.progress import Progress
from lib.run.setup import Setup
from lib.utils import distributed
from lib.utils.coco_files import person_category, read_annotations
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
        self._annotations: dict[str, Any] = {}
        if distributed.is_main():
            self._annotations = read_annotations(self.dataset.annotation_file)
        self.has_truth = bool(distributed.from_main(bool(self._annotations.get("annotations"))))

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
        judged = self._judge(validation, result_file) if distributed.is_main() else None
        stats, num_results = distributed.from_main(judged)
        return Outcome(stats, validation.loss, validation.pck, num_results)

    def _judge(self, validation: Validation, result_file: Path | None) -> tuple[dict[str, float] | None, int]:
        """Statistics and number of results; on the main process only."""
        options, records = self.setup.cfg.TEST, self.dataset.records.take(validation.predictions.index)
        preds, boxes, sigmas = validation.predictions.with_scores(), box_rows(records), self.setup.skeleton.sigmas_array
        selection = select_results(
            preds,
            boxes,
            records.image_id,
            sigmas,
            in_vis_thre=options.IN_VIS_THRE,
            oks_thre=options.OKS_THRE,
            soft_nms=options.SOFT_NMS,
        )
        file = self.dataset.annotation_file
        category = person_category(self._annotations, file) if self.has_truth else COCO_PERSON
        results = coco_results(preds, boxes, records.image_id, selection, category)
        if not self.has_truth:
            check_submission(results, self._annotations, f"the test on {file}")
        if result_file is not None:
            write_results(result_file, results)
        stats = statistics_of(results, self._annotations, sigmas, file) if self.has_truth else None
        return stats, selection.num_kept


def box_rows(records: Records) -> np.ndarray:
    """Centre, scale, area of the padded crop (px²) and score, as the evaluation takes boxes, (N, 6), float64."""
    scale = records.scale.astype(np.float64)
    area = np.prod(scale * PIXELS_PER_SCALE, axis=1)
    return np.column_stack([records.center, scale, area, records.score])

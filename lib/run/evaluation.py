"""Predict the test records and have them judged; training and testing share it."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, cast

import torch
from torch import nn

from lib.codecs.group.codec import GroupCodec
from lib.core.build import build_group_test
from lib.core.function import validate
from lib.core.group_inference import Pictures, predict_groups
from lib.core.group_predictions import GroupPredictions, Times
from lib.core.hooks import Listener
from lib.core.inference import Predictions
from lib.core.pck import Pck
from lib.dataset import build_loader, build_test_dataset
from lib.run.judges.base import Judge, Verdict
from lib.run.judges.choose import judged_by, make_judges
from lib.run.progress import Progress
from lib.run.setup import Setup
from lib.utils import distributed


@dataclass(frozen=True)
class Outcome:
    """What a test gave, the same on every process.

    Attributes:
        stats: figures by name, first the one that chooses the best weights; None where the truth is not public.
        loss: mean loss; NaN without targets.
        pck: n/a without targets.
        num_results: results that count, after any suppression.
        tables: the figures as they are printed.
        remark: what is to be said of the result file; '' for nothing.
        lower_is_better: whether the first figure is an error.
        times: where the time went; None for people one by one, where all of it is the network's.
    """

    stats: dict[str, float] | None
    loss: float
    pck: Pck
    num_results: int
    tables: tuple[str, ...] = ()
    remark: str = ""
    lower_is_better: bool = False
    times: Times | None = None

    @property
    def score(self) -> float | None:
        """What the best weights have most of; None where nothing was measured."""
        first = next(iter((self.stats or {}).values()), math.nan)
        return None if math.isnan(first) else -first if self.lower_is_better else first


class _Found(NamedTuple):
    """What a pass over the test data gives; fields as in `Outcome`."""

    predictions: Predictions | GroupPredictions
    loss: float
    pck: Pck
    times: Times | None


class Evaluator:
    """The test data of a run and what is done with predictions on them.

    Attributes:
        dataset: the test records.
        has_truth: whether there is anything to compare with.
        criterion: name of the statistic that chooses the best weights.
        facts: what the figures depend on, by name.
    """

    def __init__(self, setup: Setup) -> None:
        """Read the test data.

        Raises:
            PoseError: the annotation or detection file cannot be used, or not with TEST.METRICS.
        """
        self.setup = setup
        self.dataset = build_test_dataset(setup.cfg)
        self.loader = build_loader(
            setup.cfg, self.dataset, is_train=False, rank=distributed.rank(), world_size=distributed.world_size()
        )
        # The truth is read by one process; the others learn what is said of it.
        self._judges: list[Judge] = make_judges(setup, self.dataset) if distributed.is_main() else []
        self.has_truth, self.criterion, self._lower_is_better, self.facts = distributed.from_main(self._description())

    def evaluate(
        self, model: nn.Module, listener: Listener, result_file: Path | None = None, *, title: str = "test"
    ) -> Outcome:
        """Test a model; every process must call.

        Args:
            model: not wrapped, equal on every process.
            listener: sees every batch.
            result_file: where to write the results; None for nowhere.
            title: of the progress bar.

        Raises:
            PoseError: predictions that are not numbers, a folder that cannot be written to, or results that the data
                set's server would refuse.
        """
        found = self._predict(model, listener, title)
        judged = judged_by(self._judges, found.predictions, self.dataset, result_file) if self._judges else None
        verdict: Verdict = distributed.from_main(judged)
        return Outcome(
            verdict.stats,
            found.loss,
            found.pck,
            verdict.num_results,
            verdict.tables,
            verdict.remark,
            self._lower_is_better,
            found.times,
        )

    def _predict(self, model: nn.Module, listener: Listener, title: str) -> _Found:
        """Arguments as in `evaluate`; a listener sees no whole pictures."""
        setup, progress = self.setup, Progress(self.loader, title)
        if isinstance(setup.codec, GroupCodec):
            pictures, test = cast(Iterable[Pictures], progress), build_group_test(setup.cfg)
            found = predict_groups(model, setup.codec, pictures, setup.prepare, test, setup.precision)
            return _Found(found, math.nan, Pck(torch.zeros(1), torch.zeros(1)), found.times)
        validation = validate(
            model,
            setup.codec,
            setup.loss_function,
            progress,
            setup.prepare,
            setup.precision,
            flip_test=setup.cfg.TEST.FLIP_TEST,
            listener=listener,
        )
        return _Found(validation.predictions, validation.loss, validation.pck, None)

    def best_text(self, score: float) -> str:
        """A value of `Outcome.score` as the figure that it stands for, with its name."""
        return f"{self.criterion}: {-score if self._lower_is_better else score:.4f}"

    def _description(self) -> tuple[bool, str, bool, dict[str, str]] | None:
        """`has_truth`, `criterion`, whether that is an error, and `facts`; None on all but the main process."""
        if not self._judges:
            return None
        first = self._judges[0]
        facts = {name: fact for judge in self._judges for name, fact in judge.facts.items()}
        return first.has_truth, first.criterion, first.lower_is_better, facts

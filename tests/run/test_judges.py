"""Which figures a test gives, and which of them chooses the best weights."""

from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from lib.config.checks import METRICS
from lib.core.inference import Predictions
from lib.core.pck import Pck
from lib.run.evaluation import Outcome
from lib.run.judges.base import Verdict
from lib.run.judges.choose import MAKERS, judged_by

PREDICTIONS: Any = Predictions(np.arange(1), np.zeros((1, 2, 2), np.float32), np.zeros((1, 2), np.float32))
NO_PCK = Pck(torch.zeros(1), torch.zeros(1))


@dataclass
class FixedJudge:
    """Says what it is told to, and notes where it was asked to write."""

    stats: dict[str, float] | None
    files: list[Path | None] = field(default_factory=list)
    criterion = "x"
    lower_is_better = False
    has_truth = True
    facts: dict[str, str] = field(default_factory=dict)

    def judge(self, _predictions: Predictions, _records: Any, result_file: Path | None) -> Verdict:
        self.files.append(result_file)
        return Verdict(self.stats, 3, tables=(f"table {list(self.stats or ())}",), remark="said")


def test_every_name_has_a_maker() -> None:
    assert set(METRICS) == set(MAKERS)


def test_the_first_judge_writes_and_its_figures_come_first() -> None:
    judges = [FixedJudge({"b": 0.5, "c": 0.1}), FixedJudge({"a": 0.9})]
    dataset: Any = SimpleNamespace(records=None)
    verdict = judged_by(judges, PREDICTIONS, dataset, Path("results.json"))
    assert list((verdict.stats or {}).items()) == [("b", 0.5), ("c", 0.1), ("a", 0.9)]
    assert [judge.files for judge in judges] == [[Path("results.json")], [None]]
    assert verdict.tables == ("table ['b', 'c']", "table ['a']")
    assert (verdict.num_results, verdict.remark) == (3, "said")
    assert judged_by([FixedJudge(None)], PREDICTIONS, dataset, None).stats is None


@pytest.mark.parametrize(
    ("stats", "lower", "score"),
    [
        ({"AP": 0.5, "AR": 0.9}, False, 0.5),
        ({"EPE": 3.0, "AP": 0.9}, True, -3.0),
        ({"PCK": float("nan"), "AP": 0.5}, False, None),
        (None, False, None),
    ],
)
def test_the_first_figure_is_the_score(stats: dict[str, float] | None, lower: bool, score: float | None) -> None:
    assert Outcome(stats, 0.0, NO_PCK, 1, lower_is_better=lower).score == score

"""The plain evaluation and ours: the same ten values and the same result file."""

import json
from pathlib import Path

import numpy as np
import pytest

from lib.bench.evaluate import Evaluations, evaluate_rows
from lib.bench.made_results import Amounts
from lib.bench.settings import BenchSettings

FEW = Amounts(images=40, images_with_people=22, people=70, per_image=21)


def test_both_ways_give_the_same(tmp_path: Path) -> None:
    evaluations = Evaluations(tmp_path, FEW)
    expected, _ = evaluations.plain()
    values, _ = evaluations.whole()
    assert 0.1 < values[0] < 0.9
    # The plain way adds joint scores in float32, so the scores of poses differ in their last digits.
    np.testing.assert_allclose(values, expected, atol=1e-6)
    plain, ours = (json.loads(path.read_text()) for path in (evaluations.plain_file, evaluations.our_file))
    assert len(plain) == len(ours) > FEW.people
    for one, other in zip(plain, ours, strict=True):
        assert one.keys() == other.keys()
        assert one.pop("score") == pytest.approx(other.pop("score"), rel=1e-5)
        assert one == other


def test_rows() -> None:
    rows = evaluate_rows(BenchSettings(repeats=2), FEW)
    assert [row.target for row in rows] == ["", "40x", "< 1.5 s", "", "", "", "", "", ""]
    assert rows[2].high == pytest.approx(FEW.results / rows[1].low)
    assert all(row.repeats == 2 for row in rows)

"""Figures of a test against published ones; the command as a whole is in tests/tools/test_zoo_tool.py."""

import math
from pathlib import Path
from types import SimpleNamespace

import pytest
from helpers.tiny_run import make_tiny_data, tiny_experiment
from yacs.config import CfgNode

from lib.run import published
from lib.run.published import compare_published
from lib.utils.errors import PoseError
from lib.zoo.manifest import Entry


@pytest.fixture
def entry(tmp_path: Path) -> Entry:
    experiment = tiny_experiment(tmp_path, make_tiny_data(tmp_path / "data"))
    (tmp_path / "tiny.pth").write_bytes(b"")
    figures = {"AP": 74.4, "Mean@0.5": 88.5, "Mean@0.1": 30.0}
    return Entry(
        "tiny",
        "tiny.pth",
        "somebody/somewhere",
        "MIT",
        place=str(tmp_path),
        config=str(experiment),
        options={"TEST.OKS_THRE": "0.8"},
        published=figures,
        detector=56.4,
    )


def _measures(monkeypatch: pytest.MonkeyPatch, stats: dict[str, float] | None) -> list[CfgNode]:
    """Let every test measure `stats`; the configurations of the tests are returned."""
    seen: list[CfgNode] = []

    def test(cfg: CfgNode) -> SimpleNamespace:
        seen.append(cfg)
        return SimpleNamespace(stats=stats, num_results=5)

    monkeypatch.setattr(published, "test", test)
    return seen


def test_fractions_and_percents(monkeypatch: pytest.MonkeyPatch, entry: Entry) -> None:
    _measures(monkeypatch, {"AP": 0.741, "Mean@0.5": 88.75, "Mean@0.1": 30.0, "AR": 0.5})
    comparison = compare_published(entry)
    assert comparison.measured == {"AP": pytest.approx(74.1), "Mean@0.5": 88.75, "Mean@0.1": 30.0}
    assert comparison.is_within(0.3)
    assert not comparison.is_within(0.29)
    assert [line.split()[1:] for line in comparison.lines()[1:4]] == [
        ["74.4", "74.10", "-0.30"],
        ["88.5", "88.75", "+0.25"],
        ["30.0", "30.00", "+0.00"],
    ]


def test_what_was_not_measured_is_not_within(monkeypatch: pytest.MonkeyPatch, entry: Entry) -> None:
    _measures(monkeypatch, {"AP": 0.744, "Mean@0.5": math.nan})
    comparison = compare_published(entry)
    assert not comparison.is_within(100)
    assert [line.split()[-1] for line in comparison.lines()[2:4]] == ["n/a", "n/a"]


def test_what_the_test_is_run_with(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, entry: Entry) -> None:
    cfgs = _measures(monkeypatch, {"AP": 0.744})
    compare_published(entry)
    compare_published(entry, None, ["TEST.OKS_THRE", "0.7", "TEST.USE_GT_BBOX", "True", "TEST.MODEL_FILE", "mine.pth"])
    first, second = cfgs
    assert (first.TEST.USE_GT_BBOX, first.TEST.OKS_THRE, first.RUN_NAME) == (False, 0.8, "tiny")
    assert str(tmp_path / "tiny.pth") == first.TEST.MODEL_FILE
    assert (second.TEST.USE_GT_BBOX, second.TEST.OKS_THRE, second.TEST.MODEL_FILE) == (True, 0.7, "mine.pth")


def test_annotations_that_are_not_public(monkeypatch: pytest.MonkeyPatch, entry: Entry) -> None:
    _measures(monkeypatch, None)
    with pytest.raises(PoseError, match=r"annotations of val are not public.*DATASET.TEST_SET"):
        compare_published(entry)

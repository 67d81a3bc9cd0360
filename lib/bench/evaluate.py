"""Rows on evaluation: from the network's keypoints to the ten statistics and the result file."""

import contextlib
import io
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools.coco import COCO

from lib.bench.made_results import Amounts, made_results
from lib.bench.plain_evaluate import rescore_and_suppress, statistics, write_file
from lib.bench.rows import Row
from lib.bench.settings import BenchSettings
from lib.core.coco_library import library_for
from lib.core.evaluate import pose_statistics
from lib.core.result_file import write_results
from lib.core.suppression import Suppression
from lib.core.truth import truth_of
from lib.run.judges.coco import OksJudge, box_rows, select_poses
from lib.skeletons import load_skeleton

TARGET_RATIO, TARGET_SECONDS = 40, 1.5
PARTS = ("rescoring and OKS-NMS", "result file", "statistics")


class Evaluations:
    """The same evaluation both ways; annotations are read before, as they are once in a run."""

    def __init__(self, folder: Path, amounts: Amounts) -> None:
        """Make the people and the predictions.

        Args:
            folder: where result files go.
            amounts: how many.
        """
        annotations, self.records, self.predictions = made_results(amounts)
        self.rule = Suppression(load_skeleton("coco").sigmas_array)
        self.truth = truth_of(annotations, len(self.rule.sigmas), "made people")
        self.coco = COCO()
        self.coco.dataset = annotations
        with contextlib.redirect_stdout(io.StringIO()):
            self.coco.createIndex()
        self.preds, self.boxes = self.predictions.with_scores(), box_rows(self.records)
        self.plain_file, self.our_file = folder / "plain.json", folder / "ours.json"

    def plain(self) -> tuple[np.ndarray, list[float]]:
        """The ten values, and the seconds of each part."""
        arrays, sigmas = (self.preds, self.boxes, self.records.image_id), self.rule.sigmas
        kept, first = _timed(lambda: rescore_and_suppress(*arrays, sigmas))
        _, second = _timed(lambda: write_file(self.plain_file, kept))
        values, third = _timed(lambda: statistics(self.plain_file, self.coco, sigmas))
        return values, [first, second, third]

    def parts(self) -> list[float]:
        """The seconds of each part of ours."""
        poses, first = _timed(lambda: select_poses(self.predictions, self.records, self.truth.category, self.rule))
        _, second = _timed(lambda: write_results(self.our_file, poses))
        _, third = _timed(lambda: pose_statistics(poses, self.truth, self.rule.sigmas))
        return [first, second, third]

    def whole(self) -> tuple[np.ndarray, float]:
        """The ten values, and the seconds of everything that a test does after its last batch."""
        judge = OksJudge(self.truth, self.rule)
        verdict, seconds = _timed(lambda: judge.judge(self.predictions, self.records, self.our_file))
        return np.array(list((verdict.stats or {}).values())), seconds


def evaluate_rows(settings: BenchSettings, amounts: Amounts | None = None) -> list[Row]:
    """Seconds of both ways, of the whole and of its parts; each round does all of them.

    Args:
        settings: how often.
        amounts: of people and results; those of COCO val2017 when None.
    """
    amounts = amounts or Amounts()
    plain, ours = np.empty((settings.repeats, 1 + len(PARTS))), np.empty((settings.repeats, 1 + len(PARTS)))
    with tempfile.TemporaryDirectory() as folder:
        evaluations = Evaluations(Path(folder), amounts)
        name = f"evaluation, {amounts.results} results"
        way = f"arrays, {library_for(evaluations.truth)}"
        evaluations.whole()  # imports the libraries
        for turn in range(settings.repeats):
            plain[turn, 1:] = evaluations.plain()[1]
            plain[turn, 0] = plain[turn, 1:].sum()
            ours[turn, 0] = evaluations.whole()[1]
            ours[turn, 1:] = evaluations.parts()
    ratios, repeats = plain / ours, settings.repeats
    rows = [
        Row.of(name, "plain", "results/s", amounts.results / plain[:, 0], np.ones(repeats), "", repeats),
        Row.of(name, way, "results/s", amounts.results / ours[:, 0], ratios[:, 0], f"{TARGET_RATIO}x", repeats),
        Row.of(name, way, "s", ours[:, 0], None, f"< {TARGET_SECONDS} s", repeats),
    ]
    for column, part in enumerate(PARTS, 1):
        rows.append(Row.of(part, "plain", "s", plain[:, column], np.ones(repeats), "", repeats))
        rows.append(Row.of(part, way, "s", ours[:, column], ratios[:, column], "", repeats))
    return rows


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    started = time.perf_counter()
    result = work()
    return result, time.perf_counter() - started

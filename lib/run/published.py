"""Test published weights and hold the figures against the published ones."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from yacs.config import CfgNode

from lib.config import load_config
from lib.run.test import test
from lib.utils.errors import PoseError
from lib.zoo.files import check_hash, present
from lib.zoo.manifest import MANIFEST, Entry

EXPERIMENTS = MANIFEST.parent / "experiments"
# Person AP of the detection file that the experiments name.
DETECTOR_OF_EXPERIMENTS = 56.4
# COCO's figures are fractions of 1; MPII's are percent as they are.
IN_FRACTIONS = ("AP", "AR")
# Parts that the published figures are of.
TESTED_ON = {"coco": "val2017", "crowdpose": "test"}
BOX_KEYS = {"TEST.COCO_BBOX_FILE", "TEST.USE_GT_BBOX"}


@dataclass(frozen=True)
class Comparison:
    """Published against measured figures, both in percent.

    Attributes:
        entry: what was published.
        measured: figures by the names of `entry.published`; NaN for those that the test does not give.
        conditions: name, published, measured.
    """

    entry: Entry
    measured: dict[str, float]
    conditions: tuple[tuple[str, str, str], ...]

    def is_within(self, tolerance: float) -> bool:
        """Whether no figure differs by more than `tolerance`, in points of a percent."""
        differences = [abs(self.measured[name] - value) for name, value in self.entry.published.items()]
        # Published figures have one decimal: a difference of exactly the tolerance must not fail by rounding.
        return all(difference <= tolerance + 1e-9 for difference in differences)

    def lines(self) -> list[str]:
        """A table of figures and conditions."""
        lines = [f"{self.entry.name:<28} {'published':>10} {'measured':>10} {'difference':>10}"]
        for name, value in self.entry.published.items():
            found = self.measured[name]
            figures = "       n/a        n/a" if math.isnan(found) else f"{found:10.2f} {found - value:+10.2f}"
            lines.append(f"{name:<28} {value:10.1f} {figures}")
        rows = [(name, f"{published} / {measured}") for name, published, measured in self.conditions]
        return [*lines, *(f"{name:<28} {text}" for name, text in rows)]


def compare_published(entry: Entry, folder: Path | None = None, overrides: Sequence[str] = ()) -> Comparison:
    """Run the test of an entry's experiment with its weights, as `tools/test.py` does; every process calls.

    Args:
        entry: a published result.
        folder: of its weights; None = its own place.
        overrides: `KEY VALUE` pairs, which win over what the entry asks for. TEST.MODEL_FILE names other weights.

    Raises:
        PoseError: the entry cannot be tested here, its weights or boxes are missing, the file is not the published
            one, or bad input of the test.
    """
    cfg = _configuration(entry, folder, overrides)
    outcome = test(cfg)
    if outcome.stats is None:
        raise PoseError(
            f"{entry.name} cannot be compared: the annotations of {cfg.DATASET.TEST_SET} are not public; test on "
            "another part with DATASET.TEST_SET."
        )
    measured = {
        name: outcome.stats.get(name, math.nan) * (100 if name in IN_FRACTIONS else 1) for name in entry.published
    }
    return Comparison(entry, measured, _conditions(entry, cfg, outcome.num_results))


def _configuration(entry: Entry, folder: Path | None, overrides: Sequence[str]) -> CfgNode:
    if not entry.published:
        raise PoseError(f"{entry.name} are weights to start a training from; there is no published figure to test.")
    if not entry.config:
        raise PoseError(f"{entry.name} cannot be tested here yet: {entry.note}.")
    changed = set(overrides[::2])
    if entry.detector not in (None, DETECTOR_OF_EXPERIMENTS) and not changed & BOX_KEYS:
        raise PoseError(
            f"{entry.name} was measured on boxes of a detector of person AP {entry.detector}, which its authors give "
            "away; name their file with TEST.COCO_BBOX_FILE, or test on annotated boxes with TEST.USE_GT_BBOX True."
        )
    automatic = {"RUN_NAME": entry.name, **entry.options}
    if entry.detector is not None:
        automatic["TEST.USE_GT_BBOX"] = "False"
    if "TEST.MODEL_FILE" not in changed:
        path = present(entry, folder)
        check_hash(entry, path)
        # Absolute, because DATA_DIR would be put before it.
        automatic["TEST.MODEL_FILE"] = str(path.absolute())
    pairs = [word for pair in automatic.items() for word in pair]
    return load_config(EXPERIMENTS / entry.config, [*pairs, *overrides])


def _conditions(entry: Entry, cfg: CfgNode, num_results: int) -> tuple[tuple[str, str, str], ...]:
    data = TESTED_ON.get(cfg.DATASET.DATASET, "validation part")
    rows = [
        ("weights", entry.file, cfg.TEST.MODEL_FILE),
        ("flip test", "yes", "yes" if cfg.TEST.FLIP_TEST else "no"),
        ("data", data, f"{cfg.DATASET.TEST_SET}, {num_results} results"),
    ]
    if entry.detector is not None:
        boxes = "annotated boxes" if cfg.TEST.USE_GT_BBOX else f"detections of {cfg.TEST.COCO_BBOX_FILE}"
        rows.append(("boxes", f"detections of person AP {entry.detector}", boxes))
    return tuple(rows)
